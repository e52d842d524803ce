# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Credentials of package indexes: kept out of arguments and of all that is shown or written down."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from urllib.parse import unquote, urlsplit

from ansible_collections.webstack.flask.plugins.module_utils.layout import Problem

_INDEX_VARIABLES = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIPENV_PYPI_MIRROR")
"""Programs hand the values of these on as arguments, which every user of the host can read."""

_SECRET_NAME = re.compile(r"PASS|TOKEN|SECRET|CREDENTIAL|AUTH|KEY", re.IGNORECASE)
_WITH_USER = re.compile(r"(?P<scheme>[A-Za-z][\w+.-]*://)(?P<user>[^/\s@'\"]+)@")
_HIDDEN = "****"
_SHORTEST = 4
"""Characters of the shortest secret that is looked for: hiding shorter ones would riddle every message with holes."""


def take_credentials(variables: Mapping[str, str]) -> tuple[dict[str, str], str]:
    """Return the variables without the credentials in the URLs of indexes, and these as the text of a netrc file."""
    logins: dict[str, tuple[str, str]] = {}

    def take(match: re.Match[str]) -> str:
        user, _colon, password = match["user"].partition(":")
        rest = match.string[match.end() :].split()[0] if match.string[match.end() :] else ""
        host = urlsplit(f"{match['scheme']}{rest}").hostname or ""
        login = (unquote(user), unquote(password))
        if logins.setdefault(host, login) != login:
            raise Problem(f"the indexes at {host} are given with different credentials; there can be one pair for each host")
        return match["scheme"]

    bare = {name: _WITH_USER.sub(take, value) if name in _INDEX_VARIABLES else value for name, value in variables.items()}
    lines = (f"machine {host} login {_quote(user)} password {_quote(password)}\n" for host, (user, password) in logins.items())
    return bare, "".join(lines)


def _quote(word: str) -> str:
    escaped = word.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def find_secrets(variables: Mapping[str, str], texts: Iterable[str] = ()) -> set[str]:
    """Return what must not be shown: passwords in URLs, and values of variables whose names say that they are secret."""
    found = {value for name, value in variables.items() if _SECRET_NAME.search(name)}
    for text in (*variables.values(), *texts):
        for match in _WITH_USER.finditer(text):
            user, colon, password = match["user"].partition(":")
            for word in (password, match["user"]) if colon else (user,):
                found |= {word, unquote(word)}
    return {secret for secret in found if len(secret) >= _SHORTEST}


def redact(text: str, secrets: Iterable[str]) -> str:
    """Return a text without the secrets, and without what stands before the host in a URL, except a plain `git`."""
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, _HIDDEN)
    return _WITH_USER.sub(lambda match: match[0] if match["user"] == "git" else f"{match['scheme']}{_HIDDEN}@", text)
