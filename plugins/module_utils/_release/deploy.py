# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A deploy: one app is brought to the release that is described."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, NamedTuple

from ansible_collections.webstack.flask.plugins.module_utils._encoding import decode
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError, describe_error
from ansible_collections.webstack.flask.plugins.module_utils._host.files import Access
from ansible_collections.webstack.flask.plugins.module_utils._layout import AppLayout
from ansible_collections.webstack.flask.plugins.module_utils._release.change import change_app, change_apps
from ansible_collections.webstack.flask.plugins.module_utils._release.command import end_earlier
from ansible_collections.webstack.flask.plugins.module_utils._release.data import find_database, lead_to_database
from ansible_collections.webstack.flask.plugins.module_utils._release.groups import Party, find_unfinished
from ansible_collections.webstack.flask.plugins.module_utils._release.joint import Joint, JointFailure, Member, blame, move_of
from ansible_collections.webstack.flask.plugins.module_utils._release.options import SWITCH_OPTIONS, describe_switching, read_switch
from ansible_collections.webstack.flask.plugins.module_utils._release.preparation import Preparation, find_data_problems
from ansible_collections.webstack.flask.plugins.module_utils._release.processes import Process
from ansible_collections.webstack.flask.plugins.module_utils._release.recovery import recover, stay
from ansible_collections.webstack.flask.plugins.module_utils._release.release import (
    ReleaseSpec,
    ensure_release,
    ensure_units,
    prune,
    read_record,
    sweep,
)
from ansible_collections.webstack.flask.plugins.module_utils._release.schedules import Schedule
from ansible_collections.webstack.flask.plugins.module_utils._release.seam import Host
from ansible_collections.webstack.flask.plugins.module_utils._release.services import Use, require_let_in
from ansible_collections.webstack.flask.plugins.module_utils._release.switch import Switch, read_current
from ansible_collections.webstack.flask.plugins.module_utils._release.transaction import Transaction, retire_others
from ansible_collections.webstack.flask.plugins.module_utils._release.unit_files import read_unit
from ansible_collections.webstack.flask.plugins.module_utils._systemd.clock_changes import describe_loss

_DESCRIBED = (
    *("name", "root", "build", "environment", "version", "variables", "gunicorn_conf", "service", "socket", "drop_in", "health"),
    *("processes", "schedules", "services", "commands", "setup", "database", "command_timeout", "chdir", "env_files"),
    *("shared", "public", "web_group", "proxy"),
)
"""What is kept of a description with the release, of the parameters of the module: all that the release is made of."""


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


def read_spec(app: dict[str, Any], database: str = "") -> ReleaseSpec:
    """Return what the user wants to run, on a `database` where it has one; raise UserError, before anything is changed, if it cannot be."""
    variables = decode(app["variables"])
    own = app["database"]
    spec = ReleaseSpec(
        layout=AppLayout.of(app["name"], app["root"]),
        build=app["build"] or None,
        environment=app["environment"] or None,
        variables=lead_to_database(variables, database) if own and database else variables,
        gunicorn_conf=app["gunicorn_conf"],
        service=app["service"],
        socket=app["socket"],
        drop_in=app["drop_in"],
        processes=tuple(map(Process.of, app["processes"])),
        schedules=tuple(map(Schedule.of, app["schedules"])),
        uses=tuple(map(Use.of, app["services"])),
        commands=tuple(app["commands"]),
        setup=tuple(app["setup"]),
        dumps=own["dumps"] if own else None,
        ca=own.get("ca") or "" if own else "",
        described=json.dumps({key: app[key] for key in _DESCRIBED}) if own else "",
        version=app["version"],
        health=app["health"],
        context=_describe_context(app),
        # What is kept of a release's description tells nothing of it.
        switching=describe_switching(app) if SWITCH_OPTIONS.keys() <= app.keys() else "",
    )
    problems = spec.find_problems() + find_data_problems(spec) + SharedData.of(app).find_problems()
    if problems:
        raise UserError("nothing was changed, because " + "; ".join(problems))
    return spec


def _describe_context(app: Mapping[str, Any]) -> dict[str, Any]:
    proxy = app["proxy"] or {}
    asked = {"host": proxy["host"], "encrypted": proxy["tls"] or bool(proxy["certified"])} if proxy else {}
    return {"chdir": app["chdir"], "env_files": app["env_files"], **asked}


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
            Preparation(app, spec, switch).run()
            Transaction.begin(switch, release, app["keep"]).run()
            return True
        changed |= Preparation(app, spec, switch).set_up() | stay(switch, release) | retire_others(switch, release) | sweep(layout, host)
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
    made |= bool(spec.switching) and host.files.ensure_file(layout.switching, spec.switching, Access(0, 0, 0o600), check=check)
    made |= host.home.ensure_shared(layout, build, data.directories, data.files, check=check)
    made |= host.home.ensure_public(layout, build, data.public, data.reader, check=check)
    made |= ensure_units(spec, host, check=check)
    if host.home.ensure_places(layout, [*data.directories, *data.files], check=check):
        made = True
        if not check:
            host.units.daemon_reload()
    return made | ensure_release(spec, host, check=check)


def predict(spec: ReleaseSpec, host: Host, data: SharedData) -> dict[str, Any]:
    """Return what `converge` would do, without doing it."""
    previous = read_current(spec.layout, host)
    changed = ensure_all(spec, host, data, check=True) or spec.id is None or spec.id != previous
    changed = changed or bool(find_unfinished(host, [spec.layout.name]))
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
    variables = spec.variable_names if wanted else record.variables if record else ()
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


