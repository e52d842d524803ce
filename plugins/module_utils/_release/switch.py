# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a switch is made of: a release is started, asked, watched, reached by users and taken from them again.

In which order this happens, and what is done when it goes wrong, transaction.py says.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from ansible_collections.webstack.flask.plugins.module_utils._layout import AppLayout
from ansible_collections.webstack.flask.plugins.module_utils._release.failure import ReleaseFailed, explain
from ansible_collections.webstack.flask.plugins.module_utils._release.health import (
    ANY_PROBE,
    HOST_HEADER,
    PROOF_HEADER,
    Answer,
    HealthCheck,
)
from ansible_collections.webstack.flask.plugins.module_utils._release.hints import explain_status
from ansible_collections.webstack.flask.plugins.module_utils._release.release import read_probe
from ansible_collections.webstack.flask.plugins.module_utils._release.seam import Host
from ansible_collections.webstack.flask.plugins.module_utils._release.timers import Timers
from ansible_collections.webstack.flask.plugins.module_utils._release.units import ReleaseUnits
from ansible_collections.webstack.flask.plugins.module_utils._release.workforce import Workforce

VERIFY_TIMEOUT = 10
"""Seconds in which the web server must be seen to reach a release, where there is no other that users could be sent back to.

Where there is one, the first answer decides: the web server follows the link at the next connect(), and users get such answers too.
"""

_DRAIN_PAUSE = 0.1
_PROOF_WORDS = re.compile(r"(?m)^(?P<known>[0-9a-f]{32}) is-known;\n(?P<pass_on>[0-9a-f]{32}) may-pass;$")
_SITE_KNOWS = "is-known"
_WHICH_SITE = "?"
"""In the place of a name it asks a site for nothing but whether it is the app's."""

MOST_NAMED = 5
"""Paths that are named in a message, where there may be many."""

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
    proof: Path | None = None
    """File with the words by which the site of the app knows that root asks it; it may be missing."""
    proxy_protocol: bool = False
    """Whether it answers to nobody who does not say first, by the PROXY protocol, for whom he asks."""
    authorization: str = field(default="", repr=False)
    """What the host says in Authorization where the app is an internal service, which lets nobody in who says nothing."""


@dataclass(frozen=True)
class Proof:
    """How a site is asked past the gates that it has for users.

    Told the word `known`, it says that it is the app's; at `host` the word `pass_on` lets pass.
    """

    known: str
    pass_on: str
    host: str

    @classmethod
    def read(cls, host: Host, path: Path | None) -> Proof | None:
        """Return what the role nginx_site has written into the file; None where there is none."""
        words = _PROOF_WORDS.search((host.files.read_text(path) if path else None) or "")
        return cls(words["known"], words["pass_on"], f"{path.stem}.proof.invalid") if path and words else None

    def ask_which(self, check: HealthCheck) -> HealthCheck:
        """Return the question to a site whether it is the app's, which it answers before it asks anything of visitors."""
        return replace(check, headers={PROOF_HEADER: self.known, HOST_HEADER: _WHICH_SITE})


def is_of_site(answer: Answer, ask_which: Callable[[], Answer]) -> bool:
    """Return whether it is the app's own site that has answered, or has closed the connection; `ask_which` asks for that alone.

    Not every refusal tells: `return 444` says nothing, and a location that adds a header of its own leaves out those of its site.
    """
    if answer.site == _SITE_KNOWS:
        return True
    # The answer to that is where it leads to, for it stands where no header can be added for it alone.
    return bool(not answer.error or answer.is_silent) and ask_which().location == _SITE_KNOWS


def read_current(layout: AppLayout, host: Host) -> str | None:
    """Return the release that users reach."""
    target = host.files.read_link(layout.current)
    return Path(target).name if target else None


