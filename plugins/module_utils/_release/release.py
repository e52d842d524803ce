# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A release on disk: a build, an environment and a configuration under one identifier, and the units that run it."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._databases.session import Place
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._host.digest import digest_of
from ansible_collections.webstack.flask.plugins.module_utils._host.files import Access
from ansible_collections.webstack.flask.plugins.module_utils._host.ownership import THROUGH
from ansible_collections.webstack.flask.plugins.module_utils._layout import AppLayout
from ansible_collections.webstack.flask.plugins.module_utils._release.processes import GONE, Process, find_units
from ansible_collections.webstack.flask.plugins.module_utils._release.record import ReleaseRecord, choose_leftovers, next_sequence
from ansible_collections.webstack.flask.plugins.module_utils._release.schedules import Schedule, find_jobs
from ansible_collections.webstack.flask.plugins.module_utils._release.seam import Host
from ansible_collections.webstack.flask.plugins.module_utils._release.services import Use, list_urls
from ansible_collections.webstack.flask.plugins.module_utils._release.unit_files import ensure_files, release_of, remove_files
from ansible_collections.webstack.flask.plugins.module_utils._systemd.env_file import find_environment_problems, format_environment

_GRACE = 600
"""Seconds for which a build or an environment that no release uses is left alone: another run may be about to use it."""


@dataclass(frozen=True)
class ReleaseSpec:
    """What the user wants to run. `build` and `environment` are identifiers, None where a check run cannot know them."""

    layout: AppLayout
    build: str | None
    environment: str | None
    variables: Mapping[str, str]
    gunicorn_conf: str
    service: str
    socket: str
    drop_in: str = ""
    processes: tuple[Process, ...] = ()
    schedules: tuple[Schedule, ...] = ()
    uses: tuple[Use, ...] = ()
    commands: tuple[str, ...] = ()
    setup: tuple[str, ...] = ()
    """Commands that run once in the life of the app's database. They do not make a release another one."""

    dumps: int | None = None
    """How many dumps of the app's own database are kept from before release commands; None where it has no database."""

    ca: str = ""
    """The CAs of which a server on another host may have its certificate, where they are not those that the host trusts."""

    described: str = ""
    """The release as the module was told of it, from which it can be made anew with another database. It has secrets."""

    version: str = ""
    health: Mapping[str, Any] = field(default_factory=dict)
    """How the release is asked for its health. It is written down, and does not make a release another one."""

    context: Mapping[str, Any] = field(default_factory=dict)
    """Where its commands run, and by which name it is asked. It does not make a release another one."""

    switching: str = ""
    """The text that tells how the app is asked and switched; empty where that stays as it is written down."""

    @property
    def web(self) -> bool:
        """Whether it has a web process. An app may be nothing but processes and jobs."""
        return bool(self.gunicorn_conf)

    @property
    def database(self) -> str:
        """The database of the app's own on this host, beside which it may have others; empty where it has none."""
        return self.place.database if self.place and not self.place.is_elsewhere else ""

    @property
    def place(self) -> Place | None:
        """Where the app's own database is; None where it has none."""
        return None if self.dumps is None or "PGDATABASE" not in self.variables else Place.of(self.layout.name, self.variables)

    @property
    def id(self) -> str | None:
        """Identifier of the release: a digest of all that it is made of, and of nothing that differs between hosts."""
        if self.build is None or self.environment is None:
            return None
        files = [_without_comments(text) for text in (self.gunicorn_conf, self.service, self.socket, self.drop_in)]
        processes = [(process.name, _without_comments(process.unit), process.exclusive) for process in self.processes]
        # An app that has none keeps the identifier that it had before there were any.
        jobs = [(schedule.name, _without_comments(schedule.unit), schedule.at, schedule.missed) for schedule in self.schedules]
        # Of a service, its name: where it is, and the word that it wants, is the host's to say.
        used = sorted(use.name for use in self.uses)
        more = [processes, jobs, used] if used else [processes, jobs] if jobs else [processes] if processes else []
        return digest_of([self.build, self.environment, dict(self.variables), files, self.commands, *more])

    @property
    def variable_names(self) -> list[str]:
        """The names of all variables that the app gets."""
        return sorted({*self.variables, *(use.variable for use in self.uses)})

    def list_unit_files(self, release: str) -> dict[str, str]:
        """Return the texts of the units that are the release's alone, by their names."""
        processes = {unit: process.unit for process in self.processes for unit in process.list_units(self.layout, release)}
        return processes | {self.layout.job_unit(release, schedule.name): schedule.unit for schedule in self.schedules}

    def find_problems(self) -> list[str]:
        """Return what is wrong with the input, before anything is changed."""
        return find_environment_problems(self.variables)


