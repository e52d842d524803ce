"""What is said of the processes in an entry of `flask_apps`."""

from __future__ import annotations

import pytest
from ansible_collections.webstack.flask.plugins.plugin_utils._flask_apps.checks import check_apps
from ansible_collections.webstack.flask.plugins.plugin_utils._flask_apps.inputs import (
    hosts_inputs,
    listen_ports,
    release_inputs,
    site_inputs,
)
from unit.flask_entries import describe, find_problem, find_problems


def _process(**changes: object) -> dict[str, object]:
    return {"mail": {"command": "celery worker", **changes}}


@pytest.mark.parametrize(
    ("processes", "problem"),
    [
        ({"Mail": "celery"}, "processes names one 'Mail'; allowed are 1 to 25 lower-case letters, digits"),
        ({1: "celery"}, "processes names one 1; allowed are"),
        ({"web": "gunicorn"}, "processes.web is for the web process, which is described by `wsgi` or `asgi`, and `gunicorn`; take it out"),
        ({"mail": ["celery"]}, "processes.mail must be a mapping with a `command`, or the command itself; it is of type list"),
        ({"mail": None}, "processes.mail must be a mapping with a `command`, or the command itself; it is of type NoneType"),
        ({"mail": {}}, "processes.mail: missing required arguments: command"),
        ({"mail": " "}, "processes.mail.command is ' ', which is no command"),
        (
            _process(command=["celery", "worker"]),
            "processes.mail.command is ['celery', 'worker']; it must be text, as one types it into a shell",
        ),
        (_process(ready=True), "processes.mail.ready is True; it must be text, as one types it into a shell"),
        (_process(counts=2), "processes.mail: 'counts' is not a key; did you mean 'count'?"),
        (_process(count="two"), "processes.mail: argument 'count' is of type"),
        (_process(count=-1), "processes.mail.count is -1; it must not be negative"),
        (_process(drain=-1), "processes.mail.drain is -1; it must not be negative"),
        (_process(count=2, exclusive=True), "processes.mail is exclusive, so that there is never more than one of it, and has the count 2"),
        (
            _process(service={"TimeoutStopSec": 9}),
            "processes.mail.service.TimeoutStopSec cannot be set: use the key `drain` of the process",
        ),
        (_process(service={"ExecStart": "x"}), "processes.mail.service.ExecStart cannot be set: use the key `command` of the process"),
        (_process(service={"memory": 9}), "processes.mail.service.memory is not the name of a systemd directive"),
    ],
)
def test_a_process_that_cannot_run_is_refused_by_its_key(processes: object, problem: str) -> None:
    assert find_problem(processes=processes).startswith(problem)


def test_a_process_has_its_defaults_and_may_be_its_command_alone() -> None:
    (app,) = check_apps([describe(processes={"bot": "python bot.py", "mail": {"command": "rq worker", "count": 0}})])
    assert app["processes"] == {
        "bot": {"command": "python bot.py", "count": 1, "drain": 30, "ready": None, "watch": 5, "exclusive": False, "service": {}},
        "mail": {"command": "rq worker", "count": 0, "drain": 30, "ready": None, "watch": 5, "exclusive": False, "service": {}},
    }


def test_several_wrong_processes_are_told_at_once() -> None:
    assert len(find_problems(describe(processes={"a": 1, "b": {"x": 1}, "c": {"command": "c", "count": -1}}))) == 3


LONELY = {"wsgi": ..., "server_names": ..., "processes": {"bot": "python bot.py"}}


@pytest.mark.parametrize("more", [{}, {"processes": ..., "schedules": {"digest": {"command": "flask digest", "at": "daily"}}}])
def test_an_app_may_be_nothing_but_processes_or_jobs(more: dict[str, object]) -> None:
    (app,) = check_apps([describe(**{**LONELY, **more})])
    assert site_inputs([app]) == [{"name": "shop", "state": "absent"}]
    (release,) = release_inputs([app], {"shop": {}}, {"shop": {}})
    assert {"wsgi", "proxy", "gunicorn"} & set(release) == set()
    assert listen_ports([app]) == []
    assert hosts_inputs([app], "192.0.2.1") == [{"app": "shop", "address": "192.0.2.1", "names": []}]


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"server_names": ["shop.test"]}, "wsgi is missing; give what gunicorn starts from"),
        ({"wsgi": "wsgi:app"}, "server_names is empty; give at least one name under which the app is to be served"),
        (
            {"nginx": {"listen_port": 8080}},
            "nginx is about the web process, and there is none: neither `wsgi` nor `asgi`; take it out, or give one of them",
        ),
        ({"gunicorn": {"workers": 2}}, "gunicorn is about the web process"),
        ({"static": []}, "static is about the web process"),
    ],
)
def test_what_is_said_of_a_web_process_that_is_not_there_is_refused(changes: dict[str, object], problem: str) -> None:
    assert find_problem(**{**LONELY, **changes}).startswith(problem)


def test_an_entry_with_nothing_to_run_is_refused() -> None:
    problems = find_problems(describe(wsgi=..., server_names=...))
    assert [problem.split(": ", 1)[1].split(";")[0] for problem in problems] == ["server_names is empty", "wsgi is missing"]