@dataclass
class Switch:
    """Takes one app from release to release, on one host."""

    layout: AppLayout
    host: Host
    check: HealthCheck
    proxy: Proxy | None
    drain_limit: float
    watch_time: float = 1
    notes: list[str] = field(default_factory=list)

    @property
    def units(self) -> ReleaseUnits:
        """The units of the app's releases."""
        return ReleaseUnits(self.layout, self.host)

    @property
    def workforce(self) -> Workforce:
        """The processes of the app's releases."""
        return Workforce(self.layout, self.host, self.check.deadline)

    @property
    def timers(self) -> Timers:
        """When the app runs its jobs."""
        return Timers(self.layout, self.host)

    @property
    def current(self) -> str | None:
        """The release that users reach."""
        return read_current(self.layout, self.host)

    def slow_down(self, release: str) -> bool:
        """Let a release give way to others while it starts, unless it has a weight of its own; return whether it does."""
        if not self.units.has_web(release) or self.units.show_service(release).cpu_weight not in (None, _CANDIDATE_WEIGHT):
            return False
        self.host.units.set_cpu_weight(self.layout.service_unit(release), _CANDIDATE_WEIGHT)
        return True

    def speed_up(self, release: str) -> None:
        """Let a release have as much of the processor as any other again."""
        self.host.units.set_cpu_weight(self.layout.service_unit(release), None)

    def bring_up(self, release: str) -> None:
        """Start a release on its own socket, and wait until it is healthy. One without a web process has nothing to be asked."""
        if not self.units.has_web(release):
            return
        self.units.start(release)
        deadline = self.host.clock.monotonic() + self.check.deadline
        check, socket = self._check_of(release), self.layout.socket(release)

        def attempt() -> str | None:
            return check.judge(self._ask(release, lambda meanwhile: self.host.probe.ask_socket(socket, check, meanwhile)))

        trouble = self._try_until(deadline, attempt)
        if trouble:
            raise ReleaseFailed(self._explain(f"release {release} was not healthy within {self.check.deadline:g} s: {trouble}", release))

    def find_trouble(self, release: str) -> str | None:
        """Return what a release that runs does not answer well on its own socket; None where it is healthy, or has no web process."""
        if not self.units.has_web(release):
            return None
        deadline = self.host.clock.monotonic() + VERIFY_TIMEOUT
        check, socket, restarts = self._check_of(release), self.layout.socket(release), self.units.show_service(release).restarts

        def attempt() -> str | None:
            return check.judge(self._ask(release, lambda meanwhile: self.host.probe.ask_socket(socket, check, meanwhile), restarts))

        return self._try_until(deadline, attempt)

    def lead_to(self, release: str, before: str | None) -> None:
        """Point the links at a release that starts at boot already, and at the one before."""
        if before is not None:
            self.host.files.point_link(self.layout.previous, f"releases/{before}")
        self.host.files.point_link(self.layout.current, f"releases/{release}")

    def lead_back(self, before: str | None, former: str | None) -> None:
        """Point the links where they pointed before a switch: `former` is where `previous` did."""
        if before is None:
            self.host.files.unlink(self.layout.current)
            self.host.files.sync_directory(self.layout.root)
            return
        self.host.files.point_link(self.layout.current, f"releases/{before}")
        if former is not None:
            self.host.files.point_link(self.layout.previous, former)

    def return_to(self, fallback: str) -> None:
        """Take users from the current release, which is no good, back to a former one."""
        current = self.current
        self.bring_up(fallback)
        self.units.enable(fallback)
        self.host.files.point_link(self.layout.current, f"releases/{fallback}")
        self.workforce.take_over(fallback)
        self.timers.follow(fallback)
        if current is not None:
            self.retire(current)

    def repair(self, release: str) -> bool:
        """See that the current release runs, starts at boot and is reached; return whether anything had to be mended."""
        if not self.units.has_web(release):
            return False
        states = self.units.show(release)
        mended = False
        if any(state.active != "active" for state in states.values()) or not self.units.has_socket(release):
            self.units.stop(release)
            self.bring_up(release)
            self.notes.append(f"started release {release} again")
            mended = True
        elif unseen := self.host.home.find_unseen(self.layout, states[self.layout.service_unit(release)].main_pid):
            self.host.units.daemon_reload()
            self.host.units.stop(self.layout.service_unit(release))  # its socket stays, and requests wait in it
            self.bring_up(release)
            self.notes.append(f"started release {release} again, which did not see what is mounted at {', '.join(unseen[:MOST_NAMED])} now")
            mended = True
        if not all(state.enabled for state in states.values()):
            self.units.enable(release)
            self.notes.append(f"made release {release} start at boot")
            mended = True
        return mended

    def verify(self, release: str, *, watch: bool = False) -> None:
        """See that the current release, and no other, answers through the web server, however often it was restarted in its life."""
        if not self.units.has_web(release):
            return
        restarts = self.units.show_service(release).restarts
        self.verify_within(VERIFY_TIMEOUT, release, restarts=restarts)
        if watch:
            self.watch(release, restarts=restarts)

    def verify_within(self, timeout: float, release: str, *, restarts: int = 0) -> None:
        """See within some seconds that a release, and no other, answers through the web server; of 0, the first answer decides."""
        if self.proxy is None or not self.units.has_web(release):
            return
        proxy, check = self.proxy, self._check_of(release)
        if proxy.authorization:
            check = replace(check, headers={**check.headers, "Authorization": proxy.authorization})
        proof = Proof.read(self.host, proxy.proof)

        def ask(check: HealthCheck) -> Answer:
            return self._ask(release, lambda meanwhile: self.host.probe.ask_proxy(proxy.address, proxy.port, check, meanwhile), restarts)

        def attempt() -> str | None:
            answer = ask(replace(check, headers={**check.headers, PROOF_HEADER: proof.known}) if proof else check)
            if proof and answer.release is None and is_of_site(answer, partial(ask, proof.ask_which(check))):
                # The site of the app has answered by itself: what the description has added there (`allow`, `auth_basic`) is for users.
                headers = {**check.headers, PROOF_HEADER: proof.pass_on, HOST_HEADER: check.host}
                answer = ask(replace(check, host=proof.host, headers=headers))
            trouble = check.judge(answer)
            if trouble is None and answer.release != release:
                who = f"release {answer.release}" if answer.release else f"something that is no release of this app, with {answer.status}"
                trouble = f"GET {check.path} with Host: {proxy.host} was answered by {who}"
            if trouble and answer.release is None:
                trouble += explain_status(answer.status, proxy_protocol=proxy.proxy_protocol, is_silent=answer.is_silent)
            return trouble

        trouble = self._try_until(self.host.clock.monotonic() + timeout, attempt)
        if trouble:
            raise ReleaseFailed(
                f"release {release} is healthy on its own socket, but not through the web server at {proxy.address}:{proxy.port}: {trouble}"
            )

    def watch(self, release: str, *, restarts: int = 0) -> None:
        """Look on for a moment, the former release still warm: some die of their first real requests, or of a worker that starts late."""
        if not self.units.has_web(release):
            return
        clock = self.host.clock
        until = clock.monotonic() + self.watch_time
        while clock.monotonic() < until:
            clock.sleep(min(self.watch_time, 0.2))
            self._raise_if_dead(release, restarts)

    def retire(self, release: str, *, drain: bool = True) -> None:
        """Stop a release that users no longer reach, after its requests have ended, and let it not start at boot.

        Its processes are told to end, and not waited for.
        """
        self.workforce.dismiss_release(release)
        if drain and self.units.has_web(release):
            self._drain(release)
        self.units.stop(release)
        self.units.disable(release)
        self.units.forget(release)

    def _drain(self, release: str) -> None:
        clock = self.host.clock
        deadline = clock.monotonic() + self.drain_limit
        quiet = 0
        while quiet < 2:
            connections = self.host.probe.count_connections(self.layout.socket(release))
            quiet = 0 if connections else quiet + 1
            if connections and clock.monotonic() > deadline:
                self.notes.append(f"release {release} was stopped with {connections} request(s) still in it after {self.drain_limit:g} s")
                return
            clock.sleep(_DRAIN_PAUSE)

    def _check_of(self, release: str) -> HealthCheck:
        """Return the check with the word to which this release tells its name."""
        return replace(self.check, probe=read_probe(self.layout, self.host, release) or ANY_PROBE)

    def _ask(self, release: str, question: Callable[[Callable[[], None]], Answer], restarts: int = 0) -> Answer:
        """Ask so that a release's death is noticed while it owes the answer; an answer counts only of one that lives on.

        A worker may outlive its master by a moment, and answer in it.
        """
        answer = question(lambda: self._raise_if_dead(release, restarts))
        self._raise_if_dead(release, restarts)
        return answer

    def _raise_if_dead(self, release: str, restarts: int = 0) -> None:
        state = self.units.show_service(release)
        death = state.describe_death(restarts)
        if death is None and state.main_pid and not self.host.units.is_running(state.main_pid):
            death = self.host.units.wait_for_death(self.layout.service_unit(release), restarts)
        if death:
            raise ReleaseFailed(self._explain(f"release {release} does not run: {death}", release))

    def _explain(self, what: str, release: str) -> str:
        return explain(self.layout, self.host, what, release, self.layout.service_unit(release))

    def _try_until(self, deadline: float, attempt: Callable[[], str | None]) -> str | None:
        """Repeat `attempt` until it finds no trouble or time is up; return the last trouble."""
        while True:
            trouble = attempt()
            if trouble is None or self.host.clock.monotonic() + self.check.interval > deadline:
                return trouble
            self.host.clock.sleep(self.check.interval)