def _without_comments(text: str) -> str:
    """Leave out the lines that only people read, so that rewording one, or a host's name in one, is no new release."""
    return "".join(line for line in text.splitlines(keepends=True) if not line.startswith("#"))


def ensure_units(spec: ReleaseSpec, host: Host, *, check: bool) -> bool:
    """Write the unit templates of the app's web process; return whether they differed."""
    if not spec.web:
        return False
    access = Access(0, 0, 0o644)
    changed = [
        host.files.ensure_file(spec.layout.service_template, spec.service, access, check=check),
        host.files.ensure_file(spec.layout.socket_template, spec.socket, access, check=check),
    ]
    if any(changed) and not check:
        host.units.daemon_reload()
    return any(changed)


def is_foreign_unit(host: Host, path: Path) -> bool:
    """Return whether there is a unit file that we have not written."""
    text = host.files.read_text(path)
    return text is not None and "webstack.flask" not in text


def ensure_release(spec: ReleaseSpec, host: Host, *, check: bool) -> bool:
    """Put the release on disk; return whether it was not there as it should be.

    What it says of its service beyond the template stands in a unit file of its own, so that it comes and goes with the release.
    """
    if spec.id is None or spec.build is None or spec.environment is None:
        return True
    layout, directory = spec.layout, spec.layout.release(spec.id)
    group = host.home.find_group(layout.name)
    if group is None:
        return True
    secret, readable = Access(0, group, 0o640), Access(0, 0, THROUGH)
    record = read_record(layout, host, spec.id)
    changed = host.files.ensure_directory(directory, readable, check=check)
    variables = {**spec.variables, **list_urls(spec.uses, layout.name, host)}
    changed |= host.files.ensure_file(directory / "env", format_environment(variables), secret, check=check)
    if spec.web:
        probe = read_probe(layout, host, spec.id) or secrets.token_hex(16)
        changed |= host.files.ensure_file(directory / "gunicorn.conf.py", spec.gunicorn_conf, secret, check=check)
        changed |= host.files.ensure_file(_probe_of(layout, spec.id), probe, secret, check=check)
        changed |= _ensure_drop_in(layout, host, spec.id, spec.drop_in, check=check, checked=record is not None)
    if spec.ca:
        changed |= host.files.ensure_directory(layout.authorities, readable, check=check)
        changed |= host.files.ensure_file(layout.authority(digest_of(spec.ca)), spec.ca, Access(0, 0, 0o644), check=check)
    if spec.database:
        changed |= host.files.ensure_file(_description_of(layout, spec.id), spec.described, Access(0, 0, 0o600), check=check)
    changed |= ensure_files(layout, host, spec.list_unit_files(spec.id), check=check, checked=record is not None)
    for name, target in (("app", f"../../builds/{spec.build}"), ("venv", f"../../environments/{spec.environment}")):
        if host.files.read_link(directory / name) != target:
            changed = True
            if not check:
                host.files.point_link(directory / name, target)
    said: dict[str, Any] = {
        "health": spec.health,
        "processes": tuple(process.to_record() for process in spec.processes),
        "schedules": tuple(schedule.to_record() for schedule in spec.schedules),
        "web": spec.web,
        "context": spec.context,
        "database": spec.database,
    }
    outdated = record is None or {key: getattr(record, key) for key in said} != said
    if outdated and not check:
        names = tuple(spec.variable_names)
        new = ReleaseRecord(spec.id, spec.build, spec.environment, created=host.clock.time(), version=spec.version, variables=names)
        known = record or replace(new, sequence=next_sequence(read_records(layout, host)))
        write_record(layout, host, replace(known, **said))
    return _close_records(layout, host, secret, check=check) or changed or outdated


