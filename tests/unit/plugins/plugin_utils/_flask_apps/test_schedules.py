"""What is said of the schedules in an entry of `flask_apps`."""

from __future__ import annotations

import pytest
from ansible_collections.webstack.flask.plugins.plugin_utils._flask_apps.checks import check_apps
from unit.flask_entries import describe, find_problem


def _schedule(**changes: object) -> dict[str, object]:
    return {"digest": {"command": "flask digest", "at": "daily", **changes}}


@pytest.mark.parametrize(
    ("schedules", "problem"),
    [
        ({"Digest": {"command": "flask digest", "at": "daily"}}, "schedules names one 'Digest'; allowed are 1 to 25 lower-case letters"),
        ({"digest": "flask digest"}, "schedules.digest must be a mapping with a `command`; it is of type str"),
        ({"digest": {"command": "flask digest"}}, "schedules.digest: missing required arguments: at"),
        (_schedule(command=" "), "schedules.digest.command is ' ', which is no command"),
        (_schedule(at=4), "schedules.digest.at is 4; it must be text"),
        (_schedule(at=""), "schedules.digest.at is ''; it must be a calendar event of systemd, such as `*-*-* 04:00` or `hourly`"),
        (_schedule(at="daily\nUnit=x"), "schedules.digest.at is 'daily\\nUnit=x'; it must be a calendar event"),
        (_schedule(at="0 4 * * *"), "schedules.digest.at is '0 4 * * *', as cron writes it; write `at: \"*-*-* 04:00\"`"),
        (_schedule(at="0 4 1 * 1"), "schedules.digest.at is '0 4 1 * 1', as cron writes it; systemd writes `*-*-* 04:00`"),
        (_schedule(at="*/5 * * * mon-fri"), "schedules.digest.at is '*/5 * * * mon-fri', as cron writes it"),
        (_schedule(at="@daily"), "schedules.digest.at is '@daily', as cron writes it"),
        (_schedule(timeout=0), "schedules.digest.timeout is 0; it must be more than 0 seconds"),
        (_schedule(timeout=float("inf")), "schedules.digest.timeout is inf; it must not be more than 31622400"),
        (_schedule(timeout="1h"), "schedules.digest.timeout is '1h'; it must be a number of seconds, such as 30"),
        (_schedule(timeout=True), "schedules.digest.timeout is True; it must be a number of seconds"),
        (_schedule(missed="never"), "schedules.digest.missed is 'never'; allowed is `run` or `skip`"),
        (_schedule(missed=["run"]), "schedules.digest.missed is ['run']; allowed is `run` or `skip`"),
        (_schedule(overlap="allow"), "schedules.digest.overlap is 'allow'; allowed is `skip`"),
        (_schedule(at=["daily"]), "schedules.digest.at is ['daily']; it must be text, such as `*-*-* 04:00` or `hourly`"),
        (_schedule(at="x" * 201), f"schedules.digest.at is '{'x' * 79}… (203 characters); it must be a calendar event"),
        (_schedule(service={"MemoryMax": None}), "schedules.digest.service.MemoryMax is None; it must be text, a number"),
        (
            ["digest"],
            "schedules is of type list; allowed is a mapping of names to what runs, such as `{digest: {command: flask send-digest, at:",
        ),
        ("digest=daily", "schedules is of type str; allowed is a mapping"),
        ({None: {"command": "c", "at": "daily"}}, "schedules names one None; allowed are"),
        (_schedule(when="daily"), "schedules.digest: 'when' is not a key"),
        (
            _schedule(service={"TimeoutStartSec": 9}),
            "schedules.digest.service.TimeoutStartSec cannot be set: use the key `timeout` of the job",
        ),
    ],
)
def test_a_schedule_that_cannot_run_is_refused_by_its_key(schedules: object, problem: str) -> None:
    assert find_problem(schedules=schedules).startswith(problem)


def test_a_schedule_has_its_defaults() -> None:
    (app,) = check_apps([describe(schedules=_schedule())])
    defaults = {"timeout": 3600, "missed": "run", "overlap": "skip", "service": {}}
    assert app["schedules"] == {"digest": {"command": "flask digest", "at": "daily", **defaults}}
