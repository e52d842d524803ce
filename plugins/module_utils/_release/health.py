# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asking an app whether it is well, over its socket or through the web server in front of it."""

from __future__ import annotations

import html
import http.client
import io
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, cast

from ansible_collections.webstack.flask.plugins.module_utils._host.proxy_protocol import introduce

RELEASE_HEADER = "X-Webstack-Release"
"""Names the release in answers to a request that bears its own word in PROBE_HEADER; other answers do not have it."""

PROBE_HEADER = "X-Webstack-Probe"

SITE_HEADER = "X-Webstack-Site"
"""Tells who says the site's word in PROOF_HEADER that the web server's site of the app has answered; other answers do not have it."""

PROOF_HEADER = "X-Webstack-Proof"
HOST_HEADER = "X-Webstack-Host"
"""Name by which the app is asked where the Host is that of the way past the site's gates."""

ANY_PROBE = "1"
"""What is said to a release that has no word of its own: those made before there were any answer to whatever is said."""

_MOST_HEADERS = 64 << 10
"""Bytes of status lines and headers that are read."""

_MOST_BODY = 1 << 20
"""Bytes after the headers that are read: an answer that is longer counts as given in full."""

_PIECE = 1 << 16
_PAUSE = 0.1
_NOT_WELL = 400
_MOST_SHOWN = 4096
"""Bytes of a body that are looked at."""

_MARKUP = re.compile(r"<(?P<tag>style|script|head)\b[^>]{0,200}>.{0,3000}?</(?P=tag)>|<[^<>]{0,500}>", re.DOTALL | re.IGNORECASE)
_LONGEST_TEXT = 300
"""Characters of what an app says in an answer that a message shows."""


@dataclass(frozen=True)
class HealthCheck:
    """How an app is asked, and which answers are good.

    `path` is the path asked for. `statuses` lists good status codes; empty means any below 500, so that an app without
    a page at `path`, or with one behind a login, counts as well. `timeout` limits one request, from the first byte
    asked to the last one answered, `interval` the pause between two questions, `deadline` limits all of them together, each in
    seconds. `is_encrypted` is whether users reach the app over https, `proxy_protocol`
    whether the web server has to be told by the PROXY protocol who asks. `probe` is the word on which the release tells its name.
    """

    path: str = "/"
    statuses: tuple[int, ...] = ()
    timeout: float = 5
    interval: float = 0.2
    deadline: float = 60
    host: str = "localhost"
    is_encrypted: bool = False
    proxy_protocol: bool = False
    probe: str = ANY_PROBE
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
            return f"GET {self.path} answered {answer.status}{location}; expected {wanted}{_explain_answer(answer)}"
        if not self.statuses and answer.status >= 500:
            return f"GET {self.path} answered {answer.status}; expected less than 500{_explain_answer(answer)}"
        return None


@dataclass(frozen=True)
class Answer:
    """What came back: a status and header, or the reason why nothing did."""

    status: int = 0
    release: str | None = None
    location: str | None = None
    error: str | None = None
    site: str | None = None
    is_silent: bool = False
    """Whether the connection was closed instead of an answer, which a web server may do on purpose."""

    said: str = ""
    """The beginning of what a page says that answers 400 or more, without its markup."""


def _explain_answer(answer: Answer) -> str:
    """Return what a page has said that is not well, and which key names another page or allows the answer."""
    said = f". It says: {answer.said}" if answer.said else ""
    if answer.status >= 500:
        return f"{said}. Mend it, or name another page in `health.path` if this one alone is at fault"
    return f"{said}. Name another page in `health.path`, or allow it: `health: {{statuses: [{answer.status}]}}`"


def read_text_of(body: bytes) -> str:
    """Return the beginning of what a page says, on one line and without markup."""
    text = _MARKUP.sub(" ", body.decode("utf-8", "replace"))
    return _shorten(" ".join(html.unescape(text).split()))


def ask_socket(path: str, check: HealthCheck) -> Answer:
    """Ask over a unix socket, as the web server would: what an app makes of being proxied shows before users reach it."""
    forwarded = {
        "X-Real-IP": "127.0.0.1",
        "X-Forwarded-For": "127.0.0.1",
        "X-Forwarded-Proto": "https" if check.is_encrypted else "http",
        "X-Forwarded-Host": check.host,
    }
    return _ask(_Connection(check, partial(_connect_to_file, path)), replace(check, headers={**forwarded, **check.headers}))


def ask_proxy(address: str, port: int, check: HealthCheck) -> Answer:
    """Ask through the web server at an address."""
    return _ask(_Connection(check, partial(_connect_to_address, address, port, check)), check)


def ask_aside(question: Callable[[], Answer], meanwhile: Callable[[], None]) -> Answer:
    """Ask in a thread of its own, and call `meanwhile` again and again until there is an answer. What that raises ends the waiting."""
    asking = _Asking(question)
    asking.join(_PAUSE)  # most answer at once, and what is done meanwhile takes longer
    while asking.is_alive():
        meanwhile()
        asking.join(_PAUSE)
    return asking.answer


