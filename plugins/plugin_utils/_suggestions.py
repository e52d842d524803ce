# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the user may have meant by a name that does not exist."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

_CUTOFF = 0.6
_SHOWN = 80
"""Characters of a wrong value that a message shows."""


def show(value: object) -> str:
    """Return a wrong value as a message shows it: the beginning of one that is long."""
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}… ({len(text)} characters)"


def find_closest(name: object, known: Iterable[str], cutoff: float = _CUTOFF) -> str | None:
    """Return the known name that is most similar, None if none is as similar as `cutoff`, from 0 to 1."""
    return next(iter(get_close_matches(str(name), list(known), n=1, cutoff=cutoff)), None)


def describe_unknown_key(key: object, known: Iterable[str]) -> str:
    """Return the message for a key that does not exist, with the one that may be meant, and all that do exist."""
    names = sorted(known)
    closest = find_closest(str(key)[:_SHOWN], names)
    hint = f"; did you mean {closest!r}?" if closest else "."
    return f"{show(key)} is not a key{hint} Allowed are {', '.join(names)}"
