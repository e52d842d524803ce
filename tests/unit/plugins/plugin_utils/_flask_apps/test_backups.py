"""`backup` of an entry."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.webstack.flask.plugins.plugin_utils._flask_apps.backups import backup_inputs, summarise_backups
from ansible_collections.webstack.flask.plugins.plugin_utils._flask_apps.checks import check_apps
from unit.flask_entries import find_problems

BACKUP = {"to": "sftp:backup@nas.example.com:/srv/shop", "password": "a long secret"}


def describe(**changes: Any) -> dict[str, Any]:  # noqa: ANN401
    return {"name": "shop", "source": {"path": "/x"}, "wsgi": "shop:app", "server_names": ["shop.test"], **changes}


def test_two_keys_are_enough() -> None:
    (app,) = backup_inputs(check_apps([describe(backup=BACKUP, database="postgresql")]))
    assert app == {
        "name": "shop",
        **BACKUP,
        "database": True,
        "env": {},
        "at": "02:30",
        "keep": {"daily": 7, "weekly": 4, "monthly": 6, "yearly": 0},
        "verify": "weekly",
        "timeout": 21600,
    }


def test_of_apps_without_it_those_that_the_host_backs_up_still_end() -> None:
    apps = check_apps([describe(), describe(name="blog", server_names=["blog.test"])])
    assert backup_inputs(apps) == []
    assert backup_inputs(apps, ["blog", "another"]) == [{"name": "blog", "state": "absent"}]


@pytest.mark.parametrize(
    "to", ["/mnt/nas/shop", "local:/mnt/x", "sftp://u@h:22//srv/x", "s3:https://s3.example.com/b/x", "rest:https://u:p@h/x"]
)
def test_what_restic_takes_is_taken(to: str) -> None:
    assert check_apps([describe(backup={**BACKUP, "to": to})])[0]["backup"]["to"] == to


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        (
            {"password": None},
            "backup.password is missing; backups are encrypted with it, and one that the machine alone has is lost with the machine",
        ),
        ({"password": "short"}, "backup.password must have 8 characters or more"),
        ({"to": "nas:/srv/shop"}, "backup.to is 'nas:/srv/shop'; it must be where restic keeps a repository"),
        ({"to": "/srv/../etc"}, "backup.to is '/srv/../etc'; it must be where restic keeps a repository"),
        ({"to": "/var/www/shop/shared/backups"}, "backup.to is '/var/www/shop/shared/backups', in the app's own directory"),
        ({"at": "25:00"}, "backup.at is '25:00'; it must be a time of the day in quotes"),
        ({"keep": {"daily": -1}}, "backup.keep.daily is -1; it must be 0 or more"),
        ({"keep": {"daily": 0, "weekly": 0, "monthly": 0}}, "backup.keep keeps none"),
        ({"timeout": 0}, "backup.timeout is 0; it must be 1 second or more"),
        ({"env": {"RESTIC_PASSWORD": "x"}}, "backup.env.RESTIC_PASSWORD is given, and is set by the backup itself"),
        ({"env": {"A B": "x"}}, "backup.env: the environment variable 'A B'"),
        ({"verify": "hourly"}, "value of verify must be one of"),
    ],
)
def test_what_is_wrong_is_told(changes: dict[str, Any], problem: str) -> None:
    problems = find_problems(describe(backup={**BACKUP, **changes}))
    assert any(problem in each for each in problems), problems
    assert not any("long secret" in each for each in problems)


def test_each_run_tells_how_backups_went_and_what_is_wrong_first() -> None:
    good = {"changed": False, "notes": [], "complaints": [], "said": "the last backup is of …", "hints": []}
    bad = {**good, "complaints": ["the backup has failed"], "hints": ["its repository lies on the disk of its data"]}
    assert summarise_backups({}) == []
    assert summarise_backups({"backups": {"shop": good}}) == ["shop, its backups: the last backup is of …"]
    assert summarise_backups({"backups": {"shop": bad}}) == [
        "ATTENTION, shop: the backup has failed",
        "ATTENTION, shop: its repository lies on the disk of its data",
    ]
