"""The files that the role gunicorn_systemd makes hold together whatever an accepted description says."""

from __future__ import annotations

import ast
import asyncio
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jinja2
import pytest
from ansible_collections.webstack.flask.plugins.filter.releases import job_directives, process_directives, python_literal, unit_directives
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._systemd.directives import list_confinement
from ansible_collections.webstack.flask.plugins.module_utils._systemd.sandbox import FENCES
from ansible_collections.webstack.flask.plugins.plugin_utils._flask_apps.checks import check_apps
from ansible_collections.webstack.flask.plugins.plugin_utils._flask_apps.inputs import release_inputs
from ansible_collections.webstack.flask.plugins.plugin_utils._gunicorn.settings import RESERVED
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

_ENVIRONMENT = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parents[3] / "roles/gunicorn_systemd/templates"),
    trim_blocks=True,
    keep_trailing_newline=True,
    undefined=jinja2.StrictUndefined,
    autoescape=False,  # noqa: S701 - this is no HTML
)
_ENVIRONMENT.filters |= {
    "comment": "#\n# {}\n#".format,
    "combine": lambda one, other: {**one, **other},
    "webstack.flask.job_directives": job_directives,
    "webstack.flask.process_directives": process_directives,
    "webstack.flask.python_literal": python_literal,
    "webstack.flask.unit_directives": unit_directives,
}
_PLAIN = {"name": "shop", "source": {"path": "shop"}, "wsgi": "wsgi:app", "server_names": ["shop.test"]}
_VALUES = st.one_of(st.none(), st.booleans(), st.integers(), st.text(), st.lists(st.text()), st.dictionaries(st.text(), st.text()))
_KEYS = st.one_of(st.text(), st.sampled_from(["workers", "timeout", "graceful_timeout", "accesslog", "bind", "import", "user"]))
_GIVEN = settings(suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])
"""Most of what is made up is refused."""