def require_no_site(switch: Switch) -> None:
    """Raise UserError, before anything is changed, where users reach a web process through a site that would have none behind it."""
    if switch.current and switch.units.has_web(switch.current):
        raise UserError(
            f"nothing was changed: {switch.layout.name} has a web process, and is described without one, so that its site would answer "
            "502 Bad Gateway. Run site.yml, and not deploy.yml alone: it takes the site away when the new release has taken over"
        )


@dataclass(frozen=True)
class _Wanted:
    """An app and the release that it is to have."""

    app: dict[str, Any]
    spec: ReleaseSpec
    switch: Switch

    @classmethod
    def of(cls, app: dict[str, Any], host: Host, *, check: bool) -> _Wanted:
        """Return what is wanted; raise UserError, before anything is changed, if it cannot be."""
        layout = AppLayout.of(app["name"], app["root"])
        spec = read_spec(app, find_database(layout, host) if app["database"] else "")
        wanted = cls(app, spec, read_switch(app, spec.layout, host))
        if spec.id != wanted.switch.current:
            require_times(spec, host)
            require_let_in(() if check else spec.uses, spec.layout.name, host)
            if app["sites_stay"] and not spec.web:
                require_no_site(wanted.switch)
        return wanted

    @property
    def moves(self) -> bool:
        """Whether users are to be taken to another release."""
        return self.switch.current != self.spec.id

    def put_in_place(self) -> bool:
        """Make all that users do not notice, and put right what a run that was cut off has left; return whether there was anything."""
        end_earlier(self.spec.layout, self.switch.host, self.app["command_timeout"])
        return put_in_place(self.spec, self.switch.host, self.app["env_files"], SharedData.of(self.app)) | recover(self.switch)

    def as_member(self) -> Member:
        """Return the app as a member of a group that switches."""
        release = self.spec.id or ""
        transaction = Transaction.begin(self.switch, release, self.app["keep"])
        return Member(move_of(self.app, transaction), transaction, Preparation(self.app, self.spec, self.switch).run)

    def tidy_up(self) -> None:
        """Stop and delete what nothing needs, after a failure whose reason matters more than tidiness."""
        with suppress(Exception):
            retire_others(self.switch, self.switch.current)
            prune(self.spec.layout, self.switch.host, self.switch.current, self.app["keep"])


def converge_group(group: str, members: Mapping[str, _Wanted], host: Host) -> dict[str, bool]:
    """Bring the apps of a group to their releases, all or none; return of each whether anything had to be changed.

    Where none is to move, each stays for itself.
    """
    changed = dict[str, bool]()
    try:
        for name, wanted in members.items():
            with blaming(group, name, members):
                changed[name] = wanted.put_in_place()
        if any(wanted.moves for wanted in members.values()):
            joint = Joint(group, [wanted.as_member() for wanted in members.values()], host)
            joint.run()
            return {name: changed[name] or joint.changed[name] for name in members}
    except Exception:
        for wanted in members.values():
            wanted.tidy_up()
        raise
    errors = dict[str, str]()
    for name, wanted in members.items():
        try:
            changed[name] |= converge(wanted.app, wanted.spec, wanted.switch)
        except Exception as error:  # noqa: BLE001 - the others stay where they are all the same
            errors[name] = describe_error(error)
    if errors:
        raise JointFailure(errors)
    return changed


@contextmanager
def blaming(group: str, cause: str, names: Iterable[str]) -> Iterator[None]:
    """Raise an error of one member of a group as a failure of all."""
    try:
        yield
    except Exception as error:
        raise blame(group, cause, error, names) from error


def deploy(app: dict[str, Any], lock_timeout: float, host: Host, *, check: bool) -> tuple[dict[str, Any], dict[str, str]]:
    """Bring one app to its release, or tell what that would change; return what became of it, and the difference."""
    wanted = _Wanted.of(app, host, check=check)
    spec, switch = wanted.spec, wanted.switch
    before = describe_state(spec, host, switch.current, wanted=False)
    outcome = predict(spec, host, SharedData.of(app)) if check else change_app(switch, lock_timeout, lambda: converge(app, spec, switch))
    return {"id": spec.id, **outcome}, _compare(spec, host, before)


def _compare(spec: ReleaseSpec, host: Host, before: str) -> dict[str, str]:
    name, after = spec.layout.name, describe_state(spec, host, spec.id or "(known when the build is)", wanted=True)
    return {"before_header": name, "after_header": name, "before": before, "after": after}


def deploy_party(party: Party, lock_timeout: float, host: Host, *, check: bool) -> dict[str, tuple[dict[str, Any], dict[str, str]]]:
    """Bring the members of a group to their releases, all or none, or an app that is alone to its own; return the same for each.

    Raise JointFailure, before anything is changed, if what is wanted of one of the group cannot be.
    """
    if not party.group:
        return {app["name"]: deploy(app, lock_timeout, host, check=check) for app in party.apps}
    names, members = [app["name"] for app in party.apps], dict[str, _Wanted]()
    for app in party.apps:
        with blaming(party.group, app["name"], names):
            members[app["name"]] = _Wanted.of(app, host, check=check)
    before = {name: describe_state(one.spec, host, one.switch.current, wanted=False) for name, one in members.items()}
    if check:
        outcomes = {name: predict(one.spec, host, SharedData.of(one.app)) for name, one in members.items()}
    else:
        switches = {name: one.switch for name, one in members.items()}
        outcomes = change_apps(switches, lock_timeout, lambda _finished: converge_group(party.group, members, host))
    return {name: ({"id": one.spec.id, **outcomes[name]}, _compare(one.spec, host, before[name])) for name, one in members.items()}
