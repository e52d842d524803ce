"""A Procfile becomes keys of an entry, and what the entry lacks is told."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from ansible_collections.webstack.flask.plugins.module_utils._source.procfile import parse
from ansible_collections.webstack.flask.plugins.plugin_utils._flask_apps.checks import check_apps
from ansible_collections.webstack.flask.plugins.plugin_utils._flask_apps.procfile import (
    describe_procfile,
    list_processes,
    split_commands,
    translate,
)
from unit.flask_entries import describe


class Marked(str):
    """Text as ansible-core up to 2.18 has that of a module."""

    __slots__ = ()


def _tell(text: str, **described: object) -> list[str]:
    (app,) = check_apps([describe(**described)])
    return describe_procfile(app, parse(text).to_result())


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("web: gunicorn shop:app --workers 4", {"wsgi": "shop:app", "gunicorn": {"workers": 4}}),
        ("web: exec gunicorn shop:app", {"wsgi": "shop:app"}),
        ("web: env A=1 B='x y' gunicorn shop:app", {"wsgi": "shop:app", "env": {"A": "1", "B": "x y"}}),
        ("web: WEB_CONCURRENCY=3 gunicorn shop:app", {"wsgi": "shop:app", "gunicorn": {"workers": 3}}),
        ("web: gunicorn -w ${WEB_CONCURRENCY:-3} shop:app", {"wsgi": "shop:app", "gunicorn": {"workers": 3}}),
        ("web: GUNICORN_CMD_ARGS='-w 3 --preload' gunicorn a:b", {"wsgi": "a:b", "gunicorn": {"workers": 3, "preload_app": True}}),
        ("web: pipenv run gunicorn shop:app", {"wsgi": "shop:app"}),
        ("web: uv run python -m gunicorn shop:app", {"wsgi": "shop:app"}),
        ("web: python3.12 -u -m uvicorn main:app", {"asgi": "main:app"}),
        ("web: cd src && gunicorn shop:app", {"chdir": "src", "wsgi": "shop:app"}),
        ("web: source .env; . venv/bin/activate; gunicorn a:b", {"env_files": [".env"], "wsgi": "a:b"}),
        ("web: export A=1 && gunicorn a:b", {"env": {"A": "1"}, "wsgi": "a:b"}),
        ("web: flask db upgrade && gunicorn a:b", {"release_commands": ["flask db upgrade"], "wsgi": "a:b"}),
        (
            "web: python manage.py migrate && python manage.py collectstatic --no-input && gunicorn a.wsgi > out.log 2>&1",
            {
                "release_commands": ["python manage.py migrate"],
                "build_commands": ["python manage.py collectstatic --no-input"],
                "wsgi": "a.wsgi",
            },
        ),
        ("wsgi: shop:app", {"wsgi": "shop:app"}),
        ("asgi: shop:app", {"asgi": "shop:app"}),
        ("release: flask db upgrade && flask seed | tee x", {"release_commands": ["flask db upgrade && flask seed | tee x"]}),
        ("release: ./release.sh", {"release_commands": ["./release.sh"]}),
        (
            "release: flask db upgrade && flask assets build; flask seed",
            {"build_commands": ["flask assets build"], "release_commands": ["flask db upgrade && flask seed"]},
        ),
        ("worker: celery -A shop worker | cat", {"processes": {"worker": "celery -A shop worker | cat"}}),
        ("clock: python clock.py", {"processes": {"clock": {"command": "python clock.py", "exclusive": True}}}),
        ("tick: celery -A shop beat", {"processes": {"tick": {"command": "celery -A shop beat", "exclusive": True}}}),
        ("all: celery -A shop worker -B", {"processes": {"all": {"command": "celery -A shop worker -B", "exclusive": True}}}),
        ("heartbeats: python a.py", {"processes": {"heartbeats": "python a.py"}}),
        ("Mailer_1: x\n9-a: y\na: z", {"processes": {"mailer_1": "x", "a": "y", "a-2": "z"}}),
        ("cron: 0 4 * * 1-5 flask a", {"schedules": {"cron": {"command": "flask a", "at": "Mon..Fri *-*-* 04:00"}}}),
        ("nightly: 30 3 * * * flask a", {"schedules": {"nightly": {"command": "flask a", "at": "*-*-* 03:30"}}}),
        ("cron: @reboot flask a", {"schedules": {"cron": {"command": "flask a", "at": "…"}}}),
        ("console: flask shell\nstatic: /x", {}),
        ("web: flask run -p $PORT", {}),
        ("web: gunicorn 'a:b", {}),
        ("web: gunicorn a:b | tee x", {}),
        ("web: gunicorn a:b & nginx", {}),
    ],
)
def test_each_kind_of_line_becomes_keys_of_an_entry(text: str, keys: dict[str, Any]) -> None:
    translated = translate(parse(text)).keys
    assert translated == keys
    known = {key: value for key, value in translated.items() if "…" not in str(value)}
    assert check_apps([describe(**{"wsgi": ..., **({} if {"wsgi", "asgi"} & set(known) else {"wsgi": "a:b"}), **known})])


def test_what_the_description_lacks_is_told_as_lines_to_write() -> None:
    text = """\
