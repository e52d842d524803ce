"""What is said of the processes in an entry of `flask_apps`."""

from __future__ import annotations

import pytest
from ansible_collections.webstack.flask.plugins.plugin_utils._flask_apps.app import list_places
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
        (["celery"], "processes is of type list; allowed are a mapping of names to commands, such as `{mail: celery -A shop worker}`"),
        (None, "processes is of type NoneType; allowed are"),
        ("procfile", "processes is 'procfile'; allowed are a mapping of names to commands"),
        ("Procfile.prod", "processes is 'Procfile.prod'; allowed are"),
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
        (_process(count="two"), "processes.mail.count is 'two'; it must be a whole number, such as 2"),
        (_process(count=float("inf")), "processes.mail.count is inf; it must be a whole number"),
        (_process(count=True), "processes.mail.count is True; it must be a whole number"),
        (_process(count=1001), "processes.mail.count is 1001; it must not be more than 1000"),
        (_process(drain=float("inf")), "processes.mail.drain is inf; it must not be more than 31622400"),
        (_process(drain=float("nan")), "processes.mail.drain is nan; it must not be negative"),
        (_process(drain="5m"), "processes.mail.drain is '5m'; it must be a number of seconds, such as 30"),
        (_process(watch=None), "processes.mail.watch is None; it must be a number of seconds"),
        (_process(watch=10**9), "processes.mail.watch is 1e+09; it must not be more than"),
        (_process(exclusive="perhaps"), "processes.mail.exclusive is 'perhaps'; it must be true or false"),
        (
            _process(service=["MemoryMax=1G"]),
            "processes.mail.service is ['MemoryMax=1G']; it must be a mapping, such as `{MemoryMax: 256M}`",
        ),
        (_process(service={1: 2}), "processes.mail.service.1 is not the name of a systemd directive"),
        (
            _process(command="a\x1b"),
            "processes.mail.command is 'a\\x1b'; it holds a control character, and only tab and newline are allowed",
        ),
        (_process(ready="a\0"), "processes.mail.ready is 'a\\x00'; it holds a control character"),
        (_process(command="x" * 16385), "processes.mail.command has 16385 characters; allowed are 16384: put it into a script"),
        (_process(ready="x" * 99999), "processes.mail.ready has 99999 characters"),
        ({float("inf"): "celery"}, "processes names one inf; allowed are"),
        ({"x" * 9999: "celery"}, f"processes names one '{'x' * 79}… (10001 characters); allowed are"),
        ("x" * 9999, f"processes is '{'x' * 79}… (10001 characters); allowed are a mapping"),
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


@pytest.mark.parametrize("command", ["a\nb\tc", "printf '%h' \"$HOME\" \\", "grüße", "{{ x }}", "x" * 16384])
def test_a_command_may_be_whatever_a_shell_takes(command: str) -> None:
    (app,) = check_apps([describe(processes=_process(command=command, ready=command, count=1000, drain=31622400, watch=0))])
    assert app["processes"]["mail"]["command"] == command


def test_a_process_has_its_defaults_and_may_be_its_command_alone() -> None:
    (app,) = check_apps([describe(processes={"bot": "python bot.py", "mail": {"command": "rq worker", "count": 0}})])
    assert app["processes"] == {
        "bot": {"command": "python bot.py", "count": 1, "drain": 30, "ready": None, "watch": 5, "exclusive": False, "service": {}},
        "mail": {"command": "rq worker", "count": 0, "drain": 30, "ready": None, "watch": 5, "exclusive": False, "service": {}},
    }


def test_several_wrong_processes_are_told_at_once() -> None:
    assert len(find_problems(describe(processes={"a": 1, "b": {"x": 1}, "c": {"command": "c", "count": -1}}))) == 3


@pytest.mark.parametrize("word", ["Procfile", "none"])
def test_processes_may_be_those_of_the_source_or_expressly_none(word: str) -> None:
    (app,) = check_apps([describe(processes=word)])
    assert app["processes"] == word
    assert list_places(app).get("processes", []) == (["Procfile"] if word == "Procfile" else [])


LONELY = {"wsgi": ..., "server_names": ..., "processes": {"bot": "python bot.py"}}


@pytest.mark.parametrize(
    "more", [{}, {"processes": "Procfile"}, {"processes": ..., "schedules": {"digest": {"command": "flask digest", "at": "daily"}}}]
)
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


@pytest.mark.parametrize("processes", [..., {}, "none"])
def test_an_entry_with_nothing_to_run_is_refused(processes: object) -> None:
    problems = find_problems(describe(wsgi=..., server_names=..., processes=processes))
    assert [problem.split(": ", 1)[1].split(";")[0] for problem in problems] == ["server_names is empty", "wsgi is missing"]
