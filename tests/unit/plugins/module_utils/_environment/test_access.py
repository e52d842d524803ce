"""What an installation shows to git servers."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._encoding import encode
from ansible_collections.webstack.flask.plugins.module_utils._environment.access import GitAccess
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError

PRIVATE = Path("/srv/private")
URL = "https://ann:t0ken@h.test:8443/team/lib.git"


def make_key(directory: Path, passphrase: str = "") -> str:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-f", str(directory / "key")], check=True)
    return (directory / "key").read_text(encoding="ascii")


def read_setting(variables: dict[str, str], url: str) -> str:
    """Return the header that git would send to a server, as git itself tells it."""
    command = ["git", "config", "--get-urlmatch", "http.extraHeader", url]
    result = subprocess.run(command, env={"PATH": os.environ["PATH"], **variables}, capture_output=True, text=True, check=False)
    return result.stdout.strip()


def test_ssh_uses_the_key_and_the_hosts_that_are_given_and_no_other(tmp_path: Path) -> None:
    access = GitAccess.of(encode({"ssh_key": make_key(tmp_path).replace("\n", "\r\n"), "known_hosts": "h.test ssh-ed25519 AAAA"}))
    assert access.files == {"ssh_key": (tmp_path / "key").read_text(encoding="ascii"), "known_hosts": "h.test ssh-ed25519 AAAA\n"}
    variables = access.make_variables(PRIVATE, {"A": "b"})
    assert (variables["A"], variables["GIT_TERMINAL_PROMPT"]) == ("b", "0")
    assert variables["PIP_NO_INPUT"] == "", "with it, pip has a command of its own for ssh"
    command = [*variables["GIT_SSH_COMMAND"].split(), "-F", "none", "-G", "h.test"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    assert {
        "identityfile /srv/private/ssh_key",
        "identitiesonly yes",
        "userknownhostsfile /srv/private/known_hosts",
        "globalknownhostsfile /dev/null",
        "batchmode yes",
        "stricthostkeychecking true",
    } <= set(said)


def test_a_password_is_for_its_server_alone_and_other_settings_of_git_stay() -> None:
    access = GitAccess.of(encode({"url": URL}))
    given = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "http.proxy", "GIT_CONFIG_VALUE_0": "p.test:3128"}
    for variables in (access.make_variables(PRIVATE, {}), access.make_variables(PRIVATE, given)):
        assert read_setting(variables, "https://h.test:8443/other.git") == "Authorization: Basic YW5uOnQwa2Vu"
        assert read_setting(variables, "https://elsewhere.test/lib.git") == ""
    assert given.items() - {("GIT_CONFIG_COUNT", "1")} <= variables.items()
    assert "GIT_SSH_COMMAND" not in variables


def test_a_command_for_ssh_of_one_s_own_counts() -> None:
    variables = GitAccess().make_variables(PRIVATE, {"GIT_SSH_COMMAND": "ssh -p 2222"})
    assert variables == {"GIT_SSH_COMMAND": "ssh -p 2222", "PIP_NO_INPUT": ""}


def test_an_installation_that_is_given_nothing_has_nothing() -> None:
    access = GitAccess.of("e30=")
    assert (access.files, access.make_variables(PRIVATE, {"A": "b"}), list(access.list_secrets())) == ({}, {"A": "b"}, [])


def test_no_message_shows_it(tmp_path: Path) -> None:
    key = make_key(tmp_path)
    access = GitAccess.of(encode({"ssh_key": key, "url": URL}))
    assert {*access.list_secrets()} == {*[line for line in key.splitlines()[1:-1] if len(line) >= 16], "YW5uOnQwa2Vu"}
    assert key.splitlines()[1] not in repr(access)
    assert "t0ken" not in repr(access)


def test_a_key_with_a_passphrase_is_told_by_its_own_name(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^dependencies\.ssh_key has a passphrase"):
        GitAccess.of(encode({"ssh_key": make_key(tmp_path, "sesame")}))
