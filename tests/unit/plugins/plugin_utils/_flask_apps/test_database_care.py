"""What database.yml is asked for is refused, or done, before it reaches a host."""

from __future__ import annotations

import shlex
from typing import Any

import pytest
from ansible_collections.webstack.flask.plugins.plugin_utils._flask_apps.database_care import (
    describe_shell,
    find_file_problem,
    find_problem,
)

GIVEN = {"app": "shop", "to": "x", "from": "y", "from_host": "one", "database": "shop.a", "dumps": False}
SSH = {"kind": "ssh", "host": "192.0.2.1", "port": 22, "user": "admin", "key": "", "args": " "}


@pytest.mark.parametrize("do", ["list", "dump", "load", "shell", "clone", "drop"])
def test_what_is_complete_is_done(do: str) -> None:
    assert find_problem(do, GIVEN, "one", ["one"], ["one", "two"]) == ""


@pytest.mark.parametrize(
    ("do", "change", "words"),
    [
        ("dmup", {}, "flask_do is 'dmup'; did you mean dump? Allowed are list, dump, load, shell, clone, drop"),
        ("dump", {"app": ""}, "name the app by `-e flask_app=shop`"),
        ("dump", {"to": ""}, "name the file on this computer that gets the dump"),
        ("load", {"from": ""}, "name the dump on this computer"),
        ("clone", {"from": ""}, "name the app whose data are taken"),
        ("clone", {"from": "shop"}, "which has these data already"),
        ("clone", {"from_host": "three"}, "the inventory has no such host; it has one, two"),
        ("drop", {"database": ""}, "name the database"),
        ("drop", {"dumps": True}, "name the database"),
    ],
)
def test_what_is_missing_or_wrong_is_told(do: str, change: dict[str, Any], words: str) -> None:
    assert words in find_problem(do, {**GIVEN, **change}, "one", ["one"], ["one", "two"])


def test_data_of_an_app_of_the_same_name_come_from_another_host() -> None:
    assert find_problem("clone", {**GIVEN, "from": "shop", "from_host": "two"}, "one", ["one"], ["one", "two"]) == ""


def test_one_file_is_of_one_host() -> None:
    assert "choose one by `--limit`" in find_problem("dump", GIVEN, "one", ["one", "two"], ["one", "two"])


@pytest.mark.parametrize(
    ("there", "directory", "may_replace", "words"),
    [
        ({"exists": False}, {"exists": True, "isdir": True}, False, ""),
        ({"exists": True, "isdir": False}, {"exists": True, "isdir": True}, True, ""),
        ({"exists": True, "isdir": False}, {"exists": True, "isdir": True}, False, "was not written over"),
        ({"exists": True, "isdir": True}, {"exists": True, "isdir": True}, True, "is a directory"),
        ({"exists": False}, {"exists": False}, False, "its directory is not there"),
    ],
)
def test_a_dump_is_written_over_nothing(there: dict[str, bool], directory: dict[str, bool], may_replace: bool, words: str) -> None:  # noqa: FBT001
    problem = find_file_problem([there, directory], "/root/shop.dump", may_replace=may_replace)
    assert words in problem if words else not problem


def test_psql_is_opened_as_the_app_s_user_by_a_command_that_a_shell_takes_as_it_stands() -> None:
    remote = "cd / && sudo -u shop psql -X -v HISTFILE=/dev/null -h /run/postgresql -p 5433 -U shop -d shop.a"
    told = describe_shell(SSH, "shop", "shop.a", 5433)[1]
    assert shlex.split(told) == ["ssh", "-t", "admin@192.0.2.1", remote]
    more = {**SSH, "port": "2222", "key": "/my keys/id", "args": "-o ProxyCommand='ssh -W %h:%p hop'"}
    told = describe_shell(more, "shop", "shop.a", 5433)[1]
    options = ["-p", "2222", "-i", "/my keys/id", "-o", "ProxyCommand=ssh -W %h:%p hop"]
    assert shlex.split(told) == ["ssh", "-t", *options, "admin@192.0.2.1", remote]


def test_root_needs_no_sudo_and_the_same_computer_no_ssh() -> None:
    assert "cd / && runuser -u shop -- psql" in describe_shell({**SSH, "user": "root"}, "shop", "shop", 5432)[1]
    assert describe_shell({**SSH, "kind": "local"}, "shop", "shop", 5432)[1].startswith("cd / && sudo")
    assert describe_shell({**SSH, "kind": "docker", "host": "box"}, "shop", "shop", 5432)[0] == "on box, psql is opened by"
