"""Who does something on the host, as the processes above it tell."""

from __future__ import annotations

import os
import pwd
from typing import TYPE_CHECKING

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._host.actor import TOLD, Actor, find_actor, find_address

if TYPE_CHECKING:
    from pathlib import Path

ME = pwd.getpwuid(os.getuid()).pw_name
SESSION = {"SSH_CONNECTION": "192.0.2.7 50000 192.0.2.1 22"}


def make_proc(proc: Path, chain: dict[str, tuple[str, dict[str, str]]], loginuid: str = "4294967295") -> Path:
    """Write what /proc has of processes: each with its parent, and with its environment."""
    for process, (parent, environment) in chain.items():
        (proc / process).mkdir()
        (proc / process / "stat").write_text(f"{process} (a ) S 1) S {parent} 0 0")
        (proc / process / "environ").write_text("".join(f"{name}={value}\0" for name, value in environment.items()))
    (proc / "self" / "loginuid").write_text(loginuid)
    return proc


def test_the_address_is_that_of_the_session_which_sudo_takes_away(tmp_path: Path) -> None:
    # sshd, a shell, sudo, a shell, this one
    chain = {"self": ("40", {}), "40": ("30", {}), "30": ("20", SESSION), "20": ("10", SESSION), "10": ("1", {})}
    proc = make_proc(tmp_path, chain)
    told = "user=anna&host=laptop&ci=https%3A%2F%2Fgit.example.com%2F1&ci_user=b%26b&more=x"
    found = find_actor({"SUDO_USER": "admin", TOLD: told}, proc)
    assert found == Actor("admin", "192.0.2.7", "anna@laptop", "https://git.example.com/1", "b&b")


@pytest.mark.parametrize(
    ("sudo_user", "loginuid", "user"),
    [
        ("admin", "0", "admin"),
        ("root", "0", "root"),
        ("", "0", "root"),
        ("", "4294967295", ME),
        ("root", "1", "daemon"),
        ("root", "4294967294", ME),
        ("", "nonsense", ME),
    ],
)
def test_the_user_is_whoever_became_root_or_has_logged_in(tmp_path: Path, sudo_user: str, loginuid: str, user: str) -> None:
    assert find_actor({"SUDO_USER": sudo_user}, make_proc(tmp_path, {"self": ("1", {})}, loginuid)).user == user


def test_the_uppermost_session_counts_and_what_is_no_address_does_not() -> None:
    assert find_address([{"SSH_CONNECTION": "198.51.100.9 1 2 3"}, SESSION, {}]) == "192.0.2.7"
    assert find_address([{"SSH_CLIENT": "fe80::1%eth0 1 2"}]) == "fe80::1%eth0"
    assert find_address([SESSION, {"SSH_CONNECTION": "\x1b[31m 1"}, {"SSH_CONNECTION": " "}]) == "192.0.2.7"
    assert find_address([]) == ""


@pytest.mark.parametrize("told", ["", "&&&&&&&&&&&&", "%zz=%ff", "user", "=&=", "user=" + "x" * 100_000])
def test_where_nothing_can_be_read_nothing_is_raised(tmp_path: Path, told: str) -> None:
    assert find_actor({TOLD: told}, tmp_path).user == ME


def test_processes_that_are_each_others_parents_are_no_end(tmp_path: Path) -> None:
    proc = make_proc(tmp_path, {"self": ("9", {}), "9": ("8", SESSION), "8": ("9", {})})
    assert find_actor({}, proc).address == "192.0.2.7"
