"""What measurements share: a host on which the benchmark's app is served, and one that makes traffic. Each is started when first needed."""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from harness.process import HarnessError, say

from bench.fleet import Fleet, copy_source
from bench.load import Generator, fetch, look_at, time_until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NAME, SITE = "metered", "metered.test"
PORT_ALONE = 8000
_TIMEOUT = 30  # seconds

_ALONE = f"""[Unit]
After=network.target

[Service]
Type=notify
User={NAME}
Group={NAME}
WorkingDirectory=/var/www/{NAME}/current/app
EnvironmentFile=/var/www/{NAME}/current/env
ExecStart=/var/www/{NAME}/current/venv/bin/gunicorn -w WORKERS --threads 8 --keep-alive 0 -b 0.0.0.0:{PORT_ALONE} --no-control-socket app:app
KillMode=mixed
"""
"""The unit that people write by hand, as in docs/by-hand.md."""


def describe_app(name: str, source: Path, **more: object) -> dict[str, Any]:
    """Return the entry of `flask_apps` for the benchmark's app under some name."""
    return {
        "name": name,
        "source": {"path": str(source)},
        "wsgi": "app:app",
        "server_names": [f"{name}.test"],
        "dependencies": {"packages": ["flask", "gunicorn"]},
        **more,
    }


@dataclass
class Served:
    """A host on which the benchmark's app is served."""

    fleet: Fleet
    source: Path
    app: dict[str, Any] = field(default_factory=dict)
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    @classmethod
    def start(cls) -> Served:
        """Start the host, and deploy the app."""
        say("      (deploying the benchmark's app on a host of its own)")
        served = cls(Fleet.start("served"), copy_source("metered", "served"))
        served.app = describe_app(NAME, served.source, env={"VARIABLE": "a"})
        served.play("site")
        return served

    @property
    def port(self) -> int:
        """The port of 127.0.0.1 at which the host's nginx answers."""
        return self.fleet.host.ports["80"]

    @property
    def page(self) -> str:
        """The page that the app shows now."""
        return fetch(self.port, SITE)[1]

    def play(self, playbook: str) -> float:
        """Run a playbook for the app as it is described now; return the seconds."""
        self.fleet.apps = [self.app]
        return self.fleet.play(playbook).seconds

    def do_nothing(self) -> float:
        """Run the site playbook when there is nothing to do; return the seconds."""
        self.fleet.apps = [self.app]
        run = self.fleet.play("site")
        if run.changed:
            raise HarnessError(f"a run with nothing to do has changed something:\n{run.output}")
        return run.seconds

    def write_version(self, version: str) -> None:
        """Make the source another version."""
        (self.source / "version.py").write_text(f'"""Written by the benchmark."""\n\nVERSION = "{version}"\n', encoding="utf-8")

    def make_version(self) -> str:
        """Make the source a version that was never there; return the page that it shows."""
        version = f"v{next(self._numbers)}"
        self.write_version(version)
        return f"{version} {self.app['env']['VARIABLE']}"

    def change_variable(self) -> str:
        """Give the environment variable another value; return the page that it makes."""
        self.app["env"] = {"VARIABLE": f"x{next(self._numbers)}"}
        return f"{self.page.split()[0]} {self.app['env']['VARIABLE']}"

    def time_until_served(self, playbook: str, change: Callable[[], str]) -> float:
        """Change something, and run a playbook; return the seconds until users see it. A request that fails ends the benchmark."""
        page = change()
        with look_at(self.port, SITE) as sight:
            started = time.monotonic()
            self.play(playbook)
        return time_until(sight, page, started)

    def start_alone(self) -> None:
        """Run the current release once more, by a hand-written unit, with as many workers as the collection has chosen."""
        workers = len(self.fleet.ask(f"pgrep -u {NAME}").split()) - 1
        self.fleet.ssh("cat > /etc/systemd/system/alone.service && systemctl daemon-reload", feed=_ALONE.replace("WORKERS", str(workers)))
        self.fleet.ask("systemctl restart alone.service")


@dataclass
class Bench:
    """What the measurements are made with."""

    quick: bool = False
    """Whether one round is enough: to see that it runs, not to know what it costs."""

    def rounds(self, count: int) -> int:
        """Return how many rounds to make of so many."""
        return 1 if self.quick else count

    @cached_property
    def served(self) -> Served:
        """The host on which the app is served."""
        return Served.start()

    @cached_property
    def generator(self) -> Generator:
        """The host that makes traffic."""
        return Generator.start()


def wait_until(condition: Callable[[], bool], what: str) -> None:
    """Wait until something holds; raise HarnessError if it never does."""
    deadline = time.monotonic() + _TIMEOUT
    while not condition():
        if time.monotonic() > deadline:
            raise HarnessError(f"it never came about that {what}")
        time.sleep(0.1)
