"""A host in memory, behind the seam of the collection's transactions, that can be looked at and stopped before any step.

It has what matters of systemd, nginx and the file system: units that run, start at boot, die and are restarted; a link that is
followed at each connection; writes that a power cut takes back until their directory has reached the disk. What an app does is told by the
variable BEHAVES in its release's file `env`. Users ask at every step, and each of their requests lasts for a while.
"""

from __future__ import annotations

import fnmatch
import posixpath
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import NamedTuple, TypeVar

from ansible_collections.webstack.flask.plugins.module_utils._host.files import Access
from ansible_collections.webstack.flask.plugins.module_utils._host.ownership import MARKER, THROUGH
from ansible_collections.webstack.flask.plugins.module_utils._host.places import Data
from ansible_collections.webstack.flask.plugins.module_utils._layout import AppLayout
from ansible_collections.webstack.flask.plugins.module_utils._release.health import Answer, HealthCheck
from ansible_collections.webstack.flask.plugins.module_utils._release.seam import Host
from ansible_collections.webstack.flask.plugins.module_utils._systemd.sandbox import Outcome
from ansible_collections.webstack.flask.plugins.module_utils._systemd.systemctl import UnitState

UNITS = "/etc/systemd/system"
TARGETS = {"service": "multi-user.target.wants", "socket": "sockets.target.wants", "timer": "timers.target.wants"}
BUSY = 2
"""How often a release is asked for its connections until the request that is in it has ended."""

WORK = 2
"""For how many moments a process goes on that is told to end."""

ROOT_ONLY = Access(0, 0, 0o755)


class Stopped(BaseException):
    """The run has been killed: nothing that it does from now on has any effect."""


class Node(NamedTuple):
    """Something in the file system."""

    kind: str
    """dir, file, link or socket."""

    text: str = ""
    access: Access | None = None


class Unit(NamedTuple):
    """What the service manager holds in memory of a unit that it has started, or been told something of."""

    active: str = "inactive"
    restarts: int = 0
    weight: int | None = None
    questions: int = 0
    """How often it has been asked since it started."""

    left: int = 0
    """For how many moments a process still finishes what it is at."""

    queued: bool = False
    """Whether it starts again then."""


Thing = TypeVar("Thing")
Undo = tuple[str, tuple[tuple[str, "Node | None"], ...]]
"""The directory that has to reach the disk, and what was in which place before."""


