# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A deploy: one app is brought to the release that is described."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from ansible_collections.webstack.flask.plugins.module_utils._encoding import decode
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._layout import AppLayout
from ansible_collections.webstack.flask.plugins.module_utils._release.command import end_earlier, run_release_command
from ansible_collections.webstack.flask.plugins.module_utils._release.failure import ReleaseFailed
from ansible_collections.webstack.flask.plugins.module_utils._release.options import read_switch
from ansible_collections.webstack.flask.plugins.module_utils._release.processes import Process
from ansible_collections.webstack.flask.plugins.module_utils._release.recovery import recover, stay
from ansible_collections.webstack.flask.plugins.module_utils._release.release import (
    ReleaseSpec,
    ensure_release,
    ensure_units,
    note,
    prune,
    read_record,
    sweep,
)
from ansible_collections.webstack.flask.plugins.module_utils._release.schedules import Schedule
from ansible_collections.webstack.flask.plugins.module_utils._release.seam import Host
from ansible_collections.webstack.flask.plugins.module_utils._release.switch import Switch, read_current
from ansible_collections.webstack.flask.plugins.module_utils._release.transaction import Transaction, change_app, retire_others
from ansible_collections.webstack.flask.plugins.module_utils._release.unit_files import read_unit
from ansible_collections.webstack.flask.plugins.module_utils._systemd.clock_changes import describe_loss
from ansible_collections.webstack.flask.plugins.module_utils._systemd.directives import list_confinement


class SharedData(NamedTuple):
    """What of the source is data that outlives releases, by paths, and who besides the app may read some of it."""

    directories: Sequence[str]
    files: Sequence[str]
    public: Sequence[str]
    """Directories for the web server."""

    reader: str
    """The web server's group."""

    @classmethod
    def of(cls, app: Mapping[str, Any]) -> SharedData:
        """Return what is described of an app."""
        return cls(app["shared"]["directories"], app["shared"]["files"], app["public"], app["web_group"])

    def find_problems(self) -> list[str]:
        """Return what of the public directories could not be found among the data: it would be made, and nobody could read it."""
        return [
            f"`public` names {path!r}, which is none of the directories in `shared` ({', '.join(self.directories) or 'there is none'}), "
            "and in none of them; allowed are their plain paths, and paths below, such as `media` or `media/small`"
            for path in self.public
            if path != posixpath.normpath(path) or not any(f"{path}/".startswith(f"{place}/") for place in self.directories)
        ]


def read_spec(app: dict[str, Any]) -> ReleaseSpec:
    """Return what the user wants to run; raise UserError, before anything is changed, if it cannot be."""
    spec = ReleaseSpec(
        layout=AppLayout.of(app["name"], app["root"]),
        build=app["build"] or None,
        environment=app["environment"] or None,
        variables=decode(app["variables"]),
        gunicorn_conf=app["gunicorn_conf"],
        service=app["service"],
        socket=app["socket"],
        drop_in=app["drop_in"],
        processes=tuple(map(Process.of, app["processes"])),
        schedules=tuple(map(Schedule.of, app["schedules"])),
        commands=tuple(app["commands"]),
        version=app["version"],
        health=app["health"],
    )
    problems = spec.find_problems() + SharedData.of(app).find_problems()
    if problems:
        raise UserError("nothing was changed, because " + "; ".join(problems))
    return spec


def require_times(spec: ReleaseSpec, host: Host) -> None:
    """Raise UserError, before anything is changed, if systemd cannot read when a job is to run, or would pass over it."""
    for schedule in spec.schedules:
        try:
            times = host.units.find_next_times(schedule.at)
            loss = describe_loss(schedule.at, host.clock.time(), host.units.find_next_times)
        except UserError as problem:
            raise UserError(f"nothing was changed: the job {schedule.name} is to run at {schedule.at!r}, and {problem}") from None
        if "never" in times:
            raise UserError(f"nothing was changed: the job {schedule.name} is to run at {schedule.at!r}, which is never again")
        if loss:
            raise UserError(f"nothing was changed: the job {schedule.name} is to run at {schedule.at!r}: {loss}")


def converge(app: dict[str, Any], spec: ReleaseSpec, switch: Switch) -> bool:
    """Bring one app to its release; return whether anything had to be changed."""
    layout, host, release = spec.layout, switch.host, spec.id or ""
    end_earlier(layout, host, app["command_timeout"])
    try:
        changed = put_in_place(spec, host, app["env_files"], SharedData.of(app)) | recover(switch)
        if switch.current != release:
            run_commands(app, spec, host, release)
            Transaction.begin(switch, release, app["keep"]).run()
            return True
        changed |= stay(switch, release) | retire_others(switch, release) | sweep(layout, host)
    except Exception:
        with suppress(Exception):  # the reason of the failure matters more than tidiness
            retire_others(switch, switch.current)
            prune(layout, host, switch.current, app["keep"])
        raise
    if changed:
        prune(layout, host, release, app["keep"])
    return changed


def put_in_place(spec: ReleaseSpec, host: Host, env_files: Sequence[str], data: SharedData) -> bool:
    """Make the accounts, directories, units and files of the release; return whether any was missing."""
    layout = spec.layout
    parts = {"build": (spec.build, layout.builds), "environment": (spec.environment, layout.environments)}
    for kind, (identifier, directory) in parts.items():
        if not identifier or not host.files.is_dir(directory / identifier):
            raise UserError(f"the {kind} {identifier!r} of {layout.name} is not on the host, below {directory}")
    for file in env_files:
        if not host.files.is_file(layout.build(spec.build or "") / file):
            raise UserError(f"env_files of {layout.name} names {file!r}, which the source does not have")
    return ensure_all(spec, host, data, check=False)


