# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What `describe` has found: keys of an entry, each with its reason, and what else somebody has to know."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError

SURE, LIKELY = "sure", "likely"
"""Whether the repository says it, or it follows from what is usual. The latter is marked in the comment."""
_MOST_CHOICES = 12


@dataclass(frozen=True)
class Finding:
    """A value of a key, in dots where it lies within another: `shared.directories`. Lists of one key are joined."""

    key: str
    value: Any
    reason: str
    certainty: str = SURE
    is_own: bool = False
    """Whether it is not from the repository, so that braces in it are meant for Ansible."""


@dataclass
class Findings:
    """All that was found."""

    items: list[Finding] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    """What stands below the entry."""

    def add(self, key: str, value: object, reason: str, certainty: str = SURE, *, is_own: bool = False) -> None:
        """Add a value of a key."""
        self.items.append(Finding(key, value, reason, certainty, is_own))

    def has(self, key: str) -> bool:
        """Return whether a key has a value."""
        return any(item.key == key for item in self.items)

    def value(self, key: str) -> Any:  # noqa: ANN401 - as YAML has them
        """Return the last value of a key; None if it has none."""
        return next((item.value for item in reversed(self.items) if item.key == key), None)


class Ambiguous(UserError):
    """Several things are possible, and a variable chooses."""

    def __init__(self, what: str, choices: list[str]) -> None:
        """Tell what they are, each as the variable that chooses it: `flask_wsgi=wsgi:app`."""
        shown = "".join(f"\n  -e {shlex.quote(choice)}" for choice in choices[:_MOST_CHOICES])
        super().__init__(f"{what}; choose one:{shown}" + ("\n  …" if len(choices) > _MOST_CHOICES else ""))
