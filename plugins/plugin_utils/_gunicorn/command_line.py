# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Command lines of web servers, as the settings of gunicorn that mean the same."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.webstack.flask.plugins.plugin_utils._gunicorn.settings import KNOWN, RESERVED

_GUNICORN_FLAGS = frozenset(
    (
        *("--capture-output", "--casefold-http-method", "--check-config", "--daemon", "--disable-redirect-access-to-syslog"),
        *("--do-handshake-on-connect", "--enable-backlog-metric", "--enable-stdio-inheritance", "--initgroups", "--log-syslog"),
        *("--no-control-socket", "--no-sendfile", "--permit-obsolete-folding", "--permit-unconventional-http-method"),
        *("--permit-unconventional-http-version", "--preload", "--print-config", "--reload", "--reuse-port", "--spew"),
        *("--strip-header-spaces", "--suppress-ragged-eofs"),
    )
)
"""Options of gunicorn that take no value: https://docs.gunicorn.org/en/stable/settings.html."""

_GUNICORN_SHORT = {
    "-b": "--bind",
    "-c": "--config",
    "-D": "--daemon",
    "-e": "--env",
    "-g": "--group",
    "-k": "--worker-class",
    "-m": "--umask",
    "-n": "--name",
    "-p": "--pid",
    "-R": "--enable-stdio-inheritance",
    "-t": "--timeout",
    "-u": "--user",
    "-w": "--workers",
}

_GUNICORN_NAMES = {
    "--access-logfile": "accesslog",
    "--access-logformat": "access_log_format",
    "--error-logfile": "errorlog",
    "--keep-alive": "keepalive",
    "--log-config": "logconfig",
    "--log-config-json": "logconfig_json",
    "--log-file": "errorlog",
    "--log-level": "loglevel",
    "--log-syslog": "syslog",
    "--log-syslog-facility": "syslog_facility",
    "--log-syslog-prefix": "syslog_prefix",
    "--log-syslog-to": "syslog_addr",
    "--name": "proc_name",
    "--no-control-socket": "control_socket_disable",
    "--no-sendfile": "sendfile",
    "--pid": "pidfile",
    "--preload": "preload_app",
    "--proxy-allow-from": "proxy_allow_ips",
    "--reload-extra-file": "reload_extra_files",
}
"""Settings that are called otherwise than their options."""

_NOT_HERE = {
    **RESERVED,
    **dict.fromkeys(("certfile", "keyfile", "ca_certs", "cert_reqs", "ciphers", "ssl_version"), "nginx ends TLS: the key `tls` of the app"),
    **dict.fromkeys(("reload", "reload_engine", "reload_extra_files"), "a release never changes"),
    **dict.fromkeys(("check_config", "print_config"), "they end gunicorn"),
    **dict.fromkeys(("proxy_protocol", "proxy_allow_ips", "forwarded_allow_ips", "reuse_port"), "nginx is in front, on a socket"),
}
"""Settings of a command line that are none here, and why."""


@dataclass(frozen=True)
class _Server:
    kind: str
    """The key of an entry that names the app: `wsgi` or `asgi`."""

    settings: Mapping[str, str]
    """What an option is called as a setting of gunicorn, or as a key of an entry."""

    flags: frozenset[str] = frozenset()
    """Options that take no value."""

    gone: frozenset[str] = frozenset()
    """Options that say nothing here, and of which nobody has to know."""


_SOCKET = ("--host", "--port", "--bind", "--uds", "--fd", "--listen", "--unix-socket", "--endpoint", "-b", "-p", "-u", "-e")
_PROXY = frozenset(("--proxy-headers", "--no-proxy-headers", "--forwarded-allow-ips"))
_FAMILIES = ("--ipv4", "--no-ipv4", "--ipv6", "--no-ipv6")
_MAKES = {"--factory", "--call"}
"""Options by which the app that is named is a function that makes it."""

_ASGI_WORKERS = ("asgi", "uvicorn.workers.", "uvicorn_worker.")
"""Beginnings of classes of workers, in whose place there is the key `asgi`."""

_SERVERS = {
    "uvicorn": _Server(
        "asgi",
        {
            "--app-dir": "python_path",
            "--backlog": "backlog",
            "--env-file": "env_files",
            "--limit-max-requests": "max_requests",
            "--limit-max-requests-jitter": "max_requests_jitter",
            "--log-level": "loglevel",
            "--timeout-graceful-shutdown": "graceful_timeout",
            "--timeout-keep-alive": "keepalive",
            "--workers": "workers",
        },
        frozenset(
            (
                *("--access-log", "--no-access-log", "--date-header", "--no-date-header", "--server-header", "--no-server-header"),
                *("--proxy-headers", "--no-proxy-headers", "--use-colors", "--no-use-colors"),
                *("--factory", "--http2", "--reload", "--reset-contextvars"),
            )
        ),
        frozenset((*_PROXY, "--factory", "--use-colors", "--no-use-colors")),
    ),
    "hypercorn": _Server(
        "asgi",
        {
            "--access-logfile": "accesslog",
            "--backlog": "backlog",
            "--error-logfile": "errorlog",
            "--graceful-timeout": "graceful_timeout",
            "--keep-alive": "keepalive",
            "--log-file": "errorlog",
            "--log-level": "loglevel",
            "--max-requests": "max_requests",
            "--max-requests-jitter": "max_requests_jitter",
            "--workers": "workers",
            "-w": "workers",
        },
        frozenset(("-D", "--daemon", "--debug", "--reload")),
    ),
    "daphne": _Server("asgi", {}, frozenset(("--proxy-headers", "--no-server-name")), _PROXY),
    "granian": _Server("asgi", {"--workers": "workers", "--log-level": "loglevel"}, frozenset(("--reload", "--no-ws"))),
    "fastapi": _Server("asgi", {"--workers": "workers"}, frozenset(("--reload", "--proxy-headers", "--no-proxy-headers")), _PROXY),
    "waitress-serve": _Server(
        "wsgi",
        {"--threads": "threads", "--backlog": "backlog"},
        frozenset(("--call", "--expose-tracebacks", "--asyncore-use-poll", *_FAMILIES)),
        frozenset((*_FAMILIES, "--call", "--url-scheme")),
    ),
}
"""Servers besides gunicorn, by their programs."""


