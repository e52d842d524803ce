# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""certbot on the host: its settings for requests and renewals, whether names resolve to this host, and the request itself."""

from __future__ import annotations

import http.client
import os
import secrets
import shutil
import socket
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from threading import Timer
from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._certificates.acme import (
    CERTBOT_ROOT,
    HOOK,
    Order,
    Renewal,
    account_directory,
    change_account,
    choose_names,
    explain,
    explain_with_log,
    find_reason_to_ask,
    find_refused,
    format_config,
    is_account_forgotten,
    is_busy,
    lineage_of,
    make_arguments,
    parse_renewal,
)
from ansible_collections.webstack.flask.plugins.module_utils._certificates.dns import find_addresses, find_name_servers
from ansible_collections.webstack.flask.plugins.module_utils._certificates.pem import Certificate, join, read_given, read_usable
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._host.commands import TimedOut, run
from ansible_collections.webstack.flask.plugins.module_utils._host.files import (
    Access,
    ensure_directory,
    ensure_file,
    read_text,
    write_atomically,
)
from ansible_collections.webstack.flask.plugins.module_utils._layout import CERTIFICATE_ROOT, UNIT_ROOT
from ansible_collections.webstack.flask.plugins.module_utils._systemd import systemctl
from ansible_collections.webstack.flask.plugins.module_utils._systemd.env_file import format_environment

_TIMER = "certbot.timer"
_HOOK_FILE = CERTBOT_ROOT / "renewal-hooks/deploy/webstack-flask"
_ETC = CERTIFICATE_ROOT.parent
_ENVIRONMENT = _ETC / "certbot.env"
_CA_BUNDLE = _ETC / "acme-ca.pem"
_CREDENTIALS = _ETC / "acme-dns.ini"
_DROP_IN = UNIT_ROOT / "certbot.service.d/webstack-flask.conf"
_SYSTEM_CAS = Path("/etc/ssl/certs/ca-certificates.crt")
_LOG = Path("/var/log/letsencrypt/letsencrypt.log")
_CHALLENGES = ".well-known/acme-challenge"
_SECRET, _PUBLIC, _PROGRAM, _FOLDER = (Access(0, 0, mode) for mode in (0o600, 0o644, 0o755, 0o755))

_HTTP_PORT = 80
_ANSWER_TIMEOUT = 5.0
_BUSY_TIMEOUT = 120.0
_BUSY_PAUSE = 2.0
_CERTBOT_TIMEOUT = 300.0
_MOST_SAID, _LONGEST_LINE = 1 << 18, 1000
"""Bytes that are kept of what certbot says, and characters of a line of it."""


@dataclass
class Asked:
    """The outcome of a request: the names of the certificate, and why others are missing, by name."""

    names: list[str] = field(default_factory=list)
    troubles: dict[str, str] = field(default_factory=dict)


def ensure_renewal(options: Mapping[str, Any], *, check: bool) -> bool:
    """Make certbot's settings and its timer as wanted; return whether anything changed."""
    variables = _list_variables(options)
    changed = [
        _ensure_text(_HOOK_FILE, f"{HOOK}{options['renewal_command']}\n", _PROGRAM, check=check),
        _ensure_text(_CA_BUNDLE, _bundle_cas(options["ca"]) if options["ca"] else "", _PUBLIC, check=check),
        _ensure_text(_CREDENTIALS, options["dns_credentials"], _SECRET, check=check),
        _ensure_text(_ENVIRONMENT, format_environment(variables), _SECRET, check=check),
    ]
    unit = f"# Written by webstack.flask.\n[Service]\nEnvironmentFile={_ENVIRONMENT}\n" if variables else ""
    if _ensure_text(_DROP_IN, unit, _PUBLIC, check=check):
        changed.append(True)
        if not check:
            systemctl.daemon_reload()
    timer = systemctl.show([_TIMER])[_TIMER]
    if not (timer.enabled and timer.active == "active"):
        changed.append(True)
        if not check:
            systemctl.enable(_TIMER)
            systemctl.start_and_wait(_TIMER)
    return any(changed)


def _ensure_text(path: Path, text: str, access: Access, *, check: bool) -> bool:
    """Give a file this content, or delete it if that is empty."""
    if text:
        if not check:
            _make_folder(path.parent)
        return ensure_file(path, text, access, check=check)
    if not path.exists():
        return False
    if not check:
        path.unlink()
    return True


def _make_folder(path: Path) -> None:
    """Make a directory and its parents, readable by all, whatever the umask."""
    for folder in (*reversed(path.parents), path):
        if not folder.exists():
            ensure_directory(folder, _FOLDER)