web: gunicorn shop:app --workers 4 --bind 0.0.0.0:$PORT
worker: celery -A shop worker -Q 'a: b'
clock: celery -A shop beat
release: flask db upgrade
cron: 0 4 * * * flask digest
"""
    first, *lines = _tell(text)
    assert first == "ATTENTION, shop: the source has a Procfile with more than the description. What it has, as keys of the entry:"
    written = [line for line in lines if not line.startswith("  (")]
    described = yaml.safe_load("\n".join(written))
    assert described == {
        "gunicorn": {"workers": 4},
        "processes": {"worker": "celery -A shop worker -Q 'a: b'", "clock": {"command": "celery -A shop beat", "exclusive": True}},
        "release_commands": ["flask db upgrade"],
        "schedules": {"cron": {"command": "flask digest", "at": "*-*-* 04:00"}},
    }
    assert [line for line in lines if line not in written] == [
        "  (web: `--bind` falls away: the socket is made by systemd)",
        "  (clock: `exclusive` keeps it from ever running twice, which would do everything twice)",
        "  (cron: times are in UTC; another zone is named at their end, as in `Europe/Prague`)",
        (
            "  (`processes: Procfile` takes the processes from it in each release; `processes: none` says that the Procfile is meant for "
            "elsewhere)"
        ),
    ]
    assert _tell(text, **described) == []


@pytest.mark.parametrize(
    ("text", "described"),
    [
        ("web: gunicorn other:app -b 0.0.0.0:$PORT", {}),
        ("web: ./start.sh", {}),
        ("web: gunicorn a:b -w 4", {"gunicorn": {"workers": 2}}),
        ("worker: x  y", {"processes": {"mail": "x y"}}),
        ("worker: x", {"processes": {"worker": {"command": "z", "count": 0}}}),
        ("release: x", {"release_commands": ["y"]}),
        ("cron: 0 4 * * * x", {"schedules": {"other": {"command": "x", "at": "daily"}}}),
        ("worker: x\nrelease: y\nfoo", {"processes": "none"}),
        ("worker: x", {"processes": "Procfile"}),
        ("web: env A=1 gunicorn a:b", {"env": {"A": "2"}}),
        ("web: cd a && gunicorn a:b", {"chdir": "src"}),
        ("console: flask shell", {}),
        ("web: gunicorn a:b -w 4", {"wsgi": ..., "server_names": ..., "processes": {"bot": "x"}}),
        ("# nothing", {}),
    ],
)
def test_nothing_is_told_of_what_the_description_has_decided(text: str, described: dict[str, Any]) -> None:
    assert _tell(text, **described) == []


def test_what_a_module_has_handed_on_is_told_although_ansible_has_its_own_kind_of_text() -> None:
    (app,) = check_apps([describe()])
    text = "web: cd src && gunicorn a:b --log-level info\nworker: rq worker\nclock: x\nrelease: y\ncron: @daily z"
    found = parse(text).to_result()
    handed_on = {**found, "lines": [[number, Marked(name), Marked(command)] for number, name, command in found["lines"]]}
    assert describe_procfile(app, handed_on) == describe_procfile(app, found)


def test_of_variables_the_names_alone_are_told() -> None:
    lines = _tell("web: env SECRET_KEY=hunter2 gunicorn shop:app -e TOKEN=hunter2")
    assert "hunter2" not in "".join(lines)
    assert "  env: {SECRET_KEY: …, TOKEN: …}" in lines


def test_quotes_do_not_hide_what_ansible_would_take_for_its_own() -> None:
    lines = _tell("web: gunicorn a:b --access-logformat \"{\"'{ x }}' --statsd-prefix '{'% --workers '{'{$x")
    assert "  gunicorn: {access_log_format: '{ { x }}', statsd_prefix: '{ %'}" in lines
    assert not any(sign in "".join(lines) for sign in ("{{", "{%", "{#"))


def test_what_cannot_be_read_is_told_and_fails_nothing() -> None:
    (line,) = _tell("worker: a\n<<<<<<< HEAD\nworker: b")
    assert (
        "cannot be read: line 2 is `<<<<<<< HEAD`, a mark of a merge that was not ended; line 3 names `worker` again, after line 1" in line
    )


def test_a_port_that_nobody_gives_is_told_for_processes() -> None:
    port = "flower: there is no $PORT; write a number in its place, or give the variable in `env`"
    assert f"  ({port})" in _tell("flower: celery flower --port=$PORT")
    assert _tell("flower: celery flower --port=$PORT", processes="Procfile") == [f"ATTENTION, shop: {port}"]
    assert _tell("flower: celery flower --port=${PORT}", processes="Procfile", env={"PORT": 5}) == []


def test_where_the_processes_are_taken_the_rest_is_named() -> None:
    first, *lines = _tell("web: gunicorn a:b -w 4\nworker: x\nclock: y\nrelease: z", processes="Procfile")
    assert first == "ATTENTION, shop: of the Procfile of the source only the processes are taken. What else it has, as keys of the entry:"
    assert lines == ["  gunicorn: {workers: 4}", "  release_commands: [z]"]


def test_the_processes_of_a_procfile_are_those_that_run_for_as_long_as_a_release_is_live() -> None:
    (app,) = check_apps([describe(processes="Procfile")])
    found = parse("web: a\nworker: b $X\nclock: c\nrelease: d\ncron: 0 4 * * * e\nconsole: f").to_result()
    assert list_processes(app, found) == {"worker": {"command": "b $X"}, "clock": {"command": "c", "exclusive": True}}
    assert list_processes(app, None) == {}
    (own,) = check_apps([describe(processes={"bot": "x"})])
    assert list(list_processes(own, found)) == ["bot"]
    (none,) = check_apps([describe(processes="none")])
    assert list_processes(none, found) == {}


@pytest.mark.parametrize(
    ("command", "parts", "is_plain"),
    [
        ("a && b; c", ["a", "b", "c"], True),
        ("a '&& b' \"; c\" \\; d", ["a '&& b' \"; c\" \\; d"], True),
        ("a || b", ["a || b"], False),
        ("a | b && c", ["a | b", "c"], False),
        ("a &", ["a &"], False),
        ("(a; b)", ["(a", "b)"], False),
        ("", [], True),
    ],
)
def test_commands_after_each_other_are_known(command: str, parts: list[str], is_plain: bool) -> None:  # noqa: FBT001
    assert split_commands(command) == (parts, is_plain)
