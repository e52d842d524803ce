# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Credentials of package indexes, kept out of arguments, messages and files."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from urllib.parse import unquote, urlsplit

from ansible_collections.webstack.flask.plugins.module_utils._environment.manifests import LOCK, PIPFILE, REQUIREMENTS, kind_of
from ansible_collections.webstack.flask.plugins.module_utils._environment.project_files import list_index_urls
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError

_INDEX_VARIABLES = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIPENV_PYPI_MIRROR")
"""Programs pass the values of these on as arguments, which every user of the host can read."""

_INDEX_OPTION = re.compile(r"\s*(?:-i|-f|--index-url|--extra-index-url|--find-links)\b")
"""pip passes these on, too, when it builds a package."""

_VARIABLE = re.compile(r"\$\{(\w+)\}|\$(\w+)")
_SECRET_NAME = re.compile(r"PASS|TOKEN|SECRET|CREDENTIAL|AUTH|KEY", re.IGNORECASE)
_WITH_USER = re.compile(r"(?P<scheme>[A-Za-z][\w+.-]*://)(?P<user>[^/\s@'\"]+)@")
_HIDDEN = "****"
_SHORTEST = 4
"""Characters of the shortest secret that is masked. Masking shorter ones would make messages unreadable."""


class Credentials:
    """Credentials that were taken out of URLs, one pair for each host."""

    def __init__(self) -> None:
        """Begin with none."""
        self._pairs: dict[str, tuple[str, str]] = {}

    def take_from(self, text: str) -> str:
        """Return a text without the credentials in its URLs, which are kept."""
        return _WITH_USER.sub(self._take, text)

    def _take(self, match: re.Match[str]) -> str:
        user, _colon, password = match["user"].partition(":")
        rest = match.string[match.end() :].split()[0] if match.string[match.end() :] else ""
        host = urlsplit(f"{match['scheme']}{rest}").hostname or ""
        pair = (unquote(user), unquote(password))
        if self._pairs.setdefault(host, pair) != pair:
            raise UserError(f"the indexes at {host} are given with different credentials; there can be one pair for each host")
        return match["scheme"]

    def take_from_variables(self, variables: Mapping[str, str]) -> dict[str, str]:
        """Return the variables without the credentials in the URLs of indexes."""
        return {name: self.take_from(value) if name in _INDEX_VARIABLES else value for name, value in variables.items()}

    def take_from_file(self, name: str, text: str, variables: Mapping[str, str]) -> str:
        """Return the text of a dependency file without the credentials in the URLs of its indexes, be they in variables."""
        kind = kind_of(name)
        if kind == REQUIREMENTS:
            return "".join(
                self.take_from(_expand(line, variables)) if _INDEX_OPTION.match(line) else line for line in text.splitlines(keepends=True)
            )
        for url in list_index_urls(name, text) if kind in (LOCK, PIPFILE) else []:
            text = text.replace(url, self.take_from(_expand(url, variables)))
        return text

    def to_netrc(self) -> str:
        """Return the text of a netrc file that has them."""
        lines = (f"machine {host} login {_quote(user)} password {_quote(password)}\n" for host, (user, password) in self._pairs.items())
        return "".join(lines)


def _expand(text: str, variables: Mapping[str, str]) -> str:
    """Replace variables as pipenv and pip do; raise UserError if the credentials are in one that is not set."""
    expanded = _VARIABLE.sub(lambda match: variables.get(match[1] or match[2], match[0]), text)
    for found in _WITH_USER.finditer(expanded):
        unset = [match[1] or match[2] for word in found["user"].split(":") if (match := _VARIABLE.fullmatch(word))]
        if unset:
            raise UserError(
                f"a package index of the app takes its credentials from {' and '.join(unset)}, which is not set: "
                "set it in `dependencies.environment`"
            )
    return expanded


def _quote(word: str) -> str:
    escaped = word.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def find_secrets(variables: Mapping[str, str], texts: Iterable[str] = ()) -> set[str]:
    """Return the secrets: passwords in URLs, and values of variables with names such as TOKEN."""
    found = {value for name, value in variables.items() if _SECRET_NAME.search(name)}
    for text in (*variables.values(), *texts):
        for match in _WITH_USER.finditer(text):
            user, colon, password = match["user"].partition(":")
            for word in (password, match["user"]) if colon else (user,):
                found |= {word, unquote(word)}
    return {secret for secret in found if len(secret) >= _SHORTEST}


def redact(text: str, secrets: Iterable[str]) -> str:
    """Return a text without the secrets, and without the user part of URLs, except a plain `git`."""
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, _HIDDEN)
    return _WITH_USER.sub(lambda match: match[0] if match["user"] == "git" else f"{match['scheme']}{_HIDDEN}@", text)