@dataclass
class Served:
    """What a command line of a web server means here."""

    keys: dict[str, Any] = field(default_factory=dict)
    """Keys of an entry of `flask_apps`."""

    remarks: list[str] = field(default_factory=list)
    """What of it has no counterpart."""


def read_server(words: Sequence[str]) -> Served | None:
    """Return what the words of a command say, the first of which is the program; None if that is no web server that is known."""
    program = words[0].rpartition("/")[2] if words else ""
    if program == "gunicorn":
        return _read_gunicorn(words[1:])
    if program in _SERVERS:
        return _read_other(program, words[1:])
    return None


def _read_gunicorn(words: Sequence[str]) -> Served:
    served = Served()
    settings: dict[str, Any] = {}
    options, apps = _split(words, _GUNICORN_FLAGS, _GUNICORN_SHORT)
    for name, value in options:
        setting = _GUNICORN_NAMES.get(name, name.lstrip("-").replace("-", "_"))
        if setting == "env":
            variable, _equals, content = value.partition("=")
            served.keys.setdefault("env", {})[variable] = content
        elif setting in ("chdir", "pythonpath"):
            served.keys.update({"chdir": value} if setting == "chdir" else {"python_path": value.split(",")})
        elif remark := _explain(name, setting, value):
            served.remarks.append(remark)
        else:
            settings[setting] = _read_value(name, setting, value)
    is_asgi = str(settings.get("worker_class", "")).startswith(_ASGI_WORKERS)
    if apps:
        served.keys["asgi" if is_asgi else "wsgi"] = apps[0]
    if is_asgi:
        del settings["worker_class"]
    if settings.get("errorlog") == "-":
        del settings["errorlog"]  # where gunicorn's log is anyway
    if settings:
        served.keys["gunicorn"] = settings
    return served


def _explain(name: str, setting: str, value: str) -> str:
    """Return why an option of gunicorn is no setting here; nothing if it is."""
    if setting in _NOT_HERE:
        return f"`{name}` falls away: {_NOT_HERE[setting]}"
    if setting not in KNOWN:
        return f"`{name}` has no counterpart here"
    return _explain_variable(name, value)


def _explain_variable(name: str, value: str) -> str:
    return f"`{name} {value}` is not taken, because the shell works it out" if "$" in value else ""


def _read_value(name: str, setting: str, value: str) -> object:
    if name in _GUNICORN_FLAGS:
        return name != "--no-sendfile"
    if setting == "umask" and re.fullmatch(r"0[0-7]+", value):
        return int(value, 8)
    return value.removeprefix("file:") if setting == "config" else _as_number(value)


def _read_other(program: str, words: Sequence[str]) -> Served:
    server, served = _SERVERS[program], Served()
    settings: dict[str, Any] = {}
    options, apps = _split(words, server.flags, {})
    given = dict(options)
    if places := [f"`{name}`" for name in given if name in _SOCKET]:
        served.remarks.append(f"{' and '.join(places)} {'falls' if len(places) == 1 else 'fall'} away: {RESERVED['bind']}")
    for name, value in given.items():
        setting = server.settings.get(name)
        if setting in ("python_path", "env_files"):
            served.keys[setting] = [value]
        elif remark := _explain_variable(name, value) if setting else "":
            served.remarks.append(remark)
        elif setting:
            settings[setting] = _as_number(value)
        elif name not in (*server.gone, *_SOCKET, "--interface"):
            served.remarks.append(f"`{name}` of {program} has no counterpart here")
    if apps and program != "fastapi":  # which looks for the app by itself
        app = re.sub(r"^(asgi|wsgi):(?=.+:)", "", apps[0])
        kind = "wsgi" if given.get("--interface") == "wsgi" else server.kind
        served.keys[kind] = f"{app}()" if _MAKES & set(given) and not app.endswith(")") else app
    if settings:
        served.keys["gunicorn"] = settings
    return served


def _split(words: Sequence[str], flags: frozenset[str], short: Mapping[str, str]) -> tuple[list[tuple[str, str]], list[str]]:
    """Return the options of a command line with their values, by their long names, and the other words."""
    options: list[tuple[str, str]] = []
    others: list[str] = []
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if word == "--":
            return options, [*others, *rest]
        if not word.startswith("-") or word == "-":
            others.append(word)
            continue
        name, glued, value = word.partition("=")
        if not word.startswith("--") and len(word) > 2:
            name, glued, value = word[:2], "=", word[2:].removeprefix("=")
        name = short.get(name, name)
        if name not in flags and not glued:
            value = rest.pop(0) if rest else ""
        options.append((name, value))
    return options, others


def _as_number(value: str) -> int | str:
    return int(value) if re.fullmatch(r"\d{1,9}", value) else value