@pytest.fixture(autouse=True, scope="module")
def _gunicorn() -> Iterator[None]:
    """The package that reads a configuration is there when it does."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "gunicorn", SimpleNamespace(version_info=(27, 0, 1)))
        yield


def render(template: str, **changes: Any) -> str:  # noqa: ANN401
    """Render a template for an app that was found good; whatever was not is passed over."""
    try:
        described = {key: value for key, value in {**_PLAIN, **changes}.items() if value is not ...}
        (app,) = release_inputs(check_apps([described]), {"shop": {"id": "b1"}}, {"shop": {"id": "e1"}})
    except UserError:
        assume(False)  # noqa: FBT003
    variables = {"__gunicorn_systemd_app": app, "__gunicorn_systemd_root": "/var/www/shop", "gunicorn_systemd_socket_group": "www-data"}
    for one in (*app.get("processes", ()), *app.get("schedules", ())):
        variables["__gunicorn_systemd_process"] = one
    return _ENVIRONMENT.get_template(template).render(ansible_managed="Ansible managed", **variables)


_OWN = ("_CORES", "_THREADS", "_CLASS", "_THREADED", "_LIMIT", "_RELEASE", "_PROBE", "_HEADER")
"""What a configuration defines for itself."""


def find_assignments(source: str) -> dict[str, ast.expr]:
    """Return what a configuration assigns at its top level, by name; nothing else of it may do anything."""
    assigned = {}
    for statement in ast.parse(source).body:
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            assigned[statement.targets[0].id] = statement.value
        else:
            assert isinstance(statement, ast.Import | ast.ImportFrom | ast.FunctionDef | ast.AsyncFunctionDef | ast.For), ast.dump(
                statement
            )
    return assigned


@_GIVEN
@given(
    wsgi=st.one_of(st.text(), st.from_regex(r"[a-z]+:[^\n]+", fullmatch=True)),
    chdir=st.one_of(st.just(""), st.text()),
    gunicorn=st.dictionaries(_KEYS, _VALUES, max_size=3),
    env_files=st.lists(st.text(), max_size=1),
)
def test_no_accepted_text_becomes_code_of_the_configuration(
    wsgi: str, chdir: str, gunicorn: dict[str, object], env_files: list[str]
) -> None:
    source = render("release/gunicorn.conf.py.j2", wsgi=wsgi, chdir=chdir, gunicorn=gunicorn, env_files=env_files)
    assigned = find_assignments(source)
    assert set(assigned) == {"wsgi_app", "chdir", "control_socket_disable", *_OWN, *gunicorn}
    assert ast.literal_eval(assigned["wsgi_app"]) == wsgi
    assert {key: ast.literal_eval(assigned[key]) for key in gunicorn} == gunicorn


def list_names(unit: str) -> list[str]:
    """Return the sections of a unit and the names in them, as systemd reads them."""
    return [line.partition("=")[0] for line in unit.split("\n") if line and not line.startswith(("#", ";"))]


_TEMPLATE = "etc/systemd/system/app@.service.j2"


@_GIVEN
@given(
    chdir=st.one_of(st.just(""), st.text()),
    gunicorn=st.dictionaries(_KEYS, _VALUES, max_size=3),
    env=st.dictionaries(st.sampled_from("ABC"), st.text(), max_size=3),
)
def test_the_units_are_the_same_whatever_an_app_says(chdir: str, gunicorn: dict[str, object], env: dict[str, str]) -> None:
    assert render(_TEMPLATE, chdir=chdir, gunicorn=gunicorn, env=env) == render(_TEMPLATE)


@_GIVEN
@given(
    gunicorn=st.dictionaries(st.just("graceful_timeout"), st.integers(0, 600)),
    service=st.dictionaries(st.sampled_from(["MemoryMax", "Nice", "User", "a"]), st.text(), max_size=3),
)
def test_the_drop_in_has_one_section_and_the_directives_in_it(gunicorn: dict[str, int], service: dict[str, str]) -> None:
    drop_in = render("etc/systemd/system/app@release.service.d/release.conf.j2", gunicorn=gunicorn, service=service)
    stop = ["TimeoutStopSec"] if gunicorn else []
    assert list_names(drop_in) == (["[Service]", *sorted({*stop, *service})] if stop or service else [])


_COMMANDS = st.text(min_size=1).filter(lambda text: bool(text.strip()) and "\0" not in text)


@_GIVEN
@given(command=_COMMANDS, chdir=st.one_of(st.just(""), st.text()))
def test_no_accepted_command_breaks_the_unit_of_a_process_or_of_a_job(command: str, chdir: str) -> None:
    process = render("etc/systemd/system/app.process@release.service.j2", processes={"mail": command}, chdir=chdir)
    job = render("etc/systemd/system/app.job@release.service.j2", schedules={"digest": {"command": command, "at": "daily"}}, chdir=chdir)
    for unit, sections in ((process, ["[Unit]", "[Service]", "[Install]"]), (job, ["[Unit]", "[Service]"])):
        names = list_names(unit)
        assert [name for name in names if name.startswith("[")] == sections
        assert names.count("ExecStart") == 1
        assert all(name.startswith("[") or name.isalpha() for name in names)


@pytest.mark.parametrize(
    ("kind", "described"),
    [("process", {"processes": {"mail": 'say "100%" $HOME'}}), ("job", {"schedules": {"digest": {"command": "say", "at": "daily"}}})],
)
def test_systemd_takes_the_units_of_processes_and_jobs(kind: str, described: dict[str, Any], tmp_path: Path) -> None:
    unit = tmp_path / f"shop.{kind}@0123456789ab.service"
    unit.write_text(render(f"etc/systemd/system/app.{kind}@release.service.j2", **described), encoding="utf-8")
    verified = subprocess.run(["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False)
    assert str(unit) not in verified.stderr


def test_an_app_has_the_same_fences_as_what_installs_its_dependencies_but_may_see_how_busy_the_machine_is() -> None:
    service = render("etc/systemd/system/app@.service.j2")
    confinement = dict(line.split("=", 1) for line in list_confinement(service, app="shop", release="r1"))
    assert confinement.pop("ReadWritePaths") == "/var/www/shop/shared"
    assert "ProcSubset" not in confinement
    assert {**confinement, "ProcSubset": "pid"} == FENCES


SERVICE = {"name": "images", "source": {"path": "images"}, "wsgi": "wsgi:app", "internal": True}


def test_only_who_uses_a_service_may_connect_to_its_address_whichever_unit_it_is() -> None:
    described = [
        {**_PLAIN, "uses": ["images"], "processes": {"mail": "work"}, "schedules": {"digest": {"command": "say", "at": "daily"}}},
        SERVICE,
    ]
    made = {"shop": {"id": "1"}, "images": {"id": "1"}}
    user, service = release_inputs(check_apps(described), made, made)
    address = user["services"][0]["address"]
    directory = "etc/systemd/system"
    names = {"app@release.service.d/release.conf.j2": None, "app.process@release.service.j2": 0, "app.job@release.service.j2": 0}
    texts = {}
    for app in (user, service):
        common = {"__gunicorn_systemd_app": app, "__gunicorn_systemd_root": "/var/www/x", "gunicorn_systemd_socket_group": "www-data"}
        for name, kind in zip(names, (None, "processes", "schedules"), strict=True):
            for one in app.get(kind, ()) if kind else [None]:
                variables = common | {"__gunicorn_systemd_process": one}
                texts[app["name"], name] = _ENVIRONMENT.get_template(f"{directory}/{name}").render(ansible_managed="x", **variables)
    assert [text.splitlines().count(f"IPAddressAllow={address}") for (app, _name), text in texts.items() if app == "shop"] == [1, 1, 1]
    assert texts["images", "app@release.service.d/release.conf.j2"].strip() == ""
    lines = list_confinement(render(_TEMPLATE), texts["shop", "app@release.service.d/release.conf.j2"], app="shop", release="r1")
    assert [line for line in lines if line.startswith("IPAddress")] == ["IPAddressDeny=127.79.0.0/16", f"IPAddressAllow={address}"]


class Log:
    """What a worker writes to."""

    def __init__(self) -> None:
        self.errors: list[str] = []

    def exception(self, text: str) -> None:
        """Keep the text, and the exception that is being handled."""
        self.errors.append(f"{text}: {sys.exc_info()[1]}")


def wrap(attribute: str, module: str, app: Callable[..., Any]) -> tuple[Callable[..., Any], Log]:
    """Return what a release makes of an app in a worker's attribute, and the worker's log."""
    configuration: dict[str, Any] = {"__file__": "/var/www/shop/releases/r1/gunicorn.conf.py", "__name__": "configuration"}
    exec(render("release/gunicorn.conf.py.j2"), configuration)  # noqa: S102 - it is ours
    log = Log()
    worker = type("Worker", (), {"__module__": module, "log": log, attribute: staticmethod(app)})()
    configuration["post_worker_init"](worker)
    return getattr(worker, attribute), log


def start_worker(directory: Path, attribute: str, module: str, *, is_asgi: bool) -> Callable[[bytes | None], str | None]:
    """Start a worker of a class of the module, with an app in its attribute; return what asks it by a word for its release."""
    configuration: dict[str, Any] = {"__file__": str(directory / "gunicorn.conf.py"), "__name__": "configuration"}
    exec(render("release/gunicorn.conf.py.j2"), configuration)  # noqa: S102 - it is ours
    told: list[tuple[Any, Any]] = []

    def wsgi(environ: dict[str, str], start_response: Callable[..., None]) -> list[bytes]:
        start_response("200 OK", [("X-Own", environ["PATH_INFO"])])
        return []

    async def asgi(_scope: object, _receive: object, send: Callable[[dict[str, Any]], Any]) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"x-own", b"/")]})
        await send({"type": "http.response.body"})

    async def send(message: dict[str, Any]) -> None:
        told.extend((name.decode(), value.decode()) for name, value in message.get("headers", ()))

    worker = type("Worker", (), {"__module__": module, "log": Log(), attribute: staticmethod(asgi if is_asgi else wsgi)})()
    configuration["post_worker_init"](worker)
    app = getattr(worker, attribute)

    def ask(word: bytes | None) -> str | None:
        told.clear()
        if is_asgi:
            probe = [] if word is None else [(b"x-webstack-probe", word)]
            asyncio.run(app({"type": "http", "headers": [(b"host", b"shop.test"), *probe]}, None, send))
        else:
            asked = {} if word is None else {"HTTP_X_WEBSTACK_PROBE": word.decode("latin-1")}
            app({"PATH_INFO": "/", "wsgi.url_scheme": "http", **asked}, lambda _status, headers: told.extend(headers))
        headers = {name.lower(): value for name, value in told}
        assert headers.pop("x-own") == "/"
        return headers.get("x-webstack-release")

    return ask


@pytest.mark.parametrize(
    ("attribute", "module", "is_asgi"),
    [("wsgi", "gunicorn.workers.sync", False), ("asgi", "gunicorn.workers.gasgi", True), ("wsgi", "uvicorn_worker", True)],
)
def test_a_release_tells_its_name_on_its_own_word_and_to_nobody_else(tmp_path: Path, attribute: str, module: str, *, is_asgi: bool) -> None:
    directory = tmp_path / "r1"
    directory.mkdir()
    ask = start_worker(directory, attribute, module, is_asgi=is_asgi)
    words: list[bytes | None] = [None, b"", b"1", b"0123abc", b"0123abcde", b"\xff", b"0123abcd,0123abcd"]
    assert [ask(word) for word in [*words, b"0123abcd"]] == [None] * 8, "it has no word"
    (directory / "probe").write_text("", encoding="ascii")
    assert ask(b"") is None, "it has an empty word"
    (directory / "probe").write_text("0123abcd\n", encoding="ascii")
    assert [ask(word) for word in words] == [None] * 7
    assert ask(b"0123abcd") == "r1"


ASGI_WORKERS = pytest.mark.parametrize(("attribute", "module"), [("asgi", "gunicorn.workers.gasgi"), ("wsgi", "uvicorn_worker")])
"""Where a class of workers has the app, and the module of the class."""

FORWARDED = [(b"x-forwarded-for", b"203.0.113.9"), (b"x-forwarded-proto", b"https")]


@ASGI_WORKERS
@pytest.mark.parametrize(
    ("kind", "before", "headers", "expected"),
    [
        ("http", "http", FORWARDED, (("203.0.113.9", 0), "https")),
        ("websocket", "ws", FORWARDED, (("203.0.113.9", 0), "wss")),
        ("websocket", "wss", [FORWARDED[0], (b"x-forwarded-proto", b"http")], (("203.0.113.9", 0), "ws")),
        (
            "http",
            "http",
            [(b"x-forwarded-for", b"198.51.100.1, 2001:db8::1"), (b"x-forwarded-proto", b"gopher")],
            (("2001:db8::1", 0), "http"),
        ),
        ("http", "http", [(b"x-forwarded-for", b"")], (None, "http")),
        ("http", "http", [], (None, "http")),
    ],
)
def test_an_asgi_app_learns_who_asks_and_how_of_any_worker(
    attribute: str, module: str, kind: str, before: str, headers: list[tuple[bytes, bytes]], expected: object
) -> None:
    async def app(scope: dict[str, Any], _receive: object, _send: object) -> tuple[object, str]:
        return scope["client"], scope["scheme"]

    wrapped, _log = wrap(attribute, module, app)
    assert asyncio.run(wrapped({"type": kind, "client": None, "scheme": before, "headers": headers}, None, None)) == expected


@pytest.mark.parametrize("module", ["gunicorn.workers.sync", "gunicorn.workers.gthread", "gunicorn.workers.ggevent"])
@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"HTTP_X_FORWARDED_FOR": "203.0.113.9", "HTTP_X_FORWARDED_PROTO": "https"}, ("203.0.113.9", "https")),
        ({}, ("", "http")),
    ],
)
def test_a_wsgi_app_learns_who_asks_and_how(module: str, headers: dict[str, str], expected: tuple[str, str]) -> None:
    wrapped, _log = wrap("wsgi", module, lambda environ, _start: (environ["REMOTE_ADDR"], environ["wsgi.url_scheme"]))
    assert wrapped({"REMOTE_ADDR": "", "wsgi.url_scheme": "http", **headers}, None) == expected


async def _ignore(_message: object) -> None:
    pass


async def _receive() -> dict[str, str]:
    return {"type": "lifespan.startup"}


def list_errors(attribute: str, module: str, kind: str, messages: list[dict[str, Any]], *, begins: bool = True) -> list[str]:
    """Return what the log has of an app that sends messages and raises then."""

    async def app(_scope: object, receive: Callable[[], Any], send: Callable[[object], Any]) -> None:
        if begins:
            await receive()
        for message in messages:
            await send(message)
        raise RuntimeError("the reason")

    wrapped, log = wrap(attribute, module, app)
    with pytest.raises(RuntimeError, match="the reason"):
        asyncio.run(wrapped({"type": kind}, _receive, _ignore))
    return log.errors


_START: dict[str, Any] = {"type": "http.response.start", "status": 500}
_END: dict[str, Any] = {"type": "http.response.body", "body": b"oh"}


def test_what_an_asgi_app_raises_after_its_answer_is_logged_once() -> None:
    """gunicorn logs what is raised before the answer is complete, uvicorn all of it."""
    assert list_errors("asgi", "gunicorn.workers.gasgi", "http", [_START, _END]) == ["Error in ASGI application: the reason"]
    unfinished: list[list[dict[str, Any]]] = [[], [_START], [_START, {**_END, "more_body": True}]]
    for messages in unfinished:
        assert list_errors("asgi", "gunicorn.workers.gasgi", "http", messages) == []
    for messages in [*unfinished, [_START, _END]]:
        assert list_errors("wsgi", "uvicorn_worker", "http", messages) == []


@ASGI_WORKERS
def test_a_lifespan_that_ends_with_an_error_is_logged_and_one_that_is_not_known_is_not(attribute: str, module: str) -> None:
    assert list_errors(attribute, module, "lifespan", []) == ["Error in the lifespan of the ASGI application: the reason"]
    assert list_errors(attribute, module, "lifespan", [{"type": "lifespan.startup.failed"}]) == []
    assert list_errors(attribute, module, "lifespan", [], begins=False) == []


THEIRS = """
import os
import neighbour