class _Asking(threading.Thread):
    """A question that is being asked; `answer` is there when the thread has ended."""

    def __init__(self, question: Callable[[], Answer]) -> None:
        super().__init__(daemon=True)
        self.answer = Answer(error="not answered yet")
        self._question = question
        self.start()

    def run(self) -> None:
        self.answer = self._question()


def _ask(connection: _Connection, check: HealthCheck) -> Answer:
    headers = {"Host": check.host, "User-Agent": "webstack.flask", PROBE_HEADER: check.probe, "Connection": "close", **check.headers}
    answer = Answer(error=f"GET {check.path} was not answered within {check.timeout:g} s")
    try:
        connection.request("GET", check.path, headers=headers)
        response = connection.getresponse()
        unfinished = f"GET {check.path} was not answered in full within {check.timeout:g} s"
        answer = Answer(error=f"{unfinished}; if it is a stream, name another page in `health.path`")
        body = _read_body(connection, response)
    except TimeoutError:
        return answer
    except (OSError, http.client.HTTPException, ValueError) as error:
        is_silent = isinstance(error, ConnectionResetError)  # http.client's RemoteDisconnected is one
        return Answer(error=f"GET {check.path} failed: {_shorten(str(error)) or type(error).__name__}", is_silent=is_silent)
    finally:
        connection.end()
    release, location, site = (response.getheader(name) for name in (RELEASE_HEADER, "Location", SITE_HEADER))
    said = read_text_of(body) if response.status >= _NOT_WELL else ""
    return Answer(response.status, release and _shorten(release), location and _shorten(location), site=site, said=said)


def _read_body(connection: _Connection, response: http.client.HTTPResponse) -> bytes:
    """Read an answer to its end, or as much of it as is enough to know that it comes; return its beginning."""
    connection.allow(_MOST_BODY)
    begin = b""
    with suppress(_TooLong):
        while piece := response.read(_PIECE):
            begin = (begin + piece)[:_MOST_SHOWN]
        if response.length:
            raise http.client.IncompleteRead(b"", response.length)
    return begin


def _shorten(text: str) -> str:
    return text if len(text) <= _LONGEST_TEXT else f"{text[:_LONGEST_TEXT]}…"


class _TooLong(http.client.HTTPException):
    """An answer is longer than what is read of one."""


class _Bytes(io.RawIOBase):
    """What comes from a socket, until a moment of the monotonic clock, and no more than is allowed."""

    def __init__(self, source: socket.socket, deadline: float) -> None:
        self._source = source
        self._deadline = deadline
        self.allowed = _MOST_HEADERS

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 - whatever bytes can be written to
        if self.allowed <= 0:
            raise _TooLong(f"its header is longer than {_MOST_HEADERS >> 10} KiB")
        self._source.settimeout(_remaining(self._deadline))
        count = self._source.recv_into(buffer)
        self.allowed -= count
        return count


class _Bounded:
    """A connected socket, as far as http.client uses one."""

    def __init__(self, connected: socket.socket, deadline: float) -> None:
        self._connected = connected
        self._deadline = deadline
        self.bytes = _Bytes(connected, deadline)

    def sendall(self, data: bytes) -> None:
        self._connected.settimeout(_remaining(self._deadline))
        self._connected.sendall(data)

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(self.bytes)

    def close(self) -> None:
        """Do nothing: http.client lets go of a connection that is used once before it has read the answer."""

    def end(self) -> None:
        self._connected.close()


def _remaining(deadline: float) -> float:
    """Return the seconds until a moment; raise TimeoutError when there are none."""
    remaining = deadline - time.monotonic()
    if remaining <= 0:
        raise TimeoutError
    return remaining


class _Connection(http.client.HTTPConnection):
    """A connection that takes no longer than `timeout` from its beginning to the end of the answer, however that drips."""

    def __init__(self, check: HealthCheck, connect: Callable[[float], socket.socket]) -> None:
        super().__init__("localhost", timeout=check.timeout)
        self._timeout = check.timeout
        self._open = connect
        self._bounded: _Bounded | None = None

    def connect(self) -> None:
        deadline = time.monotonic() + self._timeout
        self._bounded = _Bounded(self._open(deadline), deadline)
        self.sock = cast("socket.socket", self._bounded)

    def end(self) -> None:
        """Close the connection."""
        self.close()
        if self._bounded:
            self._bounded.end()

    def allow(self, count: int) -> None:
        """Let so many bytes more be read."""
        if self._bounded:
            self._bounded.bytes.allowed = count


def _connect_to_file(path: str, deadline: float) -> socket.socket:
    with ExitStack() as stack:
        connected = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
        connected.settimeout(_remaining(deadline))
        connected.connect(path)
        stack.pop_all()
        return connected


def _connect_to_address(address: str, port: int, check: HealthCheck, deadline: float) -> socket.socket:
    """Encrypted, the site's name, not the address, is in the first words; whether users trust the certificate is not asked here."""
    with ExitStack() as stack:
        connected = stack.enter_context(socket.create_connection((address, port), _remaining(deadline)))
        if check.proxy_protocol:
            connected.sendall(introduce(connected))
        if check.is_encrypted:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            connected.settimeout(_remaining(deadline))
            connected = stack.enter_context(context.wrap_socket(connected, server_hostname=check.host))
        stack.pop_all()
        return connected
