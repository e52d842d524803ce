# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The transaction that takes users from one release to another, in stages: prepare, commit, confirm, settle; or revert.

The order of the steps is what makes an interruption at any point harmless: the candidate starts at boot before the link names it, and the
former release does so until it has been stopped. docs/architecture.md tells the whole story.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from ansible_collections.webstack.flask.plugins.module_utils._release.data import remember_database
from ansible_collections.webstack.flask.plugins.module_utils._release.failure import ReleaseFailed
from ansible_collections.webstack.flask.plugins.module_utils._release.release import note, prune, sweep
from ansible_collections.webstack.flask.plugins.module_utils._release.switch import VERIFY_TIMEOUT, Switch


@dataclass(frozen=True)
class Transaction:
    """One app on its way to a release. What its later stages must know of the time before is in plain values."""

    switch: Switch
    release: str
    before: str | None
    """The release that users reached when it began."""

    former: str | None
    """Where the link `previous` pointed when it began."""

    keep: int | None = None
    """How many verified releases stay besides; None is all."""

    @classmethod
    def begin(cls, switch: Switch, release: str, keep: int | None = None) -> Transaction:
        """Return the transaction that takes users from where they are now to a release."""
        return cls(switch, release, switch.current, switch.host.files.read_link(switch.layout.previous), keep)

    def run(self) -> None:
        """Do all of it: make the release the one that users reach. If it is no good, leave all as it was and raise ReleaseFailed."""
        try:
            self.prepare()
            self.commit()
            self.confirm()
            self.hand_over()
        except BaseException as failure:
            self.revert(failure)
            raise
        self.settle()

    def prepare(self) -> None:
        """Have the release healthy on its own socket, beside the one that users reach."""
        gentle = self.before is not None and self.switch.slow_down(self.release)
        self.switch.bring_up(self.release)
        if gentle:
            self.switch.speed_up(self.release)

    def commit(self) -> None:
        """Let users reach it. It starts at boot first: whenever the power is cut, the release that the link names comes up."""
        self.start_at_boot()
        self.lead()

    def start_at_boot(self) -> None:
        """Let it start at boot, as the former one does."""
        self.switch.units.enable(self.release)

    def lead(self) -> None:
        """Point the links at it."""
        self.switch.lead_to(self.release, self.before)

    def confirm(self) -> None:
        """Verify through the web server that it is the one that answers, and watch it for a moment, the former one still warm.

        Where there is a former release, the first answer decides, because users get such answers too.
        """
        self.switch.verify_within(0 if self.before else VERIFY_TIMEOUT, self.release)
        self.switch.watch(self.release)

    def hand_over(self) -> None:
        """Have its processes at work. Those of the former release go on, but for those of which there must never be two."""
        if self.switch.workforce.take_over(self.release):
            self.switch.notes.append(f"started the processes of {self.release}")
            for name in self.switch.workforce.find_shells(self.release):
                self.switch.notes.append(
                    f"ATTENTION: of the process {name} a shell is told to end, and what it runs is killed at once; write `exec` before the "
                    "program, as in `exec worker >> log`"
                )

    def settle(self) -> None:
        """Write down that it serves, let its jobs start, stop the former release when its requests have ended, and prune."""
        self.write_down()
        self.leave()

    def write_down(self) -> None:
        """Write down that it serves, and let its jobs start: from here on it is not taken back."""
        switch = self.switch
        note(switch.layout, switch.host, self.release, lambda found, now: found.mark_verified(now))
        remember_database(switch.layout, switch.host)
        switch.timers.follow(self.release)
        switch.notes += switch.timers.describe(self.release, times=True)
        switch.notes.append(f"switched from {self.before or 'nothing'} to {self.release}")

    def leave(self) -> None:
        """Stop the former release when its requests have ended, and prune."""
        switch = self.switch
        retire_others(switch, self.release)
        if self.keep is None:
            sweep(switch.layout, switch.host)
        else:
            prune(switch.layout, switch.host, self.release, self.keep)

    def revert(self, failure: BaseException) -> None:
        """Take users back to the release before, which is still warm; stop this one, and write down why it failed."""
        self.give_up(failure, reached=self.take_back())

    def take_back(self) -> bool:
        """Take users back to the release before, which is still warm; return whether they had reached this one."""
        reached = self.switch.current == self.release
        if reached:
            self.switch.lead_back(self.before, self.former)
            self._take_back_work()
        return reached

    def give_up(self, failure: BaseException, *, reached: bool) -> None:
        """Stop a release that users have left, or have never reached, and write down why it failed, if it has."""
        self.switch.retire(self.release, drain=reached)
        if isinstance(failure, ReleaseFailed):
            reason = str(failure)
            with suppress(OSError):  # on a full disk the reason matters more than its record
                note(self.switch.layout, self.switch.host, self.release, lambda found, now: found.mark_failed(now, reason))

    def _take_back_work(self) -> None:
        """Have the processes of the release before at work, of which some may have been ended for those of this one."""
        if self.before is None:
            return
        try:
            self.switch.workforce.take_over(self.before)
        except ReleaseFailed as failure:  # the reason why users were taken back matters more
            self.switch.notes.append(str(failure).partition("\n")[0])


def retire_others(switch: Switch, release: str | None) -> bool:
    """Stop what runs besides a release when its requests have ended, be it left by a run that was cut off; return whether there was any."""
    others = switch.units.find_others(release)
    for other in others:
        switch.retire(other)
        switch.notes.append(f"stopped release {other}")
    return bool(others)