def _close_records(layout: AppLayout, host: Host, access: Access, *, check: bool) -> bool:
    """Let nobody but root and the app read the records, which was otherwise once; return whether any was open."""
    opened = [record for record in read_records(layout, host) if not host.files.has_access(_record_of(layout, record.id), access)]
    for record in () if check else opened:
        write_record(layout, host, record)
    return bool(opened)


def _ensure_drop_in(layout: AppLayout, host: Host, release: str, text: str, *, check: bool, checked: bool) -> bool:
    """Write what a release says of its service; what systemd would pass over is an error. Most releases say nothing.

    `checked` is whether a file that is there already was found to be good: a run may have been cut off before it had asked.
    """
    path, access = layout.drop_in(release), Access(0, 0, 0o644)
    if not text or (checked and not host.files.ensure_file(path, text, access, check=True)):
        return False
    if not check:
        host.files.ensure_directory(path.parent, Access(0, 0, 0o755))
        host.files.write_atomically(path, text, access)
        host.units.daemon_reload()
        complaints = host.units.find_complaints(layout.service_unit(release), path)
        if complaints:
            _remove_drop_in(host, path)
            raise UserError(f"systemd does not take what is said of the service of {layout.name}:\n" + "\n".join(complaints))
    return True


def _remove_drop_in(host: Host, path: Path) -> None:
    """Remove the drop-in of a release; somebody else's beside it stays."""
    host.files.unlink(path)
    if not host.files.names(path.parent):
        host.files.rmdir(path.parent)


def holds_code(layout: AppLayout, host: Host, release: str, path: str) -> bool:
    """Return whether a directory of a release's source has Python code in it."""
    return bool(host.files.glob(layout.release(release) / "app" / path, "**/*.py"))


def find_drop_ins(layout: AppLayout, host: Host) -> dict[str, Path]:
    """Return the drop-ins that are on the host, by release."""
    paths = host.files.glob(layout.service_template.parent, f"{layout.drop_in('*').parent.name}/release.conf")
    return {path.parent.name.partition("@")[2].removesuffix(".service.d"): path for path in paths}


def read_record(layout: AppLayout, host: Host, release: str) -> ReleaseRecord | None:
    """Return what release.json says, None where it is absent or unreadable (a run was cut off before it was written)."""
    text = host.files.read_text(_record_of(layout, release))
    try:
        return ReleaseRecord.from_json(text) if text else None
    except (ValueError, TypeError):
        return None


def has_web(layout: AppLayout, host: Host, release: str) -> bool:
    """Return whether a release has a web process, as far as its record can be read."""
    record = read_record(layout, host, release)
    return record is None or record.web


def read_records(layout: AppLayout, host: Host) -> list[ReleaseRecord]:
    """Return the records of all releases on the host."""
    return [record for name in _names(host, layout.releases) if (record := read_record(layout, host, name))]


def write_record(layout: AppLayout, host: Host, record: ReleaseRecord) -> None:
    """Write release.json, which only root and the app can read: the reason of a failure holds lines of the app's log."""
    host.files.write_atomically(_record_of(layout, record.id), record.to_json(), Access(0, host.home.find_group(layout.name) or 0, 0o640))


def _record_of(layout: AppLayout, release: str) -> Path:
    return layout.release(release) / "release.json"


def read_description(layout: AppLayout, host: Host, release: str) -> str | None:
    """Return how a release was described that has a database; None where it was made before that was kept."""
    return host.files.read_text(_description_of(layout, release))


def _description_of(layout: AppLayout, release: str) -> Path:
    return layout.release(release) / "description.json"


