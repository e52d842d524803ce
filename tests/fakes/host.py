"""A host in memory, behind the seam of the collection's transactions, that can be looked at and stopped before any step.

It has what matters of systemd, nginx and the file system: units that run, start at boot, die and are restarted; a link that is
followed at each connection; writes that a power cut takes back until their directory has reached the disk. What an app does is told by the
variable BEHAVES in its release's file `env`. Users ask at every step, and each of their requests lasts for a while.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from ansible_collections.webstack.flask.plugins.module_utils._databases.setup import Setup
from ansible_collections.webstack.flask.plugins.module_utils._layout import AppLayout
from ansible_collections.webstack.flask.plugins.module_utils._release.health import Answer
from ansible_collections.webstack.flask.plugins.module_utils._release.seam import Host

from fakes.memory import BUSY, TARGETS, UNITS, Node, Stopped, Unit, release_of
from fakes.parts import FakeClock, FakeCommands, FakeDatabases, FakeFiles, FakeHome, FakeProbe, FakeUnits

WORK = 2
"""For how many moments a process goes on that is told to end."""

Undo = tuple[str, tuple[tuple[str, Node | None], ...]]
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

    setup: Setup = field(default=Setup(is_begun=False, is_finished=False, has_data=False))
    """What the database of the app has had of its setup commands. It is on the disk when it says so."""

    databases: frozenset[str] = frozenset({"shop"})
    """The databases of the app. `setup` is what the first one says."""

    ran: tuple[str, ...] = ()
    """What the shell was told to run, in this order."""

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

    beside: AppLayout | None = None
    """Another app of the host, which has no release with an identifier of the first one's."""

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

    @property
    def layouts(self) -> list[AppLayout]:
        """The apps."""
        return [self.layout, self.beside] if self.beside else [self.layout]

    def layout_of(self, release: str) -> AppLayout:
        """Return the app that has a release."""
        return self.beside if self.beside and f"{self.beside.releases}/{release}" in self.nodes else self.layout

    def socket(self, release: str) -> str:
        """Return the place of a release's socket."""
        return str(self.layout_of(release).socket(release))

    def service_unit(self, release: str) -> str:
        """Return the service of a release."""
        return self.layout_of(release).service_unit(release)

    def socket_unit(self, release: str) -> str:
        """Return the socket unit of a release."""
        return self.layout_of(release).socket_unit(release)

    @property
    def state(self) -> object:
        """What tells this host from another one, as far as a run can notice."""
        return (
            frozenset(self.nodes.items()),
            tuple(self.unsynced),
            frozenset(self.units.items()),
            self.accounts,
            self.command,
            self.setup,
            self.databases,
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
            databases=FakeDatabases(self),
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
            # What is in a directory stays when its access changes.
            places = {key, *self.below(key)} if node is None else {key}
            self.unsynced.append((posixpath.dirname(key), tuple((place, self.nodes.get(place)) for place in places)))
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
            layout = self.layout_of(release)
            if str(layout.socket_template) in self.nodes and str(layout.release(release)) in self.nodes:
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
        link = self.nodes.get(str(self.layout_of(release_of(unit)).current))
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
        twice = {name for name in running if "." in name and running.count(name) > 1}
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
        layout = self.layout_of(release)
        top = str(layout.release(release))
        env, conf = self.nodes.get(f"{top}/env"), self.nodes.get(f"{top}/gunicorn.conf.py")
        links = [self.nodes.get(f"{top}/{name}") for name in ("app", "venv")]
        lead_on = all(link and posixpath.normpath(f"{top}/{link.text}") in self.nodes for link in links)
        if env is None or not lead_on or (web and (conf is None or str(layout.service_template) not in self.nodes)):
            return "dead"
        return next((line.partition("=")[2].strip('"') for line in env.text.splitlines() if line.startswith("BEHAVES=")), "good")

    def break_live_release(self) -> None:
        """Let the release that users reach, of the first app, answer badly from now on, as one does that meets another schema."""
        env = f"{self.layout.release(self.nodes[str(self.layout.current)].text.rpartition('/')[2])}/env"
        self.nodes[env] = self.nodes[env]._replace(text="BEHAVES=sick\n")

    def answer(self, release: str, probe: str) -> Answer:
        """Return what a release that has been connected to answers."""
        unit = self.service_unit(release)
        if self.units.get(unit, Unit()).active not in ("active", "activating"):
            self.start(unit)  # by its socket
        known, behaviour = self.units.get(unit, Unit()), self.behaviour(release)
        self.set_unit(unit, known._replace(questions=known.questions + 1))
        if known.active != "active" or behaviour in ("dead", "silent") or (behaviour == "slow" and known.questions < 3):
            return Answer(error="no answer")
        word = self.nodes.get(f"{self.layout_of(release).release(release)}/probe", Node("file")).text.strip()
        return Answer(500 if behaviour == "sick" else 200, release if word and word == probe else None)

    def visit(self, probe: str = "", layout: AppLayout | None = None) -> tuple[str, Answer]:
        """Ask through the web server, by default the first app; return which release was met, and what it said."""
        link = self.nodes.get(str((layout or self.layout).current))
        if link is None:
            return "nothing", Answer(502)
        release = link.text.rpartition("/")[2]
        record = self.nodes.get(f"{self.layout_of(release).release(release)}/release.json")
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
        for layout in self.layouts:
            met, said = self.visit(layout=layout)
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
