# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the command webstack has to know of the host, read from it. It changes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from ansible_collections.webstack.flask.plugins.module_utils._backups.settings import read_settings, settings_file
from ansible_collections.webstack.flask.plugins.module_utils._backups.state import find_complaints_by_kind, read_state
from ansible_collections.webstack.flask.plugins.module_utils._certificates.pem import path_of, read_chain
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._host.files import read_text
from ansible_collections.webstack.flask.plugins.module_utils._host.lock import is_held
from ansible_collections.webstack.flask.plugins.module_utils._host.ownership import MARKER, is_ours
from ansible_collections.webstack.flask.plugins.module_utils._layout import NAME_PATTERN, AppLayout
from ansible_collections.webstack.flask.plugins.module_utils._notifications import settings as notifications
from ansible_collections.webstack.flask.plugins.module_utils._release.health import HealthCheck, ask_socket
from ansible_collections.webstack.flask.plugins.module_utils._release.host import REAL
from ansible_collections.webstack.flask.plugins.module_utils._release.processes import Process
from ansible_collections.webstack.flask.plugins.module_utils._release.record import ReleaseRecord, choose_previous
from ansible_collections.webstack.flask.plugins.module_utils._release.release import read_records
from ansible_collections.webstack.flask.plugins.module_utils._release.schedules import Schedule
from ansible_collections.webstack.flask.plugins.module_utils._release.switch import read_current
from ansible_collections.webstack.flask.plugins.module_utils._release.timers import Timers
from ansible_collections.webstack.flask.plugins.module_utils._release.unit_files import name_of
from ansible_collections.webstack.flask.plugins.module_utils._systemd import systemctl
from ansible_collections.webstack.flask.plugins.module_utils._systemd.systemctl import UnitState
from ansible_collections.webstack.flask.plugins.module_utils._webstack.maintenance import find_since
from ansible_collections.webstack.flask.plugins.module_utils._webstack.silence import find_silent_backups, find_silent_jobs
from ansible_collections.webstack.flask.plugins.module_utils._webstack.status import (
    AppStatus,
    Findings,
    find_last_failure,
    find_troubles,
    find_undecided,
    has_come_since,
)

_ROOT = Path("/var/www")
_WORKERS = 8
_TIMEOUT = 3.0
"""Seconds that an app may take for its answer, however long its own check waits: whoever asks sits at a terminal."""

_TELLERS = (f"{notifications.UNIT}.timer", f"{notifications.UNIT}.service")
_ABSENT = UnitState(active="inactive", sub="dead")


def list_apps() -> list[str]:
    """Return the apps that this collection has put on the host, in their usual places."""
    names = [marker.parent.name for marker in _ROOT.glob(f"*/{MARKER}") if NAME_PATTERN.fullmatch(marker.parent.name)]
    return sorted(name for name in names if is_ours(AppLayout.of(name)))


def find_app(name: str) -> AppLayout:
    """Return the layout of an app; raise UserError, with those that there are, if it is none of them."""
    known = list_apps()
    if name not in known:
        raise UserError(f"there is no app {name} on this host; there are: {', '.join(known) or 'none'}")
    return AppLayout.of(name)


def read_release(layout: AppLayout, wanted: str | None) -> ReleaseRecord:
    """Return the record of a release by the beginning of its identifier, or of the live one; raise UserError if there is none."""
    records, live = read_records(layout, REAL), read_current(layout, REAL)
    found = [record for record in records if (record.id.startswith(wanted) if wanted else record.id == live)]
    if len(found) == 1:
        return found[0]
    told = ", ".join(record.id for record in records) or "none"
    what = f"no single release {wanted}" if wanted else "no release that users reach"
    raise UserError(f"{layout.name} has {what}; there are: {told}")


def find_failed_installation(layout: AppLayout, live: ReleaseRecord | None) -> float | None:
    """Return when an installation of an app's packages has failed, None where users have come to a release since: its log stays."""
    with suppress(FileNotFoundError):
        moment = layout.installation_log.stat().st_mtime
        return moment if has_come_since(moment, live) else None
    return None


def read_statuses(names: Sequence[str], now: float) -> list[AppStatus]:
    """Return how each of some apps is."""
    layouts = [AppLayout.of(name) for name in names]
    # One call for all: it takes longer to start than to answer.
    patterns = [pattern for name in names for pattern in (f"{name}@*.service", f"{name}.*.service", f"{name}.*.timer")]
    units = systemctl.show([*patterns, *_TELLERS]) if names else {}
    with ThreadPoolExecutor(_WORKERS) as pool:
        return list(pool.map(lambda layout: _read_status(layout, units, now), layouts))


