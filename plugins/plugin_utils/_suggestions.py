# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the user may have meant by a name that does not exist."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

_CUTOFF = 0.6


def find_closest(name: object, known: Iterable[str], cutoff: float = _CUTOFF) -> str | None:
    """Return the known name that is most similar, None if none is as similar as `cutoff`, from 0 to 1."""
    return next(iter(get_close_matches(str(name), list(known), n=1, cutoff=cutoff)), None)


def describe_unknown_key(key: object, known: Iterable[str]) -> str:
    """Return the message for a key that does not exist, with the one that may be meant, and all that do exist."""
    names = sorted(known)
    closest = find_closest(key, names)
    hint = f"; did you mean {closest!r}?" if closest else "."
    return f"{key!r} is not a key{hint} Allowed are {', '.join(names)}"
