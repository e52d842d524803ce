# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The switch: one transaction that takes users from one release to another, or leaves them where they are.

The order of the steps is what makes an interruption at any point harmless: the candidate starts at boot before the
link names it, and the old release does so until it has been stopped. docs/architecture.md tells the whole story.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._host.files import point_link, read_link, sync_directory
from ansible_collections.webstack.flask.plugins.module_utils._layout import AppLayout
from ansible_collections.webstack.flask.plugins.module_utils._release.connections import count_connections
from ansible_collections.webstack.flask.plugins.module_utils._release.health import ANY_PROBE, Answer, HealthCheck, ask_proxy, ask_socket
from ansible_collections.webstack.flask.plugins.module_utils._release.hints import find_hints
from ansible_collections.webstack.flask.plugins.module_utils._release.release import read_probe
from ansible_collections.webstack.flask.plugins.module_utils._systemd import systemctl
from ansible_collections.webstack.flask.plugins.module_utils._systemd.log_lines import find_last_words

LOG_LINES = 20
"""How many of the app's last log lines a failure shows."""

_LOG_LINES_READ = 300

_VERIFY_TIMEOUT = 10
"""Seconds in which the web server must be seen to reach a release, where there is no other that users could be sent back to.

Where there is one, the first answer decides: the web server follows the link at the next connect(), and users get such answers too.
"""

_DRAIN_PAUSE = 0.1

_CANDIDATE_WEIGHT = 12
"""Share of the processor of a release that starts, where the one that serves wants it, too, and has 100.

Its workers load the app all at once: without this, p99 during a switch was 1.9 times that at rest, with it 1.5 (docs/benchmark.md). A share
of 1 did as much, but would not let a release come up at all on a host that has no processor to spare. No user gives a service this very
number, by which it is told from a weight of the user's own.
"""


@dataclass(frozen=True)
class Proxy:
    """The web server in front of the app: where it listens, the name by which it knows the app, and whether it is asked encrypted."""

    address: str
    port: int
    host: str
    tls: bool = False


class ReleaseFailed(UserError):
    """A release did not come up, or was not reached; users are where they were before."""


