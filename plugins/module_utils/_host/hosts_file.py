# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The text of a hosts file (hosts(5)) with the names of each app in a block of its own: runs that describe other apps leave them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._host.blocks import format_block, parse_blocks


def update_text(text: str, entries: Sequence[Mapping[str, Any]], label: str) -> str:
    """Return the text of a hosts file with the names of `entries`, each {address, names, app, former}.

    Entries of an app are in a block of the app's, which goes when they have no names. The blocks of other apps stay, as do all other lines.
    Entries without an app are in one block, `label`, which goes when there are no entries at all. In that block former versions had the
    names of all apps: an app's are taken out of it, those that it had at `former`, too.
    """
    ends = "\r\n" if "\r\n" in text else "\n"
    blocks = _group(entries, label)
    pieces = list(parse_blocks(text))
    if label not in blocks:
        names = {name for entry in entries for name in (*entry["names"], *(entry.get("former") or ()))}
        pieces = [(found, _without(lines, names) if found == label else lines) for found, lines in pieces]
    written: set[str] = set()
    parts: list[str] = []
    for found, lines in pieces:
        if found in blocks and found is not None:
            parts += [] if found in written else format_block(found, blocks[found], ends)
            written.add(found)
        elif found == label and not lines:
            continue
        else:
            parts += lines if found is None else format_block(found, [line.rstrip("\r\n") for line in lines], ends)
    new = [line for found, lines in blocks.items() if found not in written for line in format_block(found, lines, ends)]
    # A last line without an end would get one from a block behind it; a block before the first line leaves it as it is.
    return "".join([*parts, *new] if not text or text.endswith("\n") else [*new, *parts])


def _group(entries: Sequence[Mapping[str, Any]], label: str) -> dict[str, list[str]]:
    """Return the lines of each block that is to be, or to go, by what its marks say."""
    blocks: dict[str, list[str]] = {} if entries else {label: []}
    for entry in entries:
        name = f"{label}: {entry['app']}" if entry.get("app") else label
        names = " ".join(dict.fromkeys(entry["names"]))
        blocks.setdefault(name, []).extend([f"{entry['address']} {names}"] if names else [])
    return blocks


def _without(lines: Sequence[str], names: set[str]) -> list[str]:
    """Return the lines of a block without some names."""
    kept = []
    for line in lines:
        address, *found = line.split()
        left = [name for name in found if name not in names]
        kept += [f"{address} {' '.join(left)}"] if left else []
    return kept