def _read_status(layout: AppLayout, units: Mapping[str, UnitState], now: float) -> AppStatus:
    records, live = read_records(layout, REAL), read_current(layout, REAL)
    record = next((each for each in records if each.id == live), None)
    web = units.get(layout.service_unit(live or ""))
    of_live = {unit: state for unit, state in units.items() if live and unit.endswith(f"@{live}.service") and _is_of(unit, layout)}
    ill = _ask(layout, record, web) if record and record.web else None
    state = read_state(layout.name)
    verify = read_settings(layout.name).verify if settings_file(layout.name).exists() else None
    ends = _find_end(layout.name)
    back = choose_previous(records, live)
    failure, installation = find_last_failure(records, live), find_failed_installation(layout, record)
    troubles = find_troubles(
        Findings(
            app=layout.name,
            live=live,
            ill=ill,
            dead=_find_dead(layout, record, units),
            failure=failure,
            installation=installation,
            failed_jobs=_find_failed_jobs(layout, units),
            backup_complaints=find_complaints_by_kind(state, verify, now) if verify else {},
            certificate_ends=ends,
            silent_jobs=_find_silent_jobs(layout, records, units, now),
            silent_backups=find_silent_backups(layout.name, verify, state, units) if verify else {},
            unsent=_find_unsent(layout.name, units),
        ),
        now,
    )
    running = [name_of(unit) for unit, each in units.items() if each.active == "activating" and layout.is_job(unit)]
    return AppStatus(
        app=layout.name,
        release=live,
        version=record.version if record else "",
        since=record.verified if record else None,
        health=("ill" if ill else "healthy") if record and record.web else "",
        memory=sum(each.memory or 0 for each in of_live.values()),
        restarts=web.restarts if web else 0,
        maintenance=find_since(layout),
        previous=back.id if back else None,
        certificate_ends=ends,
        backup=(state.get("backup") or {}).get("at"),
        verified=(state.get("verify") or {}).get("at"),
        deploy_failed=failure is not None or installation is not None,
        troubles=troubles,
        undecided=find_undecided(troubles, running, is_changing=is_held(layout.lock)),
    )


def _is_of(unit: str, layout: AppLayout) -> bool:
    return unit.startswith(f"{layout.name}@") or layout.is_process(unit) or layout.is_job(unit)


def _ask(layout: AppLayout, record: ReleaseRecord, web: UnitState | None) -> str | None:
    """Return what an app's live release does not answer well on its own socket, None where it is healthy."""
    if web is None or web.active != "active":
        return web.describe_death() or "it is starting" if web else "it does not run"
    check = read_check(record)
    check = replace(check, timeout=min(check.timeout, _TIMEOUT))
    return check.judge(ask_socket(str(layout.socket(record.id)), check))


def read_check(record: ReleaseRecord) -> HealthCheck:
    """Return how a release is asked for its health."""
    asked = HealthCheck(host=record.context.get("host") or "localhost", is_encrypted=bool(record.context.get("encrypted")))
    return asked.asked_as(record.health)


def _find_dead(layout: AppLayout, record: ReleaseRecord | None, units: Mapping[str, UnitState]) -> dict[str, str]:
    """Return the processes of the live release that do not run, with how they have ended."""
    dead = {}
    for unit in [unit for each in record.processes for unit in Process.of(each).list_units(layout, record.id)] if record else []:
        state = units.get(unit, _ABSENT)
        if state.active != "active":
            dead[unit.partition("@")[0].partition(".")[2]] = state.describe_death() or "it is starting"
    return dead


def _find_failed_jobs(layout: AppLayout, units: Mapping[str, UnitState]) -> dict[str, str]:
    failed = {unit: state for unit, state in units.items() if state.active == "failed" and layout.is_job(unit)}
    return {name_of(unit): state.describe_death() or "" for unit, state in failed.items()}


def _find_silent_jobs(layout: AppLayout, records: Sequence[ReleaseRecord], units: Mapping[str, UnitState], now: float) -> dict[str, str]:
    """Return the jobs that do not run at their times, of the release in which jobs start."""
    release = (REAL.files.read_link(layout.jobs) or "").rpartition("/")[2]
    record = next((each for each in records if each.id == release), None)
    schedules = list(map(Schedule.of, record.schedules)) if record else []
    if not schedules:
        return {}

    def read_last(job: str) -> str:
        return ((read_text(layout.started / job) or "").splitlines() or [""])[-1]

    return find_silent_jobs(layout, schedules, units, Timers(layout, REAL).find_suspended(), read_last, now)


def _find_unsent(name: str, units: Mapping[str, UnitState]) -> list[str]:
    """Return why those are not told of an app who should be."""
    if not notifications.settings_file(name).exists():
        return []
    timer, service = (units.get(unit, _ABSENT) for unit in _TELLERS)
    return [
        *([f"the timer {_TELLERS[0]} does not run; site.yml starts it"] if timer.active != "active" else []),
        *([f"the last look has failed; see `journalctl -u {_TELLERS[1]}`"] if service.active == "failed" else []),
        *notifications.describe_failing(name),
    ]


def _find_end(name: str) -> float | None:
    """Return when the certificate of an app ends, None where it has none that can be read."""
    text = read_text(path_of(name))
    with suppress(UserError):
        return read_chain(text)[0].ends.timestamp() if text else None
    return None
