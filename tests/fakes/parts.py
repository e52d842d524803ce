"""The parts of a host in memory behind the seam of the collection's transactions: each looks at the world, and changes it step by step."""

from __future__ import annotations

import fnmatch
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._host.files import Access
from ansible_collections.webstack.flask.plugins.module_utils._host.ownership import MARKER, THROUGH
from ansible_collections.webstack.flask.plugins.module_utils._host.places import Data
from ansible_collections.webstack.flask.plugins.module_utils._release.health import Answer, HealthCheck
from ansible_collections.webstack.flask.plugins.module_utils._systemd.sandbox import Outcome
from ansible_collections.webstack.flask.plugins.module_utils._systemd.systemctl import UnitState

from fakes.memory import BUSY, ROOT_ONLY, TARGETS, UNITS, Node, Unit, release_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from ansible_collections.webstack.flask.plugins.module_utils._databases.session import Place
    from ansible_collections.webstack.flask.plugins.module_utils._databases.setup import Setup
    from ansible_collections.webstack.flask.plugins.module_utils._layout import AppLayout

    from fakes.host import World

Thing = TypeVar("Thing")


def _each(change: Callable[[Thing], None], things: Iterable[Thing]) -> None:
    for thing in things:
        change(thing)


class _Part:
    def __init__(self, world: World) -> None:
        self.world = world


class FakeClock(_Part):
    """A clock that stands still until somebody sleeps."""

    def time(self) -> float:
        self.world.ask()
        return 1000.0

    def monotonic(self) -> float:
        self.world.ask()
        return self.world.clock

    def sleep(self, seconds: float, /) -> None:
        self.world.ask()
        self.world.clock += seconds
        self.world.pass_time()
        for layout in self.world.layouts:
            link = self.world.nodes.get(str(layout.current))
            unit = layout.service_unit(link.text.rpartition("/")[2]) if link else ""
            if unit in self.world.units and self.world.behaviour(release_of(unit)) == "late":
                self.world.set_unit(unit, self.world.units[unit]._replace(restarts=self.world.units[unit].restarts + 1))


class FakeUnits(_Part):
    """The service manager."""

    def show(self, units: Sequence[str]) -> dict[str, UnitState]:
        self.world.ask()
        return {unit: self._show(unit) for unit in units}

    def _show(self, unit: str) -> UnitState:
        if "@" not in unit and not unit.endswith(".timer"):
            return UnitState("active", "running") if self.world.command else UnitState("inactive", "dead")
        known = self.world.units.get(unit, Unit())
        sub = {"active": "running", "activating": "auto-restart", "deactivating": "stop-sigterm"}.get(known.active, "dead")
        enablement = "enabled" if self.world.wants(unit) in self.world.nodes else "disabled"
        pid = 1 if known.active == "active" and unit.endswith(".service") else 0
        return UnitState(known.active, sub, restarts=known.restarts, main_pid=pid, enablement=enablement, cpu_weight=known.weight)

    def is_running(self, pid: int) -> bool:
        self.world.ask()
        return pid > 0

    def is_shell(self, pid: int) -> bool:
        self.world.ask()
        return pid < 0

    def wait_for_death(self, unit: str, restarts: int = 0) -> str:
        self.world.ask()
        raise AssertionError((unit, restarts))

    def find_instances(self, *templates: str) -> list[str]:
        self.world.ask()
        patterns = [template.replace("@.", "@*.") for template in templates]
        return [
            unit
            for unit, known in self.world.units.items()
            if known.active != "inactive" and any(fnmatch.fnmatch(unit, pattern) for pattern in patterns)
        ]

    def find_complaints(self, unit: str, file: Path) -> list[str]:
        self.world.ask()
        del unit
        return ["Unknown key"] if "Unknown" in self.world.nodes[str(file)].text else []

    def find_next_times(self, event: str, after: float | None = None) -> list[str]:
        self.world.ask()
        del after
        return [event]

    def read_journal(self, unit: str, lines: int) -> str:
        self.world.ask()
        return f"the last {lines} lines of {unit}"

    def daemon_reload(self) -> None:
        self.world.step("nothing that lasts", lambda: None)

    def set_cpu_weight(self, unit: str, weight: int | None) -> None:
        self.world.step("weigh", lambda: self.world.set_unit(unit, self.world.units.get(unit, Unit())._replace(weight=weight)))

    def start(self, *units: str) -> None:
        self.world.step(f"start {units}", partial(_each, self.world.start, units))

    def start_and_wait(self, *units: str) -> None:
        self.start(*units)

    def stop(self, *units: str) -> None:
        """A socket starts no service any more once both are to be stopped."""
        self.world.step(f"stop {units}", partial(_each, self.world.stop, units))

    def end(self, *units: str) -> None:
        self.world.step(f"end {units}", partial(_each, self.world.end, units))

    def enable(self, *units: str) -> None:
        self._want({unit: Node("link", f"{UNITS}/{unit.partition('@')[0]}@.{unit.rpartition('.')[2]}") for unit in units})

    def disable(self, *units: str) -> None:
        self._want(dict.fromkeys(units))

    def _want(self, links: Mapping[str, Node | None]) -> None:
        """Change links, which the service manager does though its caller is killed; that they reach the disk, the caller sees to."""
        self.world.step(f"link {list(links)}", partial(_each, self._put, links.items()))
        for target in TARGETS.values():
            self.world.step(f"sync {target}", partial(self.world.sync, f"{UNITS}/{target}"))

    def _put(self, link: tuple[str, Node | None]) -> None:
        place = self.world.wants(link[0])
        if self.world.nodes.get(place) != link[1]:
            self.world.put(place, link[1], synced=False)

    def forget_failure(self, *units: str) -> None:
        self.world.step("forget", partial(self._forget, units))

    def _forget(self, units: Sequence[str]) -> None:
        for unit in units:
            known = self.world.units.get(unit, Unit())
            if known.active in ("failed", "inactive"):
                self.world.set_unit(unit, Unit(weight=known.weight))