def ensure_all(spec: ReleaseSpec, host: Host, data: SharedData, *, check: bool) -> bool:
    """Make all of the release that users do not notice, or in check mode nothing; return whether any of it was missing."""
    layout = spec.layout
    build = layout.build(spec.build or "unknown")
    made = host.home.ensure_account(layout, check=check)
    made |= host.home.ensure_directories(layout, check=check)
    made |= host.home.ensure_shared(layout, build, data.directories, data.files, check=check)
    made |= host.home.ensure_public(layout, build, data.public, data.reader, check=check)
    made |= ensure_units(spec, host, check=check)
    if host.home.ensure_places(layout, [*data.directories, *data.files], check=check):
        made = True
        if not check:
            host.units.daemon_reload()
    return made | ensure_release(spec, host, check=check)


def run_commands(app: dict[str, Any], spec: ReleaseSpec, host: Host, release: str) -> None:
    """Run the release commands, once in the life of a release."""
    record = read_record(spec.layout, host, release)
    if not spec.commands or (record and record.commands_run):
        return
    places = host.files.read_text(spec.layout.places) or ""
    try:
        for command in spec.commands:
            confinement = list_confinement(spec.service, places, spec.drop_in, app=spec.layout.name, release=release)
            run_release_command(
                spec.layout,
                host,
                release,
                command,
                confinement,
                chdir=app["chdir"],
                env_files=app["env_files"],
                timeout=app["command_timeout"],
            )
    except ReleaseFailed as failure:
        reason = str(failure)
        note(spec.layout, host, release, lambda found, now: found.mark_failed(now, reason))
        raise
    note(spec.layout, host, release, lambda found, now: found.mark_commands_run(now))


def predict(spec: ReleaseSpec, host: Host, data: SharedData) -> dict[str, Any]:
    """Return what `converge` would do, without doing it."""
    previous = read_current(spec.layout, host)
    changed = ensure_all(spec, host, data, check=True) or spec.id is None or spec.id != previous
    return {"previous": previous, "current": previous, "changed": changed, "notes": []}


def describe_state(spec: ReleaseSpec, host: Host, release: str | None, *, wanted: bool) -> str:
    """Return the text to compare for a diff: of environment variables, the names alone."""
    layout = spec.layout
    conf = spec.gunicorn_conf if wanted else host.files.read_text(layout.release(release) / "gunicorn.conf.py") if release else None
    service = (spec.service if spec.web else None) if wanted else host.files.read_text(layout.service_template)
    socket = spec.socket if wanted else host.files.read_text(layout.socket_template)
    drop_in = spec.drop_in if wanted else host.files.read_text(layout.drop_in(release)) if release else None
    record = read_record(layout, host, release) if release and not wanted else None
    processes = spec.processes if wanted else tuple(map(Process.of, record.processes)) if record else ()
    schedules = spec.schedules if wanted else tuple(map(Schedule.of, record.schedules)) if record else ()
    variables = sorted(spec.variables) if wanted else record.variables if record else ()
    parts = {
        "current": f"{release}\n" if release else None,
        "env (names only)": "".join(f"{name}\n" for name in variables) if release else None,
        "gunicorn.conf.py": conf,
        str(layout.service_template): service,
        str(layout.socket_template): socket,
        "release.conf": drop_in,
        **{f"schedule {one.name}": _describe_schedule(one, layout, host, release, wanted=wanted) for one in schedules},
        **{f"process {process.name}": _describe_process(process, layout, host, release, wanted=wanted) for process in processes},
    }
    return "".join(f"--- {name}\n{text}" for name, text in parts.items() if text)


def _describe_process(process: Process, layout: AppLayout, host: Host, release: str | None, *, wanted: bool) -> str:
    unit = process.unit if wanted else read_unit(layout, host, layout.process_unit(release or "", process.name))
    return f"{unit}# count: {process.count}\n"


def _describe_schedule(schedule: Schedule, layout: AppLayout, host: Host, release: str | None, *, wanted: bool) -> str:
    unit = schedule.unit if wanted else read_unit(layout, host, layout.job_unit(release or "", schedule.name))
    return f"{unit}# at: {schedule.at}; missed: {schedule.missed}\n"


def deploy(app: dict[str, Any], lock_timeout: float, host: Host, *, check: bool) -> tuple[dict[str, Any], dict[str, str]]:
    """Bring one app to its release, or tell what that would change; return what became of it, and the difference."""
    spec = read_spec(app)
    layout, switch = spec.layout, read_switch(app, spec.layout, host)
    if spec.id != switch.current:
        require_times(spec, host)
    before = describe_state(spec, host, switch.current, wanted=False)
    outcome = predict(spec, host, SharedData.of(app)) if check else change_app(switch, lock_timeout, lambda: converge(app, spec, switch))
    after = describe_state(spec, host, spec.id or "(known when the build is)", wanted=True)
    diff = {"before_header": layout.name, "after_header": layout.name, "before": before, "after": after}
    return {"id": spec.id, **outcome}, diff
