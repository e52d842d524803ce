# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Blocks of lines between two marks, which are ours in a file that others write, too."""

from __future__ import annotations

from collections.abc import Iterator, Sequence


def parse_blocks(text: str) -> Iterator[tuple[str | None, list[str]]]:
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


def format_block(name: str, lines: Sequence[str], ends: str = "\n") -> list[str]:
    """Return the lines of a block, with its marks; none where it has no lines."""
    return [f"{line}{ends}" for line in (f"# BEGIN {name}", *lines, f"# END {name}")] if lines else []