class FakeFiles(_Part):
    """The file system."""

    def _get(self, path: Path) -> Node | None:
        self.world.ask()
        return self.world.nodes.get(str(path))

    def read_text(self, path: Path) -> str | None:
        node = self._get(path)
        return node.text if node and node.kind == "file" else None

    def read_link(self, path: Path) -> str | None:
        node = self._get(path)
        return node.text if node and node.kind == "link" else None

    def has_access(self, path: Path, access: Access) -> bool:
        node = self._get(path)
        return node is not None and node.access == access

    def lexists(self, path: Path) -> bool:
        return self._get(path) is not None

    def is_symlink(self, path: Path) -> bool:
        return self.read_link(path) is not None

    def is_dir(self, path: Path) -> bool:
        node = self._get(path)
        return node is not None and node.kind == "dir"

    def is_file(self, path: Path) -> bool:
        return self.read_text(path) is not None

    def is_socket(self, path: Path) -> bool:
        node = self._get(path)
        return node is not None and node.kind == "socket"

    def names(self, directory: Path) -> list[str]:
        self.world.ask()
        top = f"{directory}/"
        return sorted({place[len(top) :].partition("/")[0] for place in self.world.nodes if place.startswith(top)})

    def glob(self, directory: Path, pattern: str) -> list[Path]:
        self.world.ask()
        top, depth = f"{directory}/", pattern.count("/")
        return sorted(
            Path(place)
            for place in self.world.nodes
            if place.startswith(top)
            and place.count("/") - top.count("/") == depth
            and all(map(fnmatch.fnmatchcase, place[len(top) :].split("/"), pattern.split("/")))
        )

    def modified(self, path: Path) -> float:
        assert self._get(path)
        return 0.0

    def size(self, path: Path) -> int:
        return len(self.read_text(path) or "")

    def ensure_directory(self, path: Path, access: Access, *, check: bool = False) -> bool:
        if self.has_access(path, access):
            return False
        if not check:
            for place in (*reversed(path.parents), path):
                if not self.lexists(place):
                    self._put(place, Node("dir", access=ROOT_ONLY))
                    self.sync_directory(place.parent)
            self._put(path, Node("dir", access=access))
        return True

    def ensure_file(self, path: Path, text: str, access: Access, *, check: bool = False) -> bool:
        if self.read_text(path) == text and self.has_access(path, access):
            return False
        if not check:
            self.write_atomically(path, text, access)
        return True

    def write_atomically(self, path: Path, text: str, access: Access) -> None:
        staged = path.with_name(f".{path.name}.random")
        while self.lexists(staged):
            staged = staged.with_name(f"{staged.name}x")
        self._replace(path, staged, Node("file", text, access))

    def point_link(self, path: Path, target: str) -> None:
        self._replace(path, path.with_name(f".{path.name}.new"), Node("link", target))

    def _replace(self, path: Path, staged: Path, node: Node) -> None:
        assert self.is_dir(path.parent), path
        self._put(staged, node)
        self.world.step(f"rename to {path}", lambda: self.world.move(str(staged), str(path)))
        self.sync_directory(path.parent)

    def _put(self, path: Path, node: Node | None) -> None:
        self.world.step(f"put {path}", lambda: self.world.put(path, node, synced=False))

    def unlink(self, path: Path) -> None:
        assert self.lexists(path), path
        self._put(path, None)

    def rmdir(self, path: Path) -> None:
        assert self.names(path) == [], path
        self._put(path, None)

    def remove_tree(self, path: Path) -> None:
        doomed = path if path.name.startswith(".removed-") else path.with_name(f".removed-{path.name}")
        if self.lexists(doomed):
            self._put(doomed, None)
        if self.lexists(path):
            self.world.step(f"move {path}", lambda: self.world.move(str(path), str(doomed)))
            self._put(doomed, None)

    def sync_directory(self, path: Path) -> None:
        self.world.step(f"sync {path}", lambda: self.world.sync(path))