@dataclass
class World:
    """All of the host that a run can see or change."""

    layout: AppLayout
    nodes: dict[str, Node] = field(default_factory=dict)
    unsynced: list[Undo] = field(default_factory=list)
    units: dict[str, Unit] = field(default_factory=dict)
    accounts: frozenset[str] = frozenset()
    command: int = 0
    """For how many moments the release command still runs."""

    requests: dict[str, int] = field(default_factory=dict)
    """For how many moments the last request in a release still lasts."""

    visits: frozenset[str] = frozenset()
    """What users have met since anybody looked: releases, and errors."""

    cut_off: frozenset[str] = frozenset()
    """Releases that were stopped with a request in them."""

    doubled: frozenset[str] = frozenset()
    """Processes that ran twice though they must not."""

    commands: int = 0
    """How many release commands were begun."""

    clock: float = 0.0
    steps: int = 0
    stop_at: int | None = None
    is_stopped: bool = False
    next_step: str = ""
    """What a run is about to do."""

    history: tuple[str, ...] = ()
    """Before which steps runs were stopped, and how."""

    watcher: Callable[[World], None] | None = None
    """Is shown the host before each step."""

    def copy(self) -> World:
        """Return a host that is the same, and goes its own way."""
        return replace(
            self,
            nodes=dict(self.nodes),
            unsynced=list(self.unsynced),
            units=dict(self.units),
            requests=dict(self.requests),
            steps=0,
            stop_at=None,
            is_stopped=False,
            watcher=None,
        )

    @cached_property
    def root(self) -> str:
        """Where the app is."""
        return str(self.layout.root)

    @cached_property
    def name(self) -> str:
        """The app."""
        return self.layout.name

    def socket(self, release: str) -> str:
        """Return the place of a release's socket."""
        return f"{self.root}/releases/{release}/gunicorn.sock"

    def service_unit(self, release: str) -> str:
        """Return the service of a release."""
        return f"{self.name}@{release}.service"

    def socket_unit(self, release: str) -> str:
        """Return the socket unit of a release."""
        return f"{self.name}@{release}.socket"

    @property
    def state(self) -> object:
        """What tells this host from another one, as far as a run can notice."""
        return (
            frozenset(self.nodes.items()),
            tuple(self.unsynced),
            frozenset(self.units.items()),
            self.accounts,
            self.command,
        )

    @property
    def host(self) -> Host:
        """The host as a transaction sees it."""
        return Host(
            units=FakeUnits(self),
            files=FakeFiles(self),
            probe=FakeProbe(self),
            clock=FakeClock(self),
            commands=FakeCommands(self),
            home=FakeHome(self),
            lock=self._lock,
        )

    @contextmanager
    def _lock(self, path: Path, timeout: float, warn: Callable[[str], object]) -> Iterator[None]:
        del path, timeout, warn
        yield

    def ask(self) -> None:
        """See that whoever asks has not been stopped."""
        if self.is_stopped:
            raise Stopped

    def step(self, name: str, change: Callable[[], None]) -> None:
        """Let a run change one thing, and users ask after it."""
        self.ask()
        self.next_step = name
        if self.watcher:
            self.watcher(self)
        if self.steps == self.stop_at:
            self.is_stopped = True
            raise Stopped
        self.steps += 1
        change()
        self.meet_users()
        self.look_at_processes()

    # The file system.

    def put(self, path: Path | str, node: Node | None, *, synced: bool) -> None:
        """Put something in a place, or take away what is there."""
        key = str(path)
        if not synced:
            self.unsynced.append((posixpath.dirname(key), tuple((place, self.nodes.get(place)) for place in {key, *self.below(key)})))
        if node is None:
            for place in self.below(key):
                del self.nodes[place]
            self.nodes.pop(key, None)
        else:
            self.nodes[key] = node

    def below(self, key: str) -> list[str]:
        """Return what is in a directory, at any depth."""
        return [place for place in self.nodes if place.startswith(f"{key}/")]

    def sync(self, directory: Path | str) -> None:
        """Let what was changed in a directory reach the disk."""
        self.unsynced = [undo for undo in self.unsynced if undo[0] != str(directory)]

    def move(self, source: str, target: str) -> None:
        """Give a tree another name in its directory, which has not reached the disk yet."""
        moved = {key: self.nodes[key] for key in [source, *self.below(source)]}
        names = {key: target + key.removeprefix(source) for key in moved}
        undo = tuple((key, self.nodes.get(key)) for key in {*names, *names.values()})
        self.unsynced.append((posixpath.dirname(source), undo))
        for key, node in moved.items():
            del self.nodes[key]
            self.nodes[names[key]] = node

    # The service manager and the apps.

    def wants(self, unit: str) -> str:
        """Return the link that makes a unit start at boot."""
        return f"{UNITS}/{TARGETS[unit.rpartition('.')[2]]}/{unit}"

    def set_unit(self, unit: str, known: Unit) -> None:
        """Remember a unit; one with nothing to remember is forgotten."""
        self.units[unit] = known
        if known == Unit():
            del self.units[unit]

    def start(self, unit: str) -> None:
        """Start a unit of a release, and what it requires."""
        release, known = release_of(unit), self.units.get(unit, Unit())
        if known.active == "active":
            return
        if unit.endswith(".timer"):
            self.set_unit(unit, Unit("active" if f"{UNITS}/{unit}" in self.nodes else "inactive"))
            self.nodes.setdefault(str(self.layout.stamp(unit)), Node("file"))
            return
        if "." in unit.partition("@")[0]:
            self._start_process(unit, known)
            return
        if unit.endswith(".socket"):
            if f"{UNITS}/{self.name}@.socket" in self.nodes and f"{self.root}/releases/{release}" in self.nodes:
                self.nodes[self.socket(release)] = Node("socket")
                self.set_unit(unit, known._replace(active="active"))
            else:
                self.set_unit(unit, known._replace(active="failed"))
            return
        self.start(self.socket_unit(release))
        if self.units[self.socket_unit(release)].active != "active":
            return
        if self.behaviour(release) == "dead":
            self.set_unit(unit, known._replace(active="activating", restarts=known.restarts + 1))
        else:
            self.set_unit(unit, known._replace(active="active", questions=0))

    def _start_process(self, unit: str, known: Unit) -> None:
        """Start a process, if users reach its release; one that ends starts afterwards."""
        if known.active == "deactivating":
            self.set_unit(unit, known._replace(queued=True))
            return
        link = self.nodes.get(f"{self.root}/current")
        if link is None or link.text != f"releases/{release_of(unit)}":
            return
        if f"{UNITS}/{unit}" not in self.nodes or self.behaviour(release_of(unit), web=False) in ("dead", "idle"):
            self.set_unit(unit, known._replace(active="activating", restarts=known.restarts + 1))
        else:
            self.set_unit(unit, Unit("active"))

    def end(self, unit: str) -> None:
        """Tell a process to end, which takes a while."""
        known = self.units.get(unit, Unit())
        if known.active in ("active", "deactivating"):
            self.set_unit(unit, Unit("deactivating", left=known.left or WORK))
        else:
            self.set_unit(unit, Unit())

    def look_at_processes(self) -> None:
        """See which processes run in two releases at once."""
        running = [unit.partition("@")[0] for unit, known in self.units.items() if known.active in ("active", "deactivating")]
        twice = {name for name in running if name.startswith(f"{self.name}.") and running.count(name) > 1}
        self.doubled |= twice

    def stop(self, unit: str) -> None:
        """Stop a unit; what is in it is cut off."""
        release, known = release_of(unit), self.units.get(unit, Unit())
        if known.active == "inactive":
            return
        if unit.endswith(".socket"):
            self.nodes.pop(self.socket(release), None)
        elif self.requests.pop(release, 0) and self.behaviour(release) in ("good", "slow"):
            self.cut_off |= {release}
        self.set_unit(unit, Unit(weight=known.weight))

    def behaviour(self, release: str, *, web: bool = True) -> str:
        """Return how a release behaves once it is started: one that is not whole is dead. A process needs nothing of the web process."""
        top = f"{self.root}/releases/{release}"
        env, conf = self.nodes.get(f"{top}/env"), self.nodes.get(f"{top}/gunicorn.conf.py")
        links = [self.nodes.get(f"{top}/{name}") for name in ("app", "venv")]
        lead_on = all(link and posixpath.normpath(f"{top}/{link.text}") in self.nodes for link in links)
        if env is None or not lead_on or (web and (conf is None or f"{UNITS}/{self.name}@.service" not in self.nodes)):
            return "dead"
        return next((line.partition("=")[2].strip('"') for line in env.text.splitlines() if line.startswith("BEHAVES=")), "good")

    def answer(self, release: str, probe: str) -> Answer:
        """Return what a release that has been connected to answers."""
        unit = self.service_unit(release)
        if self.units.get(unit, Unit()).active not in ("active", "activating"):
            self.start(unit)  # by its socket
        known, behaviour = self.units.get(unit, Unit()), self.behaviour(release)
        self.set_unit(unit, known._replace(questions=known.questions + 1))
        if known.active != "active" or behaviour in ("dead", "silent") or (behaviour == "slow" and known.questions < 3):
            return Answer(error="no answer")
        word = self.nodes.get(f"{self.root}/releases/{release}/probe", Node("file")).text.strip()
        return Answer(500 if behaviour == "sick" else 200, release if word and word == probe else None)

    def visit(self, probe: str = "") -> tuple[str, Answer]:
        """Ask through the web server; return which release was met, and what it said."""
        link = self.nodes.get(f"{self.root}/current")
        if link is None:
            return "nothing", Answer(502)
        release = link.text.rpartition("/")[2]
        record = self.nodes.get(f"{self.root}/releases/{release}/release.json")
        if record and '"web": false' in record.text:
            return release, Answer(200)  # nobody asks what has no web process
        unit, behaviour = self.service_unit(release), self.behaviour(release)
        reachable = self.units.get(self.socket_unit(release), Unit()).active == "active"
        if not reachable or self.socket(release) not in self.nodes:
            return "nothing that listens", Answer(502)
        said = self.answer(release, probe)
        if behaviour == "fragile":  # it dies of its visitors, and is restarted
            self.set_unit(unit, self.units[unit]._replace(restarts=self.units[unit].restarts + 1))
        if behaviour == "garbled":
            return release, Answer(502)
        return release, said

    def meet_users(self) -> None:
        """Let users ask, whose requests then last for a while."""
        met, said = self.visit()
        self.visits |= {met}
        if said.status == 200:
            self.requests[met] = BUSY

    def pass_time(self) -> None:
        """Let requests and commands come nearer to their ends."""
        self.requests = {release: left - 1 for release, left in self.requests.items() if left > 1}
        self.command = max(0, self.command - 1)
        for unit, known in list(self.units.items()):
            if known.active == "deactivating":
                self.set_unit(unit, known._replace(left=known.left - 1) if known.left > 1 else Unit())
                if known.queued and known.left <= 1:
                    self.start(unit)

    def cut_power(self, lost: int) -> None:
        """Take back as many of the last writes as had not reached the disk; nothing runs any more, and what starts at boot does."""
        for _directory, undo in reversed(self.unsynced[len(self.unsynced) - lost :]):
            for place, node in undo:
                self.put(place, node, synced=True)
        self.unsynced = []
        self.units, self.requests, self.command = {}, {}, 0
        for target in reversed(TARGETS.values()):
            for place in sorted(self.below(f"{UNITS}/{target}")):
                self.start(posixpath.basename(place))

    def after_stop(self) -> Iterator[World]:
        """Return what a run that is stopped now may leave: to its kill, and to a power cut that takes writes with it."""
        world = self.copy()
        world.history += (f"killed before: {self.next_step}",)
        yield world
        for lost in sorted({0, min(1, len(self.unsynced)), len(self.unsynced)}):
            world = self.copy()
            world.history += (f"power cut with {lost} writes lost before: {self.next_step}",)
            world.cut_power(lost)
            yield world


def release_of(unit: str) -> str:
    """Return the release whose unit this is."""
    return unit.partition("@")[2].rpartition(".")[0]


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
        link = self.world.nodes.get(f"{self.world.root}/current")
        unit = self.world.service_unit(link.text.rpartition("/")[2]) if link else ""
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
        self._want({unit: Node("link", f"{UNITS}/{self.world.name}@.{unit.rpartition('.')[2]}") for unit in units})

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
        return self.world.visit(check.probe)[1]

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
        self.world.step("begin a command", self._begin)
        self.world.step("end a command", lambda: setattr(self.world, "command", 0))
        return Outcome(1 if "false" in command else 0, "it said so")

    def _begin(self) -> None:
        self.world.command = BUSY
        self.world.commands += 1

    def is_there(self, unit: str) -> bool:
        self.world.ask()
        return unit == self.world.layout.command_unit and self.world.command > 0

    def end(self, unit: str) -> None:
        if self.is_there(unit):
            self.world.step("end a command", lambda: setattr(self.world, "command", 0))


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
