# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run puts right before its own work: what an earlier one, or a hand, has left between two releases."""

from __future__ import annotations

from dataclasses import replace

from ansible_collections.webstack.flask.plugins.module_utils._release.data import remember_database
from ansible_collections.webstack.flask.plugins.module_utils._release.failure import ReleaseFailed
from ansible_collections.webstack.flask.plugins.module_utils._release.record import choose_previous, is_unfinished
from ansible_collections.webstack.flask.plugins.module_utils._release.release import note, read_record, read_records
from ansible_collections.webstack.flask.plugins.module_utils._release.switch import Switch


def read_switch_of(switch: Switch, release: str) -> Switch:
    """Return the same switch for a release that is on the host already, which is asked for its health in its own way."""
    record = read_record(switch.layout, switch.host, release)
    return replace(switch, check=switch.check.asked_as(record.health)) if record else switch


def recover(switch: Switch) -> bool:
    """Put right what an earlier run, or a hand, has left between two releases; return whether there was anything.

    A link that is gone is put back. A release that is current and was not verified since is that of a switch that was cut off, and is
    confirmed as it would have been then; if it proves bad now, users go back to the last one that was good. Where that is no good either,
    they stay where they are: what this run brings may be better than both.
    """
    current = switch.current
    if current is None:
        return _fall_back(switch, None)
    if not is_unfinished(read_records(switch.layout, switch.host), current):
        return False
    try:
        own = read_switch_of(switch, current)
        own.repair(current)
        own.verify(current, watch=True)
        own.workforce.take_over(current, watch=True)
    except ReleaseFailed as failure:
        reason = str(failure)
        note(switch.layout, switch.host, current, lambda found, now: found.mark_failed(now, reason))
        switch.notes.append(f"a run that was cut off had left release {current}, which is no good: {reason.partition(chr(10))[0]}")
        _fall_back(switch, current)
        return True
    note(switch.layout, switch.host, current, lambda found, now: found.mark_verified(now))
    switch.timers.follow(current)
    switch.notes.append(f"finished the switch to {current} that was cut off")
    return True


def _fall_back(switch: Switch, current: str | None) -> bool:
    """Take users to the last release that was good, if there is one; return whether there is."""
    fallback = choose_previous(read_records(switch.layout, switch.host), current)
    if fallback is None:
        return False
    try:
        read_switch_of(switch, fallback.id).return_to(fallback.id)
    except ReleaseFailed as failure:
        switch.notes.append(f"could not go back to release {fallback.id}: {str(failure).partition(chr(10))[0]}")
    else:
        switch.notes.append(f"went back to release {fallback.id}")
    return True


def stay(switch: Switch, release: str) -> bool:
    """See that users reach the release where the link leads already; return whether anything had to be mended."""
    mended = switch.repair(release)
    switch.verify(release)
    mended |= remember_database(switch.layout, switch.host)
    if switch.workforce.take_over(release):
        switch.notes.append(f"put the processes of {release} in order")
        mended = True
    if switch.timers.follow(release):
        switch.notes.append(f"put the schedules of {release} in order")
        mended = True
    switch.notes += switch.timers.describe(release, times=False)
    if not is_unfinished(read_records(switch.layout, switch.host), release):
        return mended
    note(switch.layout, switch.host, release, lambda found, now: found.mark_verified(now))
    switch.notes.append(f"finished the switch to {release} that was cut off")
    return True
