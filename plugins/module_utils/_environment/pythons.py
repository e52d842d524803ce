# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Python version that an app requires, and which interpreter of a host meets it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError

_CLAUSE = re.compile(r"(?P<operator>===|~=|==|!=|<=|>=|<|>)?\s*v?(?P<version>\d+(?:\.\d+)*)(?P<any>\.\*)?")


@dataclass(frozen=True)
class Python:
    """An interpreter: its path, its full version such as 3.11.2, and whose it is."""

    path: str
    version: str
    implementation: str = "CPython"

    @property
    def series(self) -> str:
        """What packages are installed for: 3.11 of 3.11.2, and pypy3.11 of PyPy's 3.11.15."""
        prefix = "" if self.implementation == "CPython" else self.implementation.lower()
        return prefix + ".".join(self.version.split(".")[:2])


@dataclass(frozen=True)
class Demand:
    """A requirement for Python's version in a file of the app: its text, and where it was found."""

    text: str
    place: str

    def __str__(self) -> str:
        """Return its description in messages."""
        return f"Python {self.text} ({self.place})"


def meets(demand: str, version: str) -> bool:
    """Return whether a version of Python meets what a Pipfile (`3.11`, `3.11.4`) or a pyproject.toml (`>=3.9,<4`) demands.

    A bare or an equal version asks for its series: the patch level is Debian's business, and packages are installed for a series.
    What cannot be read demands nothing: pip has the last word.
    """
    return all(_meets_clause(clause.strip(), version) for clause in demand.split(",") if clause.strip())


def _meets_clause(clause: str, version: str) -> bool:
    match = _CLAUSE.fullmatch(clause)
    if match is None:
        return True
    wanted, has = _split(match["version"]), _split(version)
    operator = match["operator"] or "=="
    if operator in ("==", "==="):
        return has[: len(wanted[:2])] == wanted[:2]
    if operator == "!=":
        return has[: len(wanted)] != wanted
    if operator == "~=":
        return has >= wanted and has[: len(wanted) - 1] == wanted[:-1]
    if operator in ("<", ">="):
        return (has < wanted) == (operator == "<")
    return (has <= wanted or has[: len(wanted)] == wanted) == (operator == "<=")


def _split(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version))


def choose_python(*, asked: str, demand: Demand | None, default: Python, available: Sequence[Python], ignore: bool) -> Python:
    """Return the interpreter that an environment is made of: the requested one, the default one, or the newest that the app accepts.

    `asked` is a series such as 3.12, or empty. Raise UserError if the host has none that meets the demand, unless `ignore` is set.
    """
    host_has = ", ".join(dict.fromkeys(f"{python.version} ({python.path})" for python in (default, *available)))
    if asked:
        chosen = next((python for python in (default, *available) if python.series == asked), None)
        if chosen is None:
            raise UserError(
                f"Python {asked} is asked for, and the host has none; it has {host_has}. "
                "Install it, or name another one in `dependencies.python`: a version such as 3.11 or the path of an interpreter"
            )
    else:
        chosen = default
    if demand is None or ignore or meets(demand.text, chosen.version):
        return chosen
    fitting = [python for python in available if meets(demand.text, python.version)]
    if fitting and not asked:
        return max(fitting, key=lambda python: _split(python.version))
    named = f"Python {asked} is asked for and" if asked else f"the host has {host_has}, and"
    raise UserError(
        f"{named} the app demands {demand}. Change that file, install such a Python and name it in `dependencies.python`, or set "
        f"`dependencies.ignore_python_requirement: true` to install with {chosen.version} all the same"
    )