class FakeProbe(_Part):
    """Questions to releases."""

    def ask_socket(self, path: Path, check: HealthCheck, meanwhile: Callable[[], None]) -> Answer:
        self.world.ask()
        meanwhile()
        release = path.parent.name
        if str(path) not in self.world.nodes or self.world.units.get(self.world.socket_unit(release), Unit()).active != "active":
            return Answer(error="nobody listens")
        return self.world.answer(release, check.probe)

    def ask_proxy(self, address: str, port: int, check: HealthCheck, meanwhile: Callable[[], None]) -> Answer:
        self.world.ask()
        del address, port
        meanwhile()
        layout = next((layout for layout in self.world.layouts if check.host == f"{layout.name}.test"), None)
        return self.world.visit(check.probe, layout)[1]

    def count_connections(self, path: Path) -> int:
        self.world.ask()
        return 1 if self.world.requests.get(path.parent.name) else 0


class FakeCommands(_Part):
    """Transient units."""

    def run(
        self,
        unit: str,
        command: Sequence[str],
        *,
        description: str,
        properties: Sequence[str],
        variables: Mapping[str, str],
        timeout: float,
    ) -> Outcome:
        del unit, description, properties, variables, timeout
        assert not self.world.command, "two commands run at once"
        self.world.step("begin a command", partial(self._begin, command[-1]))
        self.world.step("end a command", lambda: setattr(self.world, "command", 0))
        return Outcome(1 if command[-1].startswith("false") else 0, "it said so")

    def _begin(self, command: str) -> None:
        self.world.command = BUSY
        self.world.ran += (command,)
        if command == "break the live release":
            self.world.break_live_release()

    def is_there(self, unit: str) -> bool:
        self.world.ask()
        return unit in [layout.command_unit for layout in self.world.layouts] and self.world.command > 0

    def end(self, unit: str) -> None:
        if self.is_there(unit):
            self.world.step("end a command", lambda: setattr(self.world, "command", 0))


class FakeDatabases(_Part):
    """The database of the app. What it has acknowledged is on the disk."""

    def require_open(self, place: Place) -> None:
        self.world.ask()
        if place.access.get("PGPASSWORD") == "wrong":
            raise UserError("password authentication failed")

    def read_setup(self, place: Place) -> Setup:
        assert place.database in self.world.databases
        self.world.ask()
        return self.world.setup

    def begin_setup(self, place: Place, *, finished: bool = False) -> None:
        del place
        assert not self.world.setup.is_begun, "the table is made twice"
        self._put("begin the setup", is_begun=True, is_finished=finished)

    def note_command(self, place: Place, command: str) -> None:
        del place
        self._put("note a command", done=(*self.world.setup.done, command))

    def finish_setup(self, place: Place) -> None:
        del place
        self._put("finish the setup", is_finished=True)

    def dump(self, place: Place, path: Path) -> dict[str, Any]:
        assert place.database in self.world.databases
        self.world.step(f"dump {place.database}", lambda: self.world.put(str(path), Node("file", "PGDMP"), synced=True))
        return {"form": {}}

    def restore(self, place: Place, path: Path, shape: Mapping[str, Any], warn: Callable[[str], object]) -> None:
        del warn
        assert (self.world.nodes[str(path)].text, shape) == ("PGDMP", {"form": {}})
        assert place.database not in self.world.databases
        self.world.step(f"restore {place.database}", lambda: self._keep(self.world.databases | {place.database}))

    def list_databases(self, place: Place) -> list[str]:
        assert place.app == "shop"
        self.world.ask()
        return sorted(self.world.databases)

    def drop(self, place: Place, warn: Callable[[str], object]) -> None:
        del warn
        assert place.database != place.app, "the app's own database is never dropped"
        self.world.step(f"drop {place.database}", lambda: self._keep(self.world.databases - {place.database}))

    def _keep(self, databases: frozenset[str]) -> None:
        self.world.databases = databases

    def _put(self, what: str, **changes: object) -> None:
        self.world.step(what, lambda: setattr(self.world, "setup", replace(self.world.setup, **changes)))  # type: ignore[arg-type]