@dataclass
class Switch:
    """Takes one app from release to release."""

    layout: AppLayout
    check: HealthCheck
    proxy: Proxy | None
    drain_limit: float
    watch: float = 1
    notes: list[str] = field(default_factory=list)

    @property
    def current(self) -> str | None:
        """The release that users reach."""
        target = read_link(self.layout.current)
        return Path(target).name if target else None

    def go_to(self, release: str) -> None:
        """Make `release` the one that users reach; if it is no good, leave all as it was and raise ReleaseFailed."""
        before, former = self.current, read_link(self.layout.previous)
        try:
            gentle = before is not None and self._slow_down(release)
            self._start(release)
            self._wait_until_healthy(release)
            if gentle:
                systemctl.set_cpu_weight(self.layout.service_unit(release), None)
            systemctl.enable(self.layout.service_unit(release), self.layout.socket_unit(release))
            if before is not None:
                point_link(self.layout.previous, f"releases/{before}")
            point_link(self.layout.current, f"releases/{release}")
            self._verify(release, timeout=0 if before else _VERIFY_TIMEOUT)
            self._watch(release)
        except BaseException:
            self._go_back(before, former, release)
            raise

    def return_to(self, fallback: str) -> None:
        """Take users from the current release, which is no good, back to a former one."""
        current = self.current
        self._start(fallback)
        self._wait_until_healthy(fallback)
        systemctl.enable(self.layout.service_unit(fallback), self.layout.socket_unit(fallback))
        point_link(self.layout.current, f"releases/{fallback}")
        if current is not None:
            self.retire(current)

    def repair(self, release: str) -> bool:
        """See that the current release runs, starts at boot and is reached; return whether anything had to be mended."""
        units = (self.layout.service_unit(release), self.layout.socket_unit(release))
        states = systemctl.show(units)
        mended = False
        if any(states[unit].active != "active" for unit in units) or not self.layout.socket(release).is_socket():
            systemctl.stop(*units)
            self._start(release)
            self._wait_until_healthy(release)
            self.notes.append(f"started release {release} again")
            mended = True
        if not all(states[unit].enabled for unit in units):
            systemctl.enable(*units)
            self.notes.append(f"made release {release} start at boot")
            mended = True
        return mended

    def verify(self, release: str) -> None:
        """See that the current release, and no other, answers through the web server, however often it was restarted in its life."""
        unit = self.layout.service_unit(release)
        self._verify(release, timeout=_VERIFY_TIMEOUT, restarts=systemctl.show([unit])[unit].restarts)

    def _verify(self, release: str, *, timeout: float, restarts: int = 0) -> None:
        if self.proxy is None:
            return
        proxy, check = self.proxy, self._check_of(release)

        def attempt() -> str | None:
            answer = self._ask(release, lambda: ask_proxy(proxy.address, proxy.port, check), restarts)
            trouble = check.judge(answer)
            if trouble is None and answer.release != release:
                who = f"release {answer.release}" if answer.release else "something that is no release of this app"
                trouble = f"GET {check.path} with Host: {proxy.host} was answered by {who}"
            return trouble

        trouble = _try_until(time.monotonic() + timeout, self.check.interval, attempt)
        if trouble:
            raise ReleaseFailed(
                f"release {release} is healthy on its own socket, but not through the web server at {proxy.address}:{proxy.port}: {trouble}"
            )

    def retire(self, release: str, *, drain: bool = True) -> None:
        """Stop a release that users no longer reach, after its requests have ended, and let it not start at boot."""
        units = (self.layout.service_unit(release), self.layout.socket_unit(release))
        if drain:
            self._drain(release)
        systemctl.stop(*units)
        systemctl.disable(*units)
        systemctl.forget_failure(*units)

    def find_others(self, release: str | None) -> list[str]:
        """Return the releases besides `release` that run or would start at boot."""
        wants = Path("/etc/systemd/system/multi-user.target.wants").glob(f"{self.layout.name}@*.service")
        loaded = systemctl.find_instances(f"{self.layout.name}@.service", f"{self.layout.name}@.socket")
        units = {path.name for path in wants} | set(loaded)
        return sorted({unit.partition("@")[2].rpartition(".")[0] for unit in units} - {release})

    def _start(self, release: str) -> None:
        units = (self.layout.socket_unit(release), self.layout.service_unit(release))
        states = systemctl.show(units)
        lost_its_socket = states[units[0]].active == "active" and not self.layout.socket(release).is_socket()
        if states[units[1]].restarts or lost_its_socket:
            systemctl.stop(*units)
        systemctl.forget_failure(*units)
        systemctl.start_and_wait(units[0])
        systemctl.start(units[1])

    def _slow_down(self, release: str) -> bool:
        """Let a release give way to others while it starts, unless it has a weight of its own; return whether it does."""
        unit = self.layout.service_unit(release)
        if systemctl.show([unit])[unit].cpu_weight not in (None, _CANDIDATE_WEIGHT):
            return False
        systemctl.set_cpu_weight(unit, _CANDIDATE_WEIGHT)
        return True

    def _wait_until_healthy(self, release: str) -> None:
        deadline = time.monotonic() + self.check.deadline
        check = self._check_of(release)

        def attempt() -> str | None:
            return check.judge(self._ask(release, lambda: ask_socket(str(self.layout.socket(release)), check)))

        trouble = _try_until(deadline, self.check.interval, attempt)
        if trouble:
            raise ReleaseFailed(self._explain(f"release {release} was not healthy within {self.check.deadline:g} s: {trouble}", release))

    def _watch(self, release: str) -> None:
        """Look on for a moment, the former release still warm: some die of their first real requests, or of a worker that starts late."""
        until = time.monotonic() + self.watch
        while time.monotonic() < until:
            time.sleep(min(self.watch, 0.2))
            self._raise_if_dead(release)

    def _go_back(self, before: str | None, former: str | None, release: str) -> None:
        reached = self.current == release
        if reached and before is not None:
            point_link(self.layout.current, f"releases/{before}")
            if former is not None:
                point_link(self.layout.previous, former)
        elif reached:
            self.layout.current.unlink()
            sync_directory(self.layout.root)
        self.retire(release, drain=reached)

    def _drain(self, release: str) -> None:
        deadline = time.monotonic() + self.drain_limit
        quiet = 0
        while quiet < 2:
            connections = count_connections(self.layout.socket(release))
            quiet = 0 if connections else quiet + 1
            if connections and time.monotonic() > deadline:
                self.notes.append(f"release {release} was stopped with {connections} request(s) still in it after {self.drain_limit:g} s")
                return
            time.sleep(_DRAIN_PAUSE)

    def _check_of(self, release: str) -> HealthCheck:
        """Return the check with the word to which this release tells its name."""
        return replace(self.check, probe=read_probe(self.layout, release) or ANY_PROBE)

    def _ask(self, release: str, question: Callable[[], Answer], restarts: int = 0) -> Answer:
        """Ask aside, so that a release's death is noticed while it owes the answer; an answer counts only of one that lives on.

        A worker may outlive its master by a moment, and answer in it.
        """
        asking = _Asking(question)
        asking.join(0.1)  # most answer at once, and asking systemd takes longer
        while asking.is_alive():
            self._raise_if_dead(release, restarts)
            asking.join(0.1)
        self._raise_if_dead(release, restarts)
        return asking.answer

    def _raise_if_dead(self, release: str, restarts: int = 0) -> None:
        unit = self.layout.service_unit(release)
        state = systemctl.show([unit])[unit]
        death = state.describe_death(restarts)
        if death is None and state.main_pid and not systemctl.is_running(state.main_pid):
            death = systemctl.wait_for_death(unit, restarts)
        if death:
            raise ReleaseFailed(self._explain(f"release {release} does not run: {death}", release))

    def _explain(self, what: str, release: str) -> str:
        words = find_last_words(systemctl.read_journal(self.layout.service_unit(release), _LOG_LINES_READ), LOG_LINES)
        log = [f"  {line}" for line in words or ["(nothing)"]]
        hints = [f"Hint: {hint}." for hint in find_hints(words, str(self.layout.root))]
        return "\n".join([what, "The last lines of its log:", *log, *hints])


class _Asking(threading.Thread):
    """A question that is being asked; `answer` is there when the thread has ended."""

    def __init__(self, question: Callable[[], Answer]) -> None:
        super().__init__(daemon=True)
        self.answer = Answer(error="not answered yet")
        self._question = question
        self.start()

    def run(self) -> None:
        self.answer = self._question()


def _try_until(deadline: float, interval: float, attempt: Callable[[], str | None]) -> str | None:
    """Repeat `attempt` until it finds no trouble or time is up; return the last trouble."""
    while True:
        trouble = attempt()
        if trouble is None or time.monotonic() + interval > deadline:
            return trouble
        time.sleep(interval)
