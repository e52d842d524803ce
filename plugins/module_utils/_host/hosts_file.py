# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The text of a hosts file (hosts(5)) with the names of each app in a block of its own: runs that describe other apps leave them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any


def update_text(text: str, entries: Sequence[Mapping[str, Any]], label: str) -> str:
    """Return the text of a hosts file with the names of `entries`, each {address, names, app, former}.

    Entries of an app are in a block of the app's, which goes when they have no names. The blocks of other apps stay, as do all other lines.
    Entries without an app are in one block, `label`, which goes when there are no entries at all. In that block former versions had the
    names of all apps: an app's are taken out of it, those that it had at `former`, too.
    """
    ends = "\r\n" if "\r\n" in text else "\n"
    blocks = _group(entries, label)
    pieces = list(_parse(text))
    if label not in blocks:
        names = {name for entry in entries for name in (*entry["names"], *(entry.get("former") or ()))}
        pieces = [(found, _without(lines, names) if found == label else lines) for found, lines in pieces]
    written: set[str] = set()
    parts: list[str] = []
    for found, lines in pieces:
        if found in blocks and found is not None:
            parts += [] if found in written else _format(found, blocks[found], ends)
            written.add(found)
        elif found == label and not lines:
            continue
        else:
            parts += lines if found is None else _format(found, [line.rstrip("\r\n") for line in lines], ends)
    new = [line for found, lines in blocks.items() if found not in written for line in _format(found, lines, ends)]
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


def _parse(text: str) -> Iterator[tuple[str | None, list[str]]]:
    """Return the lines of a text, those of each block of ours, without its marks, with what these say. Half a block has lost its mark."""
    outside: list[str] = []
    lines = _split(text)
    number = 0
    while number < len(lines):
        name = _read_mark(lines[number], "BEGIN")
        end = next((n for n in range(number + 1, len(lines)) if name and _read_mark(lines[n], "END") == name), None)
        begun = any(_read_mark(line, "BEGIN") for line in lines[number + 1 : end or number])
        if name and end and not begun:
            yield None, outside
            outside = []
            yield name, lines[number + 1 : end]
            number = end
        elif not name:
            outside.append(lines[number])
        number += 1
    yield None, outside


def _split(text: str) -> list[str]:
    return [f"{line}\n" for line in text.split("\n")[:-1]] + ([text.rsplit("\n", maxsplit=1)[-1]] if not text.endswith("\n") else [])


def _read_mark(line: str, kind: str) -> str | None:
    """Return what a line says that begins, or ends, a block of ours."""
    mark = f"# {kind} "
    said = line.rstrip("\r\n")
    return said[len(mark) :] if said.startswith(f"{mark}webstack.flask") and line.endswith("\n") else None


def _without(lines: Sequence[str], names: set[str]) -> list[str]:
    """Return the lines of a block without some names."""
    kept = []
    for line in lines:
        address, *found = line.split()
        left = [name for name in found if name not in names]
        kept += [f"{address} {' '.join(left)}"] if left else []
    return kept


def _format(name: str, lines: Sequence[str], ends: str) -> list[str]:
    return [f"{line}{ends}" for line in (f"# BEGIN {name}", *lines, f"# END {name}")] if lines else []