def _list_variables(options: Mapping[str, Any]) -> dict[str, str]:
    """Return the environment variables that certbot gets besides those of this process."""
    bundle = {"REQUESTS_CA_BUNDLE": str(_CA_BUNDLE)} if options["ca"] else {}
    return {**bundle, **{key: str(value) for key, value in options["environment"].items()}}


def _bundle_cas(given: str) -> str:
    """Return the certificates of all CAs that certbot trusts: the system's, and the one given."""
    text = read_given(given)
    return f"{(read_text(_SYSTEM_CAS) or '').rstrip()}\n{text.strip()}\n".lstrip()


def read_renewal(name: str) -> Renewal | None:
    """Return how certbot will renew a certificate; None if it has none of that name."""
    text = read_text(CERTBOT_ROOT / f"renewal/{lineage_of(name)}.conf")
    return parse_renewal(text) if text else None


def read_issued(name: str) -> str:
    """Return the key and the chain that certbot has for a certificate as the text of one file; empty when there are none to use."""
    live = CERTBOT_ROOT / "live" / lineage_of(name)
    text = join(read_text(live / "fullchain.pem") or "", read_text(live / "privkey.pem") or "")
    return text if read_usable(text) else ""


def forget(name: str, *, check: bool) -> bool:
    """Make certbot stop renewing a certificate; return whether that changed anything."""
    if read_renewal(name) is None:
        return False
    if not check:
        status, output = _run_certbot(["delete", "--non-interactive", "--cert-name", lineage_of(name)], {})
        if status:
            raise UserError(f"certbot cannot delete the certificate {lineage_of(name)}: {explain(output)}")
    return True


def find_unready(names: Sequence[str], webroot: Path) -> dict[str, str]:
    """Return the names that a CA could not validate, each with the reason.

    A token is put where the web server is to serve it, and asked for at every address of each name.
    """
    _make_folder(webroot / _CHALLENGES)
    token = webroot / _CHALLENGES / f"webstack-flask-{secrets.token_hex(8)}"
    word, servers = secrets.token_hex(16), find_name_servers()
    ensure_file(token, word, _PUBLIC)
    try:
        with ThreadPoolExecutor(min(len(names), 20) or 1) as pool:
            found = pool.map(lambda name: _find_trouble(name, servers, f"/{_CHALLENGES}/{token.name}", word), names)
            return {name: trouble for name, trouble in zip(names, found, strict=True) if trouble}
    finally:
        token.unlink()


def _find_trouble(name: str, servers: Sequence[str], path: str, word: str) -> str | None:
    try:
        addresses = find_addresses(name, servers)
    except UserError as problem:
        return str(problem)
    if not addresses:
        return "it does not resolve"
    answers = {address: _ask(address, name, path) for address in addresses}
    return judge_answers(answers, word)


def judge_answers(answers: Mapping[str, str | OSError], word: str) -> str | None:
    """Return what is wrong with the answers of a name's addresses; None if one is right and none is wrong.

    An address that the host itself cannot reach is no wrong answer, as long as another one is right: it may have no IPv6.
    """
    wrong = [f"{address} answers {answer}" for address, answer in answers.items() if not isinstance(answer, OSError) and answer != word]
    if wrong:
        return f"its address leads elsewhere: {wrong[0]} to a question for a file that this host has"
    if word in answers.values():
        return None
    address, error = next(iter(answers.items()))
    return f"{address} cannot be reached on port {_HTTP_PORT}: {error}"


def _ask(address: str, name: str, path: str) -> str | OSError:
    """Return what is served, or in words what else was answered; or the error of a connection."""
    link = http.client.HTTPConnection(address, _HTTP_PORT, timeout=_ANSWER_TIMEOUT)
    # The timeout of a connection is that of each read, and a foreign server may send byte by byte.
    watch = Timer(2 * _ANSWER_TIMEOUT, _hang_up, [link])
    watch.start()
    try:
        link.request("GET", path, headers={"Host": name, "User-Agent": "webstack.flask"})
        answer = link.getresponse()
        body = answer.read(100).decode(errors="replace")
    except OSError as error:
        return error
    except http.client.HTTPException as error:
        return f"no HTTP ({type(error).__name__})"
    finally:
        watch.cancel()
        link.close()
    return body if answer.status == 200 else f"with status {answer.status}"


def _hang_up(link: http.client.HTTPConnection) -> None:
    with suppress(OSError, AttributeError):  # it may have ended, or not begun
        link.sock.shutdown(socket.SHUT_RDWR)


