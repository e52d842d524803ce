# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the submodules of a repository are checked out, and how many there may be."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._source.bounds import Allowance, Room
from ansible_collections.webstack.flask.plugins.module_utils._source.git import MOST_NESTED, MOST_SUBMODULES
from ansible_collections.webstack.flask.plugins.module_utils._source.tree import is_within


@dataclass(frozen=True)
class Checkout:
    """A directory into which a repository is checked out: the build itself, or a submodule `above` levels down in it.

    All checkouts of one source share the `room` that is left, and the `number` of submodules that are still allowed.
    """

    directory: Path
    room: Room
    number: Allowance
    above: int = 0
    nested: int = 0

    @classmethod
    def of(cls, build: Path, room: Room) -> Checkout:
        """Return the checkout of the repository itself, with the full limits."""
        most = f"the repository has more than {MOST_SUBMODULES} submodules, those of submodules included; leave some out"
        return cls(build, room, Allowance(MOST_SUBMODULES, most))

    def enter(self, path: str) -> Checkout:
        """Return the checkout of a submodule; raise UserError if its path leaves the build, or there are too many."""
        place = self.directory / path
        if not is_within(place, self.directory):
            raise UserError(f"the submodule {path} would be written through a link out of the build")
        self.number.take(1)
        if self.nested == MOST_NESTED:
            raise UserError(f"the submodule {path} lies within {MOST_NESTED} others, the most that is allowed; does one name itself?")
        return replace(self, directory=place, above=self.above + len(PurePosixPath(path).parts), nested=self.nested + 1)