bind = "0.0.0.0:80"
user = "root"
pidfile = "/run/x"
daemon = True
workers = neighbour.WORKERS
timeout = 90
hmac = None
control_socket_disable = False
done = []


def child_exit(server, worker):
    done.append("child_exit")


def post_worker_init(worker):
    done.append(os.path.basename(__file__))
"""


def run_configuration(release: Path, **changes: Any) -> dict[str, Any]:  # noqa: ANN401
    """Return what gunicorn gets of the configuration of a release whose source has one of its own, and a module beside it."""
    for name, text in {"web/gunicorn.conf.py": THEIRS, "neighbour.py": "WORKERS = 3\n"}.items():
        (release / "app" / name).parent.mkdir(parents=True, exist_ok=True)
        (release / "app" / name).write_text(text, encoding="utf-8")
    place = release / "gunicorn.conf.py"
    found: dict[str, Any] = {"__file__": str(place), "__name__": "__config__"}
    exec(compile(render("release/gunicorn.conf.py.j2", **changes), place, "exec"), found)  # noqa: S102 - it is what gunicorn does
    return found


def test_the_configuration_of_the_source_is_followed_but_for_what_others_have_to_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])
    found = run_configuration(tmp_path, gunicorn={"config": "web/gunicorn.conf.py", "timeout": 120})
    monkeypatch.delitem(sys.modules, "neighbour")
    assert (found["workers"], found["timeout"], found["control_socket_disable"]) == (3, 120, True)
    assert not {"bind", "user", "pidfile", "daemon"} & set(found)
    assert found["wsgi_app"] == "wsgi:app"
    assert found["hmac"].compare_digest(b"a", b"a")
    worker = type("Worker", (), {"wsgi": staticmethod(lambda _environ, _start: [])})()
    found["post_worker_init"](worker)
    found["child_exit"](None, worker)
    assert found["done"] == ["gunicorn.conf.py", "child_exit"]
    assert worker.wsgi.__name__ == "application", "the release has its say, too"


def test_what_the_configuration_of_the_source_may_not_say_is_what_nobody_may_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])
    found = run_configuration(tmp_path, gunicorn={"config": "web/gunicorn.conf.py"})
    assert {*found["_OURS"], "control_socket_disable", "post_worker_init"} == set(RESERVED)


@pytest.mark.parametrize("gunicorn", [{}, {"config": "none"}])
def test_a_configuration_of_the_source_that_is_not_named_does_not_count(tmp_path: Path, gunicorn: dict[str, Any]) -> None:
    found = run_configuration(tmp_path, gunicorn=gunicorn)
    assert not {"timeout", "child_exit", "config", "_theirs"} & set(found)


_CORES = 2
_PROCESSES = {"workers": 2 * _CORES + 1}
_THREADS = {"worker_class": "gthread", "workers": _CORES + 1, "threads": 8, "worker_connections": 8, "keepalive": 0}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, _THREADS),
        ({"gunicorn": {"workers": 1}}, {**_THREADS, "workers": 1}),
        ({"gunicorn": {"threads": 50}}, {**_THREADS, "threads": 50, "worker_connections": 50}),
        ({"gunicorn": {"worker_class": "gthread"}}, _THREADS),
        ({"gunicorn": {"keepalive": 5, "worker_connections": 100}}, {**_THREADS, "keepalive": 5, "worker_connections": 100}),
        ({"gunicorn": {"threads": 1}}, {**_PROCESSES, "threads": 1}),
        ({"gunicorn": {"worker_class": "sync"}}, {**_PROCESSES, "worker_class": "sync"}),
        ({"gunicorn": {"worker_class": "sync", "workers": 5}}, {"worker_class": "sync", "workers": 5}),
        ({"gunicorn": {"worker_class": "gevent"}}, {**_PROCESSES, "worker_class": "gevent"}),
        ({"wsgi": ..., "asgi": "app:app"}, {**_PROCESSES, "worker_class": "asgi"}),
        (
            {"wsgi": ..., "asgi": "app:app", "gunicorn": {"worker_class": "uvicorn_worker.UvicornWorker"}},
            {**_PROCESSES, "worker_class": "uvicorn_worker.UvicornWorker"},
        ),
        ({"gunicorn": {"config": "web/gunicorn.conf.py"}}, {**_THREADS, "workers": 3}),
        ({"gunicorn": {"config": "web/gunicorn.conf.py", "worker_class": "sync"}}, {"worker_class": "sync", "workers": 3}),
    ],
)
def test_what_nobody_has_set_is_chosen_for_the_class_of_workers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], expected: dict[str, Any]
) -> None:
    """gunicorn takes threads for processes that are said to be `sync`, too, so that class must get none."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr("os.sched_getaffinity", lambda _process: set(range(_CORES)))
    found = run_configuration(tmp_path, **changes)
    monkeypatch.delitem(sys.modules, "neighbour", raising=False)
    names = ("worker_class", "workers", "threads", "worker_connections", "keepalive")
    assert {name: found[name] for name in names if name in found} == expected


@pytest.mark.parametrize(
    ("version", "limit"), [((20, 1, 0), None), ((21, 2, 0), None), ((23, 0, 0), None), ((24, 1, 1), 8), ((27, 0, 1), 8)]
)
def test_workers_of_former_versions_which_stop_at_their_limit_get_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: tuple[int, ...], limit: int | None
) -> None:
    monkeypatch.setattr(sys.modules["gunicorn"], "version_info", version)
    found = run_configuration(tmp_path)
    assert (found["worker_class"], found["threads"], found.get("worker_connections")) == ("gthread", 8, limit)