def ask_for(order: Order, options: Mapping[str, Any], held: Certificate | None, now: datetime, *, check: bool) -> Asked:
    """Request a certificate for the names that the CA can validate; `held` is the one that certbot already has."""
    asked, renewal = Asked(), read_renewal(order.name)
    reason = find_reason_to_ask(order, renewal, held, now)
    is_good = held is not None and renewal is not None and renewal.directory == order.directory and held.ends > now
    kept = held.names if held is not None and is_good else frozenset()
    if not order.plugin and options["check_names"] and not (check and not Path(order.webroot).exists()):
        asked.troubles = find_unready(order.names, Path(order.webroot))
    while names := choose_names(order.names, kept, set(order.names) - asked.troubles.keys(), has_reason=reason is not None):
        if check:
            return Asked(names, asked.troubles)
        with tempfile.TemporaryDirectory(prefix="webstack-acme-", dir="/run") as scratch:
            config = Path(scratch, "certbot.ini")
            ensure_file(config, format_config(options), _SECRET)
            arguments = make_arguments(order, names, options, config=config, credentials=_CREDENTIALS)
            status, output, log = _ask_certbot(arguments, options)
        if status == 0:
            return Asked(names, asked.troubles)
        reason = explain_with_log(output, log)
        asked.troubles |= find_refused(output, names, reason) or dict.fromkeys(names, reason)
    return asked


def _ask_certbot(arguments: Sequence[str], options: Mapping[str, Any]) -> tuple[int, str, str]:
    """Let certbot ask for a certificate, once more with a new account where the CA has forgotten the old one.

    Return its status, what it said, and the end of its log.
    """
    variables = _list_variables(options)
    started = time.time()
    status, output = _run_certbot(arguments, variables)
    log = _read_log(started) if status else ""
    if status and is_account_forgotten(log):
        directory = account_directory(options["directory"])
        former = sorted(path.name for path in directory.glob("*") if path.is_dir() and not path.is_symlink())
        if former:
            _put_aside(directory)
            status, output = _run_certbot(arguments, variables)
            log = _read_log(started) if status else ""
            _use_new_account(directory, options["directory"], former)
    return status, output, log


def _put_aside(directory: Path) -> None:
    aside = directory.with_name(f"{directory.name}.forgotten")
    if aside.exists():
        shutil.rmtree(aside)
    shutil.move(directory, aside)  # which copies where a directory cannot be renamed


def _use_new_account(directory: Path, server: str, former: Sequence[str]) -> None:
    """Let the other certificates of the same CA be renewed by the account that certbot has made."""
    made = sorted(path.name for path in directory.glob("*") if path.is_dir() and not path.is_symlink())
    for file in (CERTBOT_ROOT / "renewal").glob("*.conf") if len(made) == 1 else ():
        text = read_text(file) or ""
        changed = change_account(text, server, former, made[0])
        if changed != text:
            status = file.stat()
            write_atomically(file, changed, Access(status.st_uid, status.st_gid, status.st_mode & 0o7777))


def _read_log(since: float) -> str:
    """Return the end of certbot's log, if something was written to it since then."""
    try:
        with _LOG.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            if os.fstat(file.fileno()).st_mtime < since - 1:
                return ""
            file.seek(max(0, size - _MOST_SAID))
            return shorten_lines(file.read(_MOST_SAID).decode(errors="replace"))
    except FileNotFoundError:
        return ""


def _run_certbot(arguments: Sequence[str], variables: Mapping[str, str]) -> tuple[int, str]:
    """Run certbot, after the one that is at work already; return its status and what it said."""
    program = shutil.which("certbot", path="/usr/bin:/usr/local/bin")
    if program is None:
        raise UserError("certbot is not installed; install Debian's package certbot")
    deadline = time.monotonic() + _BUSY_TIMEOUT
    environment = {**os.environ, "LC_ALL": "C.UTF-8", **variables}
    while True:
        try:
            ended = run([program, *arguments], timeout=_CERTBOT_TIMEOUT, most=_MOST_SAID, env=environment)
        except TimedOut:
            return 1, f"certbot was not done after {_CERTBOT_TIMEOUT:g} s"
        output = shorten_lines(f"{ended.output}\n{ended.errors}")
        if not is_busy(output) or time.monotonic() > deadline:
            return ended.status, output
        time.sleep(_BUSY_PAUSE)


def shorten_lines(output: str) -> str:
    """Return certbot's output with long lines cut: it quotes the CA."""
    return "\n".join(line if len(line) <= _LONGEST_LINE else f"{line[:_LONGEST_LINE]}…" for line in output.splitlines())
