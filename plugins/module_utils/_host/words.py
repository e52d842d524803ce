# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The words by which an internal service knows its callers. They follow from a key that never leaves the host.

So they are the same in all releases, for nginx as for the callers, and no controller ever has one.
"""

from __future__ import annotations

import base64
import hmac
import re
import secrets
from collections.abc import Iterable
from pathlib import Path

from ansible_collections.webstack.flask.plugins.module_utils._host.files import Access, ensure_directory, read_text, write_atomically

KEY = Path("/var/lib/webstack-flask/services.key")

THE_HOST = "webstack.flask"
"""The caller that is the host itself, to prove a release. No app can be called so."""

_SAID = re.compile(r"(?<=:)[0-9a-f]{64}(?=@127\.)")
"""A word within the URL of a service. Clients quote such URLs in their errors, and apps write these into their logs."""

_KEY = re.compile(r"[0-9a-f]{64}\n?")
_LINE = re.compile(r'(?m)^"~\S+ \S+" (?P<caller>[a-z0-9._-]+);$')


def ensure_key(path: Path = KEY, *, check: bool = False) -> str:
    """Return the host's key, made if there is none. In check mode it is one for the moment then."""
    text = read_text(path) or ""
    if _KEY.fullmatch(text):
        return text.strip()
    key = secrets.token_hex(32)
    if not check:
        ensure_directory(path.parent, Access(0, 0, 0o755))
        write_atomically(path, f"{key}\n", Access(0, 0, 0o600))
    return key


def make_word(key: str, service: str, caller: str) -> str:
    """Return the word by which a service knows a caller."""
    return hmac.new(key.strip().encode(), f"{service}/{caller}".encode(), "sha256").hexdigest()


def make_credentials(key: str, service: str, caller: str) -> str:
    """Return what a client sends that was told `http://<caller>:<word>@...`, after the word `Basic`."""
    return base64.b64encode(f"{caller}:{make_word(key, service, caller)}".encode()).decode()


def format_callers(key: str, service: str, callers: Iterable[str]) -> str:
    """Return lines for a `map` of nginx, from what a client sends as its authorization to the caller's name."""
    return "".join(f"{format_caller(key, service, caller)}\n" for caller in callers)


def format_caller(key: str, service: str, caller: str) -> str:
    """Return the line for one caller. An expression, because nginx's tables have no room for a text of this length."""
    pattern = make_credentials(key, service, caller).replace("+", "[+]")
    return f'"~^[Bb][Aa][Ss][Ii][Cc] {pattern}$" {caller};'


def list_callers(text: str) -> list[str]:
    """Return the callers in such lines."""
    return [match["caller"] for match in _LINE.finditer(text)]


def hide_words(text: str) -> str:
    """Return such lines without the words, for people to read."""
    return _LINE.sub(r"\g<caller>", text)


def redact(text: str) -> str:
    """Return what an app has said, without the words in it."""
    return _SAID.sub("…", text)
