# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A unit that runs once and ends: started now, waited for, and what it has said."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence
from contextlib import suppress

from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._host.commands import TimedOut, run
from ansible_collections.webstack.flask.plugins.module_utils._systemd import journal
from ansible_collections.webstack.flask.plugins.module_utils._systemd.journal import Run

_LINES = 200
_SYNC_TIMEOUT = 30.0


def run_unit(starter: str, units: Sequence[str], say: Callable[[str], object]) -> int:
    """Start a unit, be it by another one, and wait for its end; say what it has said, and return its exit status.

    One that runs already is waited for. `units` are those of which one runs then, as that of a job in each of the releases.
    """
    before = _find_last(units)
    ended = subprocess.run(["systemctl", "start", "--", starter], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
    with suppress(TimedOut, OSError):
        # What a process has said that ended just now may not have been stored yet.
        run(["journalctl", "--sync"], timeout=_SYNC_TIMEOUT)
    last = choose_new(before, _find_last(units))
    if last is None:
        # It was not even started, or the journal does not keep what it was told.
        if ended.returncode != 0:
            raise UserError(ended.stderr.strip() or f"systemd could not start {starter}")
        return 0
    for line in journal.read_words(last.invocation, _LINES):
        say(line)
    if ended.returncode == 0:
        return 0
    say(f"it has failed: {last.describe_failure() or 'the journal does not say how'}")
    return last.status or 1


def choose_new(before: Run | None, after: Run | None) -> Run | None:
    """Return the last run, if it went on since the one that was the last before; None if that one had ended already."""
    if before is None or after is None or before.invocation != after.invocation:
        return after
    return after if before.ended is None else None


def _find_last(units: Sequence[str]) -> Run | None:
    return next(iter(journal.read_runs(units, 1)), None)
