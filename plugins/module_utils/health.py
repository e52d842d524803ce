# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asking an app whether it is well, over its socket or through the web server in front of it."""

from __future__ import annotations

import http.client
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

RELEASE_HEADER = "X-Webstack-Release"
"""Names the release in answers to a request that bears PROBE_HEADER; other answers do not have it."""

PROBE_HEADER = "X-Webstack-Probe"


@dataclass(frozen=True)
class HealthCheck:
    """How an app is asked, and which answers are good.

    `path` is the path asked for. `statuses` lists good status codes; empty means any below 500, so that an app without
    a page at `path`, or with one behind a login, counts as well. `timeout` is the patience with one answer, `interval`
    the pause between two questions, `deadline` the patience with all of them, each in seconds. `is_encrypted` is whether
    users reach the app over https.
    """

    path: str = "/"
    statuses: tuple[int, ...] = ()
    timeout: float = 5
    interval: float = 0.2
    deadline: float = 60
    host: str = "localhost"
    is_encrypted: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)

    def asked_as(self, settings: Mapping[str, Any]) -> HealthCheck:
        """Return the same check with other settings, in the terms of a module's option `health`."""
        known = {key: value for key, value in settings.items() if key in ("path", "timeout", "interval", "deadline")}
        return replace(self, **known, statuses=tuple(settings.get("statuses", self.statuses)))

    def judge(self, answer: Answer) -> str | None:
        """Return what is wrong with an answer, None if it is good."""
        if answer.error:
            return answer.error
        if self.statuses and answer.status not in self.statuses:
            location = f" (Location: {answer.location})" if answer.location else ""
            wanted = ", ".join(str(status) for status in self.statuses)
            return f"GET {self.path} answered {answer.status}{location}; expected {wanted}"
        if not self.statuses and answer.status >= 500:
            return f"GET {self.path} answered {answer.status}; expected less than 500"
        return None


@dataclass(frozen=True)
class Answer:
    """What came back: a status and header, or the reason why nothing did."""

    status: int = 0
    release: str | None = None
    location: str | None = None
    error: str | None = None


def ask_socket(path: str, check: HealthCheck) -> Answer:
    """Ask over a unix socket, as the web server would: what an app makes of being proxied shows before users reach it."""
    forwarded = {
        "X-Real-IP": "127.0.0.1",
        "X-Forwarded-For": "127.0.0.1",
        "X-Forwarded-Proto": "https" if check.is_encrypted else "http",
        "X-Forwarded-Host": check.host,
    }
    return _ask(_UnixConnection(path, check.timeout), replace(check, headers={**forwarded, **check.headers}))


def ask_front(address: str, port: int, check: HealthCheck) -> Answer:
    """Ask through the web server at an address."""
    if check.is_encrypted:
        return _ask(_EncryptedConnection(address, port, check), check)
    return _ask(http.client.HTTPConnection(address, port, timeout=check.timeout), check)


def _ask(connection: http.client.HTTPConnection, check: HealthCheck) -> Answer:
    headers = {"Host": check.host, "User-Agent": "webstack.flask", PROBE_HEADER: "1", "Connection": "close", **check.headers}
    try:
        connection.request("GET", check.path, headers=headers)
        response = connection.getresponse()
        response.read()
    except TimeoutError:
        return Answer(error=f"GET {check.path} was not answered within {check.timeout:g} s")
    except (OSError, http.client.HTTPException) as error:
        return Answer(error=f"GET {check.path} failed: {error or type(error).__name__}")
    finally:
        connection.close()
    return Answer(response.status, response.getheader(RELEASE_HEADER), response.getheader("Location"))


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class _EncryptedConnection(http.client.HTTPConnection):
    """Names the site, not the address, in its first words; whether users trust the certificate is not asked here."""

    def __init__(self, address: str, port: int, check: HealthCheck) -> None:
        super().__init__(address, port, timeout=check.timeout)
        self._name = check.host

    def connect(self) -> None:
        super().connect()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        self.sock = context.wrap_socket(self.sock, server_hostname=self._name)