def read_probe(layout: AppLayout, host: Host, release: str) -> str | None:
    """Return the word on which a release tells its name, and which nobody but it and root knows; None where it has none."""
    return (host.files.read_text(_probe_of(layout, release)) or "").strip() or None


def _probe_of(layout: AppLayout, release: str) -> Path:
    return layout.release(release) / "probe"


def note(layout: AppLayout, host: Host, release: str, change: Callable[[ReleaseRecord, float], ReleaseRecord]) -> None:
    """Write down what has happened to a release, as the last event of the app: `change` gets its record, and the time."""
    record = read_record(layout, host, release)
    if record is not None:
        changed = change(record, host.clock.time())
        write_record(layout, host, replace(changed, sequence=next_sequence(read_records(layout, host))))


def prune(layout: AppLayout, host: Host, current: str | None, keep: int) -> list[str]:
    """Delete the releases, builds and environments that nothing needs any more; return what was deleted."""
    files = host.files
    present = _names(host, layout.releases)
    records = read_records(layout, host)
    pinned = _find_pinned(layout, host)
    leftovers = choose_leftovers(records, _names(host, layout.builds), _names(host, layout.environments), current, keep, pinned=pinned)
    broken = sorted(set(present) - {record.id for record in records} - {current} - pinned)
    stale = [layout.build(name) for name in leftovers.builds] + [layout.environment(name) for name in leftovers.environments]
    doomed = [layout.release(name) for name in (*leftovers.releases, *broken)]
    doomed += [path for path in stale if host.clock.time() - files.modified(path) > _GRACE]
    for path in doomed:
        files.remove_tree(path)
    _remove_authorities(layout, host)
    sweep(layout, host)
    for release, drop_in in find_drop_ins(layout, host).items():
        if not files.is_dir(layout.release(release)):
            _remove_drop_in(host, drop_in)
    return [str(path.relative_to(layout.root)) for path in doomed]


def _remove_authorities(layout: AppLayout, host: Host) -> None:
    """Delete the CAs that no release trusts any more."""
    variables = [host.files.read_text(layout.release(name) / "env") or "" for name in _names(host, layout.releases)]
    for path in host.files.glob(layout.authorities, "*.pem"):
        if not any(str(path) in text for text in variables):
            host.files.unlink(path)


def _find_pinned(layout: AppLayout, host: Host) -> set[str]:
    """Return the releases in which a process or a job still runs: nothing that it runs from may go."""
    processes = [unit for unit, state in find_units(layout, host).items() if state.active not in GONE]
    by_hand = host.units.find_instances(layout.run_unit("", "*"))
    return {release_of(unit) for unit in (*processes, *find_jobs(layout, host), *by_hand)}


def sweep(layout: AppLayout, host: Host) -> bool:
    """Delete what a run that was cut off has left half-written or half-deleted; return whether there was anything."""
    files, units, name = host.files, layout.service_template.parent, layout.name
    trees = [path for top in (layout.releases, layout.builds, layout.environments) for path in files.glob(top, ".[pr]*-*")]
    for tree in trees:  # `.partial-` and `.removed-`
        files.remove_tree(tree)
    staged = [
        *files.glob(layout.root, ".*.new"),
        *files.glob(layout.root, f".{layout.switching.name}.*"),
        *files.glob(layout.releases, "*/.*"),
    ]
    staged += [path for kind in ("service", "socket") for path in files.glob(units, f".{name}@.{kind}.*")]
    staged += files.glob(units, f"{name}@*.service.d/.release.conf.*")
    staged += files.glob(units, f".{name}.*.service.*") + files.glob(units, f".{name}.*.timer.*")
    for path in staged:
        files.unlink(path)
    emptied = [path for path in files.glob(units, f"{name}@*.service.d") if not files.names(path)]
    for path in emptied:
        files.rmdir(path)
    return remove_files(layout, host) or bool(trees or staged or emptied)


def _names(host: Host, directory: Path) -> list[str]:
    return [name for name in host.files.names(directory) if not name.startswith(".")]