class FakeHome(_Part):
    """Accounts and directories."""

    def find_group(self, name: str) -> int | None:
        self.world.ask()
        return 900 if name in self.world.accounts else None

    def ensure_account(self, layout: AppLayout, *, check: bool) -> bool:
        self.world.ask()
        if layout.name in self.world.accounts:
            return False
        if not check:
            self.world.step("account", lambda: setattr(self.world, "accounts", self.world.accounts | {layout.name}))
        return True

    def ensure_directories(self, layout: AppLayout, *, check: bool) -> bool:
        wanted = {
            layout.root: Node("dir", access=Access(0, 0, THROUGH)),
            layout.root / MARKER: Node("file", f"{layout.name}\n"),
            layout.releases: Node("dir", access=Access(0, 0, THROUGH)),
            layout.shared: Node("dir", access=Access(900, 900, 0o750)),
        }
        self.world.ask()
        missing = {path: node for path, node in wanted.items() if self.world.nodes.get(str(path)) != node}
        for path, node in () if check else missing.items():
            self.world.step(f"make {path}", partial(self.world.put, path, node, synced=True))
        return bool(missing)

    def ensure_shared(self, layout: AppLayout, build: Path, directories: Iterable[str], files: Iterable[str], *, check: bool) -> bool:
        self.world.ask()
        del layout, build, directories, files, check
        return False

    def ensure_public(self, layout: AppLayout, build: Path, public: Sequence[str], reader: str, *, check: bool) -> bool:
        self.world.ask()
        del layout, build, public, reader, check
        return False

    def ensure_places(self, layout: AppLayout, declared: Iterable[str], *, check: bool) -> bool:
        self.world.ask()
        del layout, declared, check
        return False

    def find_unseen(self, layout: AppLayout, pid: int) -> list[str]:
        self.world.ask()
        del layout, pid
        return []


class FakeRemains(_Part):
    """What of an app is no release's."""

    def is_ours(self, layout: AppLayout) -> bool:
        self.world.ask()
        shared = self.world.nodes.get(str(layout.shared))
        return (
            str(layout.root / MARKER) in self.world.nodes
            or layout.name in self.world.accounts
            or (shared is not None and shared.access == Access(0, 0, 0o700))
        )

    def find_accounts(self, layout: AppLayout) -> list[str]:
        self.world.ask()
        return sorted(self.world.accounts & {layout.name, layout.build_user})

    def require_closed_way(self, path: Path) -> None:
        self.world.ask()
        del path

    def find_data(self, layout: AppLayout) -> Data | None:
        self.world.ask()
        return Data(layout.shared, is_link=False, is_mount=False) if str(layout.shared) in self.world.nodes else None

    def require_removable(self, layout: AppLayout, parts: Sequence[Path], data: Data | None, *, with_data: bool) -> None:
        del parts, data, with_data
        self.require_closed_way(layout.root)

    def require_room_for_archive(self, data: Data, directory: Path) -> None:
        self.require_closed_way(data.place / directory)

    def end_processes_of(self, name: str) -> None:
        self.world.step("nothing that lasts", lambda: None)
        del name

    def take_data(self, layout: AppLayout, data: Data) -> None:
        del layout
        self.world.step("take the data", lambda: self.world.put(data.place, Node("dir", access=Access(0, 0, 0o700)), synced=True))

    def empty(self, data: Data) -> None:
        raise NotImplementedError(data)

    def is_mount(self, path: Path) -> bool:
        self.world.ask()
        del path
        return False

    def back_up(self, layout: AppLayout, data: Data, directory: Path) -> Path:
        del data
        archive = directory / f"{layout.name}.tar.gz"
        self.world.step("archive", lambda: self.world.put(archive, Node("file"), synced=True))
        return archive

    def remove_account(self, name: str, comment: str) -> bool:
        del comment
        found = name in self.world.accounts
        self.world.step("account", lambda: setattr(self.world, "accounts", self.world.accounts - {name}))
        return found
