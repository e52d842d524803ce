"""What a transaction can notice of its host while it changes it: the same program for the host in memory and for a real one.

On a real one it is run as `python3 observations.py NAME OLD NEW HOST_NAME`, and prints JSON.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._host.files import Access
from ansible_collections.webstack.flask.plugins.module_utils._layout import AppLayout
from ansible_collections.webstack.flask.plugins.module_utils._release.health import HealthCheck
from ansible_collections.webstack.flask.plugins.module_utils._release.release import read_probe
from ansible_collections.webstack.flask.plugins.module_utils._release.seam import Host
from ansible_collections.webstack.flask.plugins.module_utils._release.units import ReleaseUnits

LONG = 60
"""Seconds within which a service that is started runs, or has died."""

Observation = tuple[str, Any]


class Observer:
    """Looks at an app with a release that users reach, and another one that is stopped and healthy."""

    def __init__(self, host: Host, layout: AppLayout, old: str, new: str, site: str) -> None:
        self.host, self.layout, self.old, self.new = host, layout, old, new
        self.service, self.socket = layout.service_unit(old), layout.socket_unit(old)
        self.check = HealthCheck(host=site, timeout=30)
        self.called = {old: "old", new: "new", None: None}

    def look(self) -> dict[str, Any]:
        """Return what there is to see of the old release, and where the link leads."""
        units = ReleaseUnits(self.layout, self.host)
        states = self.host.units.show([self.service, self.socket])
        return {
            **{kind: self._show(states[unit]) for kind, unit in (("service", self.service), ("socket", self.socket))},
            "listens": units.has_socket(self.old),
            "others": [self.called[release] for release in units.find_others(self.new)],
            "current": self.host.files.read_link(self.layout.current) == f"releases/{self.new}",
        }

    def _show(self, state: Any) -> list[Any]:  # noqa: ANN401 - a unit's state, of whichever host
        return [state.active, state.enabled, state.restarts > 0, state.cpu_weight]

    def ask_socket(self) -> list[Any]:
        """Return what the old release answers over its own socket."""
        answer = self.host.probe.ask_socket(self.layout.socket(self.old), self._check_of(self.old), lambda: None)
        return [answer.status, self.called.get(answer.release), answer.error is None]

    def ask_proxy(self, release: str) -> list[Any]:
        """Return what users get, if it is this release that is asked for its name."""
        answer = self.host.probe.ask_proxy("127.0.0.1", 80, self._check_of(release), lambda: None)
        return [answer.status, self.called.get(answer.release), answer.error is None]

    def _check_of(self, release: str) -> HealthCheck:
        return replace(self.check, probe=read_probe(self.layout, self.host, release) or "")

    def wait(self, *, dead: bool) -> None:
        """Wait until the old release runs, or has died and been restarted."""
        until = self.host.clock.monotonic() + LONG
        while self.host.clock.monotonic() < until:
            state = self.host.units.show([self.service])[self.service]
            if state.restarts > 0 if dead else state.active == "active":
                return
            self.host.clock.sleep(0.1)

    def observe(self) -> Iterator[Observation]:
        """Do what transactions do, and return what is seen after each step."""
        yield from self._observe_units()
        yield from self._observe_links()
        yield from self._observe_death()
        yield from self._observe_files()

    def _observe_units(self) -> Iterator[Observation]:
        units, both = self.host.units, (self.socket, self.service)
        units.stop(*both)
        units.forget_failure(*both)
        yield "stopped", self.look()
        yield "is asked while it is stopped", self.ask_socket()
        units.start_and_wait(self.socket)
        yield "its socket listens", self.look()
        yield "is asked, and started by that", self.ask_socket()
        yield "runs", self.look()
        units.stop(self.service)
        yield "its service is stopped", self.look()
        units.start(self.service)
        self.wait(dead=False)
        yield "its service is started", self.look()
        units.enable(*both)
        yield "starts at boot", self.look()
        units.set_cpu_weight(self.service, 12)
        yield "gives way to others", self.look()
        units.set_cpu_weight(self.service, None)
        units.disable(*both)
        yield "starts at boot no more", self.look()
        units.stop(*both)
        yield "is stopped again", self.look()

    def _observe_links(self) -> Iterator[Observation]:
        files, current = self.host.files, self.layout.current
        yield "users get the new one", self.ask_proxy(self.new)
        yield "the new one does not tell its name to others", self.ask_proxy(self.old)
        self.host.units.start_and_wait(self.socket)
        files.point_link(current, f"releases/{self.old}")
        yield "the link leads to the old one", [*self.ask_proxy(self.old), self.look()]
        files.unlink(current)
        yield "the link is gone", [*self.ask_proxy(self.old), files.read_link(current), files.lexists(current)]
        files.point_link(current, f"releases/{self.new}")
        self.host.units.stop(self.socket, self.service)
        yield "all is as it was", [*self.ask_proxy(self.new), self.look()]

    def _observe_death(self) -> Iterator[Observation]:
        files, units, conf = self.host.files, self.host.units, self.layout.release(self.old) / "gunicorn.conf.py"
        text = files.read_text(conf) or ""
        files.unlink(conf)
        units.start_and_wait(self.socket)
        units.start(self.service)
        self.wait(dead=True)
        state = units.show([self.service])[self.service]
        yield "it dies", [state.restarts > 0, state.describe_death() is not None, self.look()["others"]]
        units.stop(self.socket, self.service)
        units.forget_failure(self.socket, self.service)
        group = self.host.home.find_group(self.layout.name) or 0
        files.write_atomically(conf, text, Access(0, group, 0o640))
        yield "it is forgotten", self.look()

    def _observe_files(self) -> Iterator[Observation]:
        files, access, other = self.host.files, Access(0, 0, 0o755), Access(0, 0, 0o600)
        place = self.layout.releases / "odd"
        yield "a directory", [files.ensure_directory(place, access), files.ensure_directory(place, access), files.names(place)]
        yield "a file", [files.ensure_file(place / "a", "x", other), files.ensure_file(place / "a", "x", other)]
        yield "another text", [files.ensure_file(place / "a", "y", other, check=True), files.read_text(place / "a")]
        files.write_atomically(place / "a", "y", access)
        yield "written", [files.read_text(place / "a"), files.has_access(place / "a", access), files.has_access(place / "a", other)]
        files.point_link(place / "b", "a")
        files.point_link(place / "b", "nothing")
        yield (
            "a link",
            [files.read_link(place / "b"), files.is_symlink(place / "b"), files.lexists(place / "b"), files.read_link(place / "a")],
        )
        yield "names", [files.names(place), [path.name for path in files.glob(self.layout.releases, "odd/*")]]
        files.unlink(place / "b")
        yield "unlinked", [files.lexists(place / "b"), files.names(place)]
        files.remove_tree(place)
        yield "removed", [files.lexists(place), files.names(place), files.read_text(place / "a"), files.is_dir(place)]


def main() -> None:
    """Observe the host on which this runs."""
    from ansible_collections.webstack.flask.plugins.module_utils._release.host import REAL  # noqa: PLC0415 - needs to be root on a host

    name, old, new, site = sys.argv[1:]
    print(json.dumps(list(Observer(REAL, AppLayout.of(name), old, new, site).observe())))


if __name__ == "__main__":
    main()
