# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an installation has to show to git servers, for dependencies in private repositories."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ansible_collections.webstack.flask.plugins.module_utils._encoding import decode
from ansible_collections.webstack.flask.plugins.module_utils._host.files import hold_in_memory
from ansible_collections.webstack.flask.plugins.module_utils._source.git import SshAccess, configure_header, split_credentials
from ansible_collections.webstack.flask.plugins.module_utils._source.keys import mend_text, require_private_key

_KEY, _HOSTS = "ssh_key", "known_hosts"
_SHORTEST_LINE = 16
"""Characters of a line of a key that is masked by itself: its last line may be as short as a word."""


@dataclass(frozen=True)
class GitAccess:
    """A private key, lines of known_hosts, and a URL whose user and password count for its server; each may be empty."""

    ssh_key: str = field(default="", repr=False)
    known_hosts: str = ""
    url: str = field(default="", repr=False)

    @classmethod
    def of(cls, encoded: str) -> GitAccess:
        """Return what the module's option says; raise UserError for a key that ssh cannot read."""
        said = decode(encoded)
        texts = {name: mend_text(said[name]) for name in (_KEY, _HOSTS) if said.get(name)}
        if _KEY in texts:
            with hold_in_memory(texts[_KEY]) as file:
                require_private_key(texts[_KEY], file, "dependencies.ssh_key")
        return cls(**texts, url=said.get("url") or "")

    @property
    def files(self) -> dict[str, str]:
        """The texts that ssh reads from files, by the files' names."""
        return {name: text for name, text in ((_KEY, self.ssh_key), (_HOSTS, self.known_hosts)) if text}

    def list_secrets(self) -> Iterator[str]:
        """Yield what no message may show."""
        if self.ssh_key:
            yield from (line for line in self.ssh_key.splitlines() if len(line) >= _SHORTEST_LINE and not line.startswith("-----"))
        if header := split_credentials(self.url)[1]:
            yield header.rpartition(" ")[2]

    def make_variables(self, directory: Path, given: Mapping[str, str]) -> dict[str, str]:
        """Return the environment variables by which git uses it, with the files in a directory. Those that are given count more."""
        places = {name: directory / name for name in self.files}
        ssh = SshAccess(places.get(_KEY), places.get(_HOSTS)).variables() if places else {}
        url, header = split_credentials(self.url)
        count = given.get("GIT_CONFIG_COUNT", "")
        settings = configure_header(url, header, number=int(count) if count.isdigit() else 0)
        found = {**({"GIT_TERMINAL_PROMPT": "0"} if ssh or settings else {}), **ssh, **given, **settings}
        # With any text in PIP_NO_INPUT, be it 0, pip puts a command of its own in its place. It can read no input without, either.
        return {**({"PIP_NO_INPUT": ""} if "GIT_SSH_COMMAND" in found else {}), **found}
