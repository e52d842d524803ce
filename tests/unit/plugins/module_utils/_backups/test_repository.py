"""What restic says, of the versions of both Debians; `molecule/data` has real repositories."""

from __future__ import annotations

import json

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._backups.repository import (
    Problem,
    Repository,
    find_problem,
    find_summary,
    find_unread,
    parse_snapshots,
    parse_time,
)
from ansible_collections.webstack.flask.plugins.module_utils._backups.settings import Settings

WHERE = "Is there a repository at the following location?"
MISSING = f"Fatal: unable to open config file: stat /srv/none/config: no such file or directory\n{WHERE}\n/srv/none"


@pytest.mark.parametrize(
    ("status", "said", "problem"),
    [
        (1, "Fatal: wrong password or no key found", Problem.WRONG_PASSWORD),
        (12, "Fatal: wrong password or no key found", Problem.WRONG_PASSWORD),
        (1, MISSING, Problem.NO_REPOSITORY),
        (10, "Fatal: repository does not exist", Problem.NO_REPOSITORY),
        (1, "Fatal: unable to open config file: Stat: Access Denied.\nIs there a repository at the following location?", Problem.OTHER),
        (1, "subprocess ssh: ssh: Could not resolve hostname nowhere: Name or service not known", Problem.OTHER),
        (1, "unable to create lock in backend: repository is already locked exclusively by PID 5", Problem.LOCKED),
        (11, "", Problem.LOCKED),
    ],
)
def test_only_what_is_surely_no_repository_is_taken_for_none(status: int, said: str, problem: Problem) -> None:
    assert find_problem(status, said) is problem


def test_the_backups_of_the_app_alone_are_listed() -> None:
    told = [
        {"id": "b" * 64, "time": "2026-11-28T02:26:50.138249799Z", "hostname": "web", "tags": ["webstack.flask", "shop"]},
        {"id": "a" * 64, "time": "2026-11-27T03:26:50.1+01:00", "hostname": "old", "tags": ["shop", "webstack.flask"]},
        {"id": "c" * 64, "time": "2026-11-28T02:26:50Z", "hostname": "web", "tags": ["webstack.flask", "blog"]},
        {"id": "d" * 64, "time": "2026-11-28T02:26:50Z", "hostname": "web"},
    ]
    assert [each.short for each in parse_snapshots(json.dumps(told), "shop")] == ["aaaaaaaa", "bbbbbbbb"]
    assert parse_snapshots("null", "shop") == []
    assert parse_time("1970-01-02T01:00:00.5+01:00") == 86400


def test_files_that_could_not_be_read_and_the_summary_are_found_in_what_was_said() -> None:
    said = """{"message_type":"error","error":{},"during":"archival","item":"/backup/shared/a"}
{"message_type":"error","error":{"message":"x"},"during":"scan","item":"/backup/shared/b"}
Warning: at least one source file could not be read
{"message_type":"summary","snapshot_id":"90706550"}
"""
    assert find_unread(said) == ["/backup/shared/a"]
    assert find_summary(said) == {"message_type": "summary", "snapshot_id": "90706550"}
    assert find_summary("Fatal: no") is None


def test_no_secret_is_in_a_message() -> None:
    settings = Settings("shop", "rest:https://me:hidden@nas/shop", "secret word", env={"KEY": "AKIA1234"})
    failure = Repository(settings, "web").failure("backup", 1, "https://me:hidden@nas/shop said: secret word, AKIA1234")
    assert not any(word in str(failure) for word in ("hidden", "secret", "AKIA"))
    assert not any(word in repr(settings) for word in ("secret", "AKIA"))
