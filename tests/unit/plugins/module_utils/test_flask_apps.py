from __future__ import annotations

import re
from typing import Any

import pytest
from ansible_collections.webstack.flask.plugins.module_utils.flask_app import list_static_mappings
from ansible_collections.webstack.flask.plugins.module_utils.flask_apps_checks import check_apps
from ansible_collections.webstack.flask.plugins.module_utils.flask_apps_inputs import (
    certificate_inputs,
    environment_inputs,
    hosts_inputs,
    release_inputs,
    removal_inputs,
    site_inputs,
    source_inputs,
    switch_inputs,
    without_app,
)
from ansible_collections.webstack.flask.plugins.module_utils.flask_apps_spec import SPEC
from ansible_collections.webstack.flask.plugins.module_utils.flask_apps_summary import summarise, summarise_removal
from ansible_collections.webstack.flask.plugins.module_utils.layout import Problem

_PLAIN_SOURCE: dict[str, Any] = {
    "git": None,
    "version": "HEAD",
    "path": None,
    "archive": None,
    "checksum": None,
    "subdirectory": "",
    "submodules": True,
    "ssh_key": None,
    "known_hosts": None,
    "ssh_agent": False,
}


def _app(**changes: object) -> dict[str, Any]:
    app = {"name": "shop", "source": {"path": "shop"}, "wsgi": "wsgi:app", "server_names": ["shop.test"], **changes}
    return {key: value for key, value in app.items() if value is not ...}


def _problems(*apps: object) -> list[str]:
    with pytest.raises(Problem) as caught:
        check_apps(list(apps))
    headline, *problems = str(caught.value).split("\n- ")
    assert headline == "flask_apps cannot be deployed as described; nothing was changed:"
    return problems


def _problem(**changes: object) -> str:
    (problem,) = _problems(_app(**changes))
    start = "flask_apps[0] (shop): "
    assert problem.startswith(start)
    return problem.removeprefix(start)


def test_of_an_app_that_is_to_be_absent_the_name_is_enough_and_the_rest_may_stay() -> None:
    gone = {"name": "blog", "state": "absent", "remove_data": True}
    for entry in (gone, {**_app(**gone), "server_names": ["shop.test"]}):
        apps = check_apps([_app(), entry])
        assert apps[1] == gone
        assert [site["name"] for site in source_inputs(apps)] == ["shop"]
        assert site_inputs(apps)[1] == {"name": "blog", "state": "absent"}
        assert removal_inputs(apps) == [{"name": "blog", "remove_data": True}]
        assert hosts_inputs(apps, "192.0.2.1") == [{"address": "192.0.2.1", "names": ["shop.test"]}]
    (problem,) = _problems({"name": "Blog", "state": "absent"})
    assert problem.startswith("flask_apps[0] (Blog): the app's name is 'Blog'; allowed are 1 to 25 lower-case letters")


def test_one_app_can_be_taken_out_of_the_list_whether_it_is_in_it_or_not() -> None:
    apps = check_apps([_app(), _app(name="blog", server_names=["blog.test"])])
    assert without_app(apps, "blog") == [apps[0], {"name": "blog", "state": "absent", "remove_data": False}]
    assert without_app([], "blog", remove_data=True) == [{"name": "blog", "state": "absent", "remove_data": True}]
    with pytest.raises(Problem, match=r"the app's name is '\.\./etc'"):
        without_app(apps, "../etc")


def test_what_was_removed_is_told() -> None:
    result = {
        "apps": {
            "shop": {"changed": True, "removed": ["/a", "/b"], "backup": "/var/backups/x.tar.gz"},
            "blog": {"changed": True, "removed": ["/c"]},
            "wiki": {"changed": False, "removed": []},
        }
    }
    assert summarise_removal(result) == [
        "shop: removed (2 parts); a copy of its data is /var/backups/x.tar.gz",
        "blog: removed (1 parts); its data, if it had any, are still in its directory `shared`",
        "wiki: is not on the host",
    ]
    assert summarise_removal({"skipped": True}) == []


def test_an_asgi_app_gets_the_workers_that_can_run_it() -> None:
    (app,) = check_apps([_app(wsgi=..., asgi="shop:app")])
    (release,) = release_inputs([app], {"shop": {}}, {"shop": {}})
    assert (release["wsgi"], release["gunicorn"]) == ("shop:app", {"worker_class": "asgi"})
    (other,) = check_apps([_app(wsgi=..., asgi="shop:app", gunicorn={"worker_class": "uvicorn_worker.UvicornWorker"})])
    assert release_inputs([other], {"shop": {}}, {"shop": {}})[0]["gunicorn"] == {"worker_class": "uvicorn_worker.UvicornWorker"}


def test_four_keys_are_enough_and_all_else_has_a_default() -> None:
    assert check_apps([_app()]) == [
        {
            "name": "shop",
            "state": "present",
            "remove_data": False,
            "source": _PLAIN_SOURCE | {"path": "shop"},
            "wsgi": "wsgi:app",
            "asgi": None,
            "server_names": ["shop.test"],
            "path": "/",
            "chdir": "",
            "python_path": [],
            "env": {},
            "env_files": [],
            "dependencies": {
                "file": None,
                "packages": [],
                "gunicorn_version": None,
                "python": None,
                "ignore_python_requirement": False,
                "ignore_lock_mismatch": False,
                "build_packages": [],
                "wheels": None,
                "index_url": None,
                "environment": {},
            },
            "gunicorn": {},
            "service": {},
            "health": {"path": "/", "statuses": [], "timeout": 5, "interval": 0.2, "deadline": 60},
            "static": None,
            "nginx": {
                "listen_port": 80,
                "client_max_body_size": None,
                "limit_requests": None,
                "limit_requests_burst": None,
                "limit_connections": None,
                "security_headers": None,
                "pass_dotfiles": None,
                "proxy_connect_timeout": None,
                "proxy_send_timeout": None,
                "proxy_read_timeout": None,
                "stream_paths": None,
                "extra": None,
            },
            "shared": {"directories": [], "files": []},
            "tls": None,
            "release_commands": [],
            "release_command_timeout": 300,
            "drain": 30,
            "watch": 1,
            "keep_releases": 3,
        }
    ]


def test_one_key_of_a_group_can_be_given_and_the_others_keep_their_defaults() -> None:
    (app,) = check_apps([_app(health={"path": "/up"}, source={"git": "https://example.com/a.git", "version": "v1"})])
    assert app["health"] == {"path": "/up", "statuses": [], "timeout": 5, "interval": 0.2, "deadline": 60}
    assert app["source"] == _PLAIN_SOURCE | {"git": "https://example.com/a.git", "version": "v1"}


def test_what_the_user_wrote_is_not_changed() -> None:
    app = _app(health={"path": "/up"})
    check_apps([app])
    assert app == _app(health={"path": "/up"})


@pytest.mark.parametrize(
    ("apps", "shown"),
    [
        ([], "an empty list"),
        ({}, "of type dict"),
        ({"shop": {"env": {"A": "secret"}}}, "of type dict"),
        ("secret", "of type str"),
        (5, "of type int"),
    ],
)
def test_what_is_no_list_of_apps_is_refused_and_not_shown(apps: object, shown: str) -> None:
    with pytest.raises(Problem) as caught:
        check_apps(apps)
    expected = f"flask_apps must be a list of at least one app, each a mapping that begins with `- name:`; it is {shown}"
    assert str(caught.value) == expected


@pytest.mark.parametrize(
    "changes",
    [
        {"env": ["A=secret"]},
        {"env": {"A": ["secret"]}},
        {"env": {"A": "secret\a"}},
        {"source": {"git": "https://user:secret@example.com /a.git"}},
        {"source": {"archive": "https://user:secret@example.com/a.zip"}},
        {"source": {"git": "git@example.com:a.git", "ssh_key": "secret"}},
        {"dependencies": {"index_url": "ftp://user:secret@example.com"}},
        {"dependencies": {"environment": {"A-": "secret"}}},
        {"tls": "-----BEGIN PRIVATE KEY-----\nsecret"},
        {"tls": {"mode": "self_signed", "key": "-----BEGIN PRIVATE KEY-----\nsecret"}},
    ],
)
def test_what_may_be_secret_is_in_no_message(changes: dict[str, Any]) -> None:
    assert "secret" not in "".join(_problems(_app(**changes)))


def test_an_entry_that_is_no_mapping_is_refused() -> None:
    assert _problems("shop") == ["flask_apps[0] must be a mapping of keys to values; it is of type str"]


_KEYS = (
    "asgi, chdir, dependencies, drain, env, env_files, gunicorn, health, keep_releases, name, nginx, path, python_path, "
    "release_command_timeout, release_commands, remove_data, "
    "server_names, service, shared, source, state, static, tls, watch, wsgi"
)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"wsgi": ...}, "wsgi is missing; give what gunicorn starts from, `wsgi: module:callable`, or `asgi` for an ASGI app"),
        ({"asgi": "app:app"}, "wsgi and asgi are both given; keep the one that the app is made for"),
        (
            {"wsgi": ..., "asgi": "app:app", "gunicorn": {"worker_class": "sync"}},
            "gunicorn.worker_class is 'sync', which cannot run an ASGI app; leave it out, or use `wsgi`",
        ),
        (
            {"shared": {"directories": ["data", "data/up"]}},
            "shared names 'data/up', which is the whole source, or within another place that is shared, or named twice",
        ),
        ({"shared": {"files": ["/srv/a.db"]}}, "shared.files is '/srv/a.db'; it must be a path within the source, without ':' and '..'"),
        ({"python_path": ["/srv"]}, "python_path is '/srv'; it must be a path within the source, without ':' and '..'"),
        ({"env_files": ["../.env"]}, "env_files is '../.env'; it must be a path within the source, without ':' and '..'"),
        ({"source": ...}, "missing required arguments: source"),
        ({"server_names": ...}, "missing required arguments: server_names"),
        ({"server_name": ["shop.test"]}, f"'server_name' is not a key; did you mean 'server_names'? Allowed are {_KEYS}"),
        ({"colour": "blue"}, f"'colour' is not a key. Allowed are {_KEYS}"),
        ({"source": {}}, "one of the following is required: git, path, archive found in source"),
        ({"source": {"path": "a", "git": "b"}}, "parameters are mutually exclusive: git|path|archive found in source"),
        (
            {"source": {"archive": "https://example.com/a.zip"}},
            "source.archive is a URL and needs `source.checksum`: what is behind a URL can change",
        ),
        (
            {"source": {"archive": "a.zip", "checksum": "md5:1"}},
            "source.checksum is 'md5:1'; it must be `sha256:` and 64 hexadecimal digits, as sha256sum prints them",
        ),
        (
            {"source": {"path": "a", "checksum": "md5:1"}},
            "source.checksum is given without `source.archive`; a commit of git is pinned by `source.version`",
        ),
        (
            {"source": {"git": "--upload-pack=x"}},
            "source.git is '--upload-pack=x'; it must be a URL, such as https://example.com/shop.git or git@example.com:shop.git",
        ),
        (
            {"source": {"git": "git@example.com:a.git", "ssh_key": "~/.ssh/id"}},
            "source.ssh_key is not a private key; give its text, beginning with -----BEGIN, and not the path of a file",
        ),
        (
            {"source": {"git": "https://example.com/a.git", "version": 1.10}},
            "source.version is 1.1, a number; put it in quotes, because YAML takes 1.10 for 1.1",
        ),
        ({"source": {"path": "a", "known_hosts": "x"}}, "source.known_hosts is for `source.git` alone"),
        (
            {"source": {"path": "a", "subdirectory": "../b"}},
            "source.subdirectory is '../b'; it must be a path within the source, without ':' and '..'",
        ),
        ({"server_names": []}, "server_names is empty; give at least one name under which the app is to be served"),
        ({"wsgi": "my-app:app"}, "wsgi is 'my-app:app'; it must be `module:callable`, such as `wsgi:app`"),
        ({"wsgi": "app:"}, "wsgi is 'app:'; it must be `module:callable`, such as `wsgi:app`"),
        ({"wsgi": ""}, "wsgi is ''; it must be `module:callable`, such as `wsgi:app`"),
        ({"env": {"DEBUG": True}}, "env.DEBUG is bool, and a variable holds text; put the value in quotes"),
        ({"env": {"HOSTS": ["a"]}}, "env.HOSTS is list, and a variable holds text; put the value in quotes"),
        ({"env": {"EMPTY": None}}, "env.EMPTY is NoneType, and a variable holds text; put the value in quotes"),
        ({"env": {"A-B": "x"}}, "the environment variable 'A-B': a name consists of letters, digits and '_', and begins with no digit"),
        (
            {"env": {"BELL": "\a"}},
            "the environment variable BELL: its value holds a control character; only tab and newline are allowed",
        ),
        ({"gunicorn": {"bind": "0.0.0.0:80"}}, "gunicorn.bind cannot be set: the socket is made by systemd"),
        ({"gunicorn": {"max-requests": 5}}, "gunicorn.max-requests is not the name of a gunicorn setting"),
        ({"service": {"User": "root"}}, "service.User cannot be set: each app has a user of its own"),
        ({"chdir": "/srv"}, "chdir is '/srv'; it must be a path within the source, without ':' and '..'"),
        ({"chdir": "src/../.."}, "chdir is 'src/../..'; it must be a path within the source, without ':' and '..'"),
        (
            {"health": {"path": "up"}},
            "health.path is 'up'; it must begin with '/' and be as a browser sends it, such as '/health'",
        ),
        (
            {"health": {"path": "/up now"}},
            "health.path is '/up now'; it must begin with '/' and be as a browser sends it, such as '/health'",
        ),
        ({"health": {"statuses": [200, 20]}}, "health.statuses has 20; a status code is a number from 100 to 599"),
        ({"health": {"timeout": 0}}, "health.timeout is 0; it must be more than 0 seconds"),
        ({"health": {"interval": -0.5}}, "health.interval is -0.5; it must be more than 0 seconds"),
        ({"health": {"deadline": 0}}, "health.deadline is 0; it must be more than 0 seconds"),
        ({"release_command_timeout": 0}, "release_command_timeout is 0; it must be more than 0 seconds"),
        ({"drain": -1}, "drain is -1; it must not be negative"),
        ({"watch": -1}, "watch is -1; it must not be negative"),
        ({"keep_releases": -1}, "keep_releases is -1; it must not be negative"),
        (
            {"dependencies": {"file": "setup.py"}},
            (
                "dependencies.file is 'setup.py'; its name must be Pipfile.lock, Pipfile, requirements.txt, pyproject.toml "
                "or end in .txt or .in, which makes it requirements for pip, or else be 'none'"
            ),
        ),
        (
            {"dependencies": {"python": 3.1}},
            (
                "dependencies.python is '3.1'; it must be a version in quotes, such as '3.12' (without them YAML makes 3.1 of 3.10), "
                "or the path of an interpreter, such as /usr/bin/python3"
            ),
        ),
        ({"static": [{"url": "/s/"}]}, "missing required arguments: paths found in static"),
    ],
)
def test_what_is_wrong_with_an_entry_is_told(changes: dict[str, Any], problem: str) -> None:
    assert _problem(**changes) == problem


@pytest.mark.parametrize(
    ("key", "inner", "allowed"),
    [
        ("source", "branch", "archive, checksum, git, known_hosts, path, ssh_agent, ssh_key, subdirectory, submodules, version"),
        (
            "dependencies",
            "colour",
            (
                "build_packages, environment, file, gunicorn_version, ignore_lock_mismatch, ignore_python_requirement, index_url, "
                "packages, python, wheels"
            ),
        ),
        ("health", "url", "deadline, interval, path, statuses, timeout"),
        (
            "nginx",
            "http3",
            ", ".join(sorted(SPEC["nginx"]["options"])),
        ),
    ],
)
def test_an_unknown_key_within_a_key_is_told_with_the_known_ones(key: str, inner: str, allowed: str) -> None:
    (problem,) = _problems(_app(**{key: {inner: "x"}}))
    assert problem == f"flask_apps[0] (shop).{key}: {inner!r} is not a key. Allowed are {allowed}"


def test_an_unknown_key_in_a_list_of_mappings_is_told() -> None:
    (problem,) = _problems(_app(static=[{"url": "/s/", "paths": ["s"], "path": "s"}]))
    assert problem == "flask_apps[0] (shop).static: 'path' is not a key; did you mean 'paths'? Allowed are expires, paths, url"


@pytest.mark.parametrize("name", ["Shop", "a" * 26, "shop/../x", ""])
def test_a_bad_name_is_told(name: str) -> None:
    (problem,) = _problems(_app(name=name))
    assert problem == (
        f"flask_apps[0] ({name}): the app's name is {name!r}; "
        "allowed are 1 to 25 lower-case letters, digits, '-' and '_', beginning with a letter"
    )


def test_an_entry_without_a_name_is_told_by_its_number() -> None:
    assert _problems(_app(), _app(name=...)) == ["flask_apps[1]: missing required arguments: name"]


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        (
            {"server_names": ["shop.test", "shop test"]},
            (
                "flask_apps[0] (shop): server_names[1] is 'shop test'; "
                "allowed is a host name such as www.example.org, *.example.org or www.example.*"
            ),
        ),
        (
            {"path": "shop"},
            "flask_apps[0] (shop): path is 'shop'; allowed is `/`, or a path such as /shop, of letters, digits and /_~@+.- without `..`",
        ),
        ({"nginx": {"listen_port": 0}}, "flask_apps[0] (shop): nginx.listen_port is 0; allowed is a number from 1 to 65535"),
        ({"nginx": {"proxy_read_timeout": 0}}, "flask_apps[0] (shop): nginx.proxy_read_timeout is 0; allowed is seconds, from 1 to 86400"),
        (
            {"nginx": {"stream_paths": ["events"]}},
            (
                "flask_apps[0] (shop): nginx.stream_paths[0] is 'events'; "
                "allowed is an address that begins with `/`, of letters, digits and /_~@+.- without `..`"
            ),
        ),
        (
            {"static": [{"url": "/s/", "paths": ["../../etc"]}]},
            (
                "flask_apps[0] (shop): static[0].paths[0] is '../../etc'; "
                "allowed is a directory below `root` but not `root` itself, of letters, digits and /_@+.- without `..`"
            ),
        ),
    ],
)
def test_what_nginx_would_not_take_is_told_before_anything_is_changed(changes: dict[str, Any], problem: str) -> None:
    assert _problems(_app(**changes)) == [problem]


def test_everything_that_is_wrong_is_told_at_once() -> None:
    assert _problems(_app(wsgi="", chdir="/"), 5, _app(name="blog", drain=-1)) == [
        "flask_apps[0] (shop): wsgi is ''; it must be `module:callable`, such as `wsgi:app`",
        "flask_apps[0] (shop): chdir is '/'; it must be a path within the source, without ':' and '..'",
        "flask_apps[1] must be a mapping of keys to values; it is of type int",
        "flask_apps[2] (blog): drain is -1; it must not be negative",
        "the server name 'shop.test' on port 80 is claimed by shop and blog; only one app can have it",
    ]


def test_a_key_that_cannot_be_read_hides_no_problem_of_the_others() -> None:
    wrong = {
        "wsgi": ...,
        "source": ...,
        "keep": 3,
        "env": 5,
        "health": {"pth": "/"},
        "drain": -1,
        "path": "shop",
        "chdir": "/",
        "tls": "acne",
    }
    keys = {re.split(r"[ :]", problem.removeprefix("flask_apps[0] (shop)").lstrip(":. "))[0] for problem in _problems(_app(**wrong))}
    assert keys == {"wsgi", "missing", "'keep'", "argument", "health", "drain", "path", "value"}


def test_two_apps_of_one_name_are_refused() -> None:
    assert _problems(_app(), _app(server_names=["other.test"])) == ["flask_apps names 'shop' 2 times; give each app its own name"]


def test_a_server_name_belongs_to_one_app() -> None:
    assert _problems(_app(), _app(name="blog", server_names=["blog.test", "shop.test"])) == [
        "the server name 'shop.test' on port 80 is claimed by shop and blog; only one app can have it"
    ]


def test_a_server_name_belongs_to_one_app_also_when_it_is_written_otherwise() -> None:
    (problem,) = _problems(_app(), _app(name="blog", server_names=["Shop.Test"]))
    assert "the server name 'shop.test' on port 80 is claimed by shop and blog" in problem


def test_a_server_name_that_one_app_has_twice_is_its_own_all_the_same() -> None:
    assert len(check_apps([_app(server_names=["shop.test", "shop.test"])])) == 1


def test_apps_share_a_server_name_on_different_ports() -> None:
    assert len(check_apps([_app(), _app(name="blog", nginx={"listen_port": 8080})])) == 2


@pytest.mark.parametrize("wsgi", ["app", "app:app", "shop.web:create_app()", "shop:make('a', debug=False)", "größe:app"])
def test_what_gunicorn_starts_from_can_be_a_module_an_object_or_a_factory(wsgi: str) -> None:
    assert check_apps([_app(wsgi=wsgi)])[0]["wsgi"] == wsgi


@pytest.mark.parametrize(
    ("wsgi", "chdir", "paths"),
    [
        ("wsgi:app", "", ["static", "wsgi/static"]),
        ("shop.web.main:app", "", ["static", "shop/static"]),
        ("shop:app", "src", ["src/static", "src/shop/static"]),
        ("shop:app", "./src//deep/", ["src/deep/static", "src/deep/shop/static"]),
        (".shop:app", "", ["static"]),
        ("größe:app", "", ["static"]),
    ],
)
def test_flask_s_own_static_directory_is_served_by_default(wsgi: str, chdir: str, paths: list[str]) -> None:
    (app,) = check_apps([_app(wsgi=wsgi, chdir=chdir)])
    assert list_static_mappings(app) == [{"url": "/static/", "paths": paths}]


def test_a_default_is_nothing_that_nginx_would_not_take() -> None:
    assert list_static_mappings(check_apps([_app(chdir="my app")])[0]) == []


def test_static_mappings_replace_the_default_and_an_empty_list_turns_it_off() -> None:
    mapping = {"url": "/assets/", "paths": ["dist"], "expires": "1h"}
    assert list_static_mappings(check_apps([_app(static=[mapping])])[0]) == [mapping]
    assert list_static_mappings(check_apps([_app(static=[])])[0]) == []


_FULL = _app(
    source={"git": "https://example.com/shop.git", "version": "v1"},
    server_names=["*.shop.test", "shop.test", "www.shop.test"],
    chdir="src",
    env={"DEBUG": "0", "PORT": 5, "RATIO": 0.5},
    env_files=[".env"],
    python_path=["lib"],
    dependencies={
        "file": "services/web/requirements.txt",
        "packages": ["redis"],
        "gunicorn_version": "25.0.0",
        "python": "3.12",
        "ignore_python_requirement": True,
        "ignore_lock_mismatch": True,
        "build_packages": ["libpq-dev"],
        "wheels": "/srv/wheels",
        "index_url": "https://pypi.example.com/simple",
        "environment": {"PIP_RETRIES": 1},
    },
    gunicorn={"workers": 4},
    service={"MemoryMax": "1G"},
    health={"path": "/up", "statuses": [200], "timeout": 1},
    static=[{"url": "/assets/", "paths": ["dist", "public"]}],
    nginx={"listen_port": 8080, "client_max_body_size": "1m"},
    shared={"directories": ["instance", "./up/loads/"]},
    release_commands=["flask db upgrade"],
    release_command_timeout=60,
    drain=10,
    watch=2,
    keep_releases=5,
)
_BLOG = _app(name="blog", server_names=["blog.test"])
_BUILDS = {"shop": {"id": "b1", "version": "v1"}, "blog": {"id": "b2", "version": "local"}}
_ENVIRONMENTS = {"shop": {"id": "e1"}, "blog": {"id": "e2"}}


def test_the_source_of_each_app_with_the_directories_that_the_web_server_reads() -> None:
    defaults = {"subdirectory": "", "submodules": True, "ssh_agent": False}
    assert source_inputs(check_apps([_FULL, _BLOG])) == [
        {
            "name": "shop",
            "public": ["dist", "public"],
            "shared": ["instance", "up/loads"],
            "dependency_file": "services/web/requirements.txt",
            "git": "https://example.com/shop.git",
            "version": "v1",
            **defaults,
        },
        {"name": "blog", "public": ["static", "wsgi/static"], "shared": [], "path": "shop", "version": "HEAD", **defaults},
    ]


def test_the_environment_of_each_app() -> None:
    shop, blog = environment_inputs(check_apps([_FULL, _BLOG]), _BUILDS)
    assert shop == {
        "name": "shop",
        "build": "b1",
        "additions": ["python-dotenv==1.2.4"],
        "file": "services/web/requirements.txt",
        "packages": ["redis"],
        "gunicorn_version": "25.0.0",
        "python": "3.12",
        "ignore_python_requirement": True,
        "ignore_lock_mismatch": True,
        "build_packages": ["libpq-dev"],
        "wheels": "/srv/wheels",
        "index_url": "https://pypi.example.com/simple",
        "environment": {"PIP_RETRIES": 1},
    }
    assert blog == {
        "name": "blog",
        "build": "b2",
        "additions": [],
        "packages": [],
        "ignore_python_requirement": False,
        "ignore_lock_mismatch": False,
        "build_packages": [],
        "environment": {},
    }


def test_what_is_known_of_a_build_that_is_not_there_yet_is_handed_on() -> None:
    builds: dict[str, dict[str, Any]] = {"shop": {"id": "b1", "outline": {"kind": "Pipfile"}}, "blog": {"id": "b2", "outline": None}}
    shop, blog = environment_inputs(check_apps([_FULL, _BLOG]), builds)
    assert shop["outline"] == {"kind": "Pipfile"}
    assert "outline" not in blog


def test_the_worker_class_of_an_app_brings_what_it_needs() -> None:
    apps = check_apps([_app(gunicorn={"worker_class": "tornado"})])
    assert environment_inputs(apps, _BUILDS)[0]["additions"] == ["tornado==6.6.1"]


def test_the_release_of_each_app() -> None:
    assert release_inputs(check_apps([_FULL]), _BUILDS, _ENVIRONMENTS) == [
        {
            "name": "shop",
            "build": "b1",
            "version": "v1",
            "environment": "e1",
            "wsgi": "wsgi:app",
            "chdir": "src",
            "env": {"DEBUG": "0", "PORT": "5", "RATIO": "0.5"},
            "env_files": [".env"],
            "python_path": ["lib"],
            "gunicorn": {"workers": 4},
            "service": {"MemoryMax": "1G"},
            "commands": ["flask db upgrade"],
            "command_timeout": 60,
            "health": {"path": "/up", "statuses": [200], "timeout": 1, "interval": 0.2, "deadline": 60},
            "front": {"host": "shop.test", "port": 8080, "tls": False},
            "drain": 10,
            "watch": 2,
            "shared": {"directories": ["instance", "up/loads"], "files": []},
            "keep": 5,
        }
    ]


def test_what_a_check_run_on_a_bare_host_cannot_know_is_empty() -> None:
    apps = check_apps([_app()])
    unknown: dict[str, dict[str, Any]] = {"shop": {"id": None, "changed": True}}
    assert environment_inputs(apps, unknown)[0]["build"] == ""
    release = release_inputs(apps, unknown, {"shop": {}})[0]
    assert (release["build"], release["environment"], release["version"]) == ("", "", "")


def test_the_site_of_each_app() -> None:
    assert site_inputs(check_apps([_FULL, _BLOG])) == [
        {
            "name": "shop",
            "server_names": ["*.shop.test", "shop.test", "www.shop.test"],
            "upstream": "unix:/var/www/shop/current/gunicorn.sock",
            "path": "/",
            "root": "/var/www/shop",
            "static": [
                {
                    "url": "/assets/",
                    "paths": ["current/app/dist", "current/app/public", "previous/app/dist", "previous/app/public"],
                },
            ],
            "listen_port": 8080,
            "client_max_body_size": "1m",
        },
        {
            "name": "blog",
            "server_names": ["blog.test"],
            "upstream": "unix:/var/www/blog/current/gunicorn.sock",
            "path": "/",
            "root": "/var/www/blog",
            "static": [
                {
                    "url": "/static/",
                    "paths": ["current/app/static", "current/app/wsgi/static", "previous/app/static", "previous/app/wsgi/static"],
                },
            ],
            "listen_port": 80,
        },
    ]


def test_an_app_below_a_path_learns_it_and_is_asked_below_it() -> None:
    apps = check_apps([_app(path="/shop/", health={"path": "/up"})])
    (release,), (site,) = release_inputs(apps, _BUILDS, _ENVIRONMENTS), site_inputs(apps)
    assert (release["env"], release["gunicorn"], release["health"]["path"]) == ({"SCRIPT_NAME": "/shop"}, {}, "/shop/up")
    assert switch_inputs(apps)[0]["health"]["path"] == "/shop/up"
    assert (site["path"], site["static"][0]["url"]) == ("/shop/", "/static/")
    assert summarise(apps, {"releases": {"shop": {"current": "r1"}}})[0].startswith("shop: http://shop.test/shop/ serves")


def test_an_asgi_app_below_a_path_learns_it_by_a_setting() -> None:
    (release,) = release_inputs(check_apps([_app(path="/shop", gunicorn={"worker_class": "asgi"})]), _BUILDS, _ENVIRONMENTS)
    assert (release["env"], release["gunicorn"]) == ({}, {"root_path": "/shop", "worker_class": "asgi"})


def test_an_encrypted_app_is_asked_and_shown_so() -> None:
    tls = {"certificate": "/etc/ssl/c.pem", "key": "/etc/ssl/k.pem", "port": 8443}
    apps = check_apps([_app(tls=tls)])
    assert switch_inputs(apps)[0]["front"] == {"host": "shop.test", "port": 8443, "tls": True}
    assert certificate_inputs(apps) == [{"name": "shop", "names": ["shop.test"], "certificate": "/etc/ssl/c.pem", "key": "/etc/ssl/k.pem"}]
    assert site_inputs(apps)[0]["tls"] == {**tls, "redirect": True, "hsts": 0, "hsts_subdomains": False, "http3": False}
    assert summarise(apps, {"releases": {"shop": {"current": "r1"}}})[0].startswith("shop: https://shop.test:8443/ serves")
    (problem,) = _problems(_app(tls=tls), _app(name="blog", nginx={"listen_port": 8443}))
    assert problem.startswith("the server name 'shop.test' on port 8443 is claimed by shop and blog")
    (problem,) = _problems(_app(tls={**tls, "key": "k.pem"}))
    assert problem.startswith("flask_apps[0] (shop): tls.key is 'k.pem'; allowed is an absolute path")


PEM = {"certificate": "-----BEGIN CERTIFICATE-----", "key": "-----BEGIN PRIVATE KEY-----"}


@pytest.mark.parametrize(("tls", "given"), [("self_signed", {}), ({"mode": "self_signed"}, {}), (PEM, PEM)])
def test_a_certificate_that_the_machine_keeps_is_handed_from_one_role_to_the_other(tls: object, given: dict[str, str]) -> None:
    apps = check_apps([_app(tls=tls, server_names=["shop.test", "*.shop.test", "www.shop.*"]), _app(name="gone", state="absent")])
    assert certificate_inputs(apps) == [
        {"name": "shop", "names": ["shop.test", "*.shop.test"], **given},
        {"name": "gone", "state": "absent"},
    ]
    site = site_inputs(apps)[0]["tls"]
    assert site["certificate"] == site["key"] == "/etc/webstack-flask/certificates/shop.pem"
    assert "mode" not in site


ACME_NAMES = ["shop.test", "www.shop.test", "www.shop.*"]


def test_an_app_that_waits_for_its_certificate_is_served_without_encryption() -> None:
    apps = check_apps([_app(tls="acme", server_names=ACME_NAMES)])
    assert certificate_inputs(apps) == [{"name": "shop", "names": ["shop.test", "www.shop.test"], "acme": "http"}]
    assert "tls" not in site_inputs(apps)[0]
    assert "tls" not in site_inputs(apps, {"shop": {"covered": []}})[0]
    outcome = {"covered": [], "problems": ["shop.test: it does not resolve"]}
    assert summarise(apps, {"releases": {"shop": {"current": "r1"}}}, {"shop": outcome}) == [
        "shop: http://shop.test/ serves release r1 (nothing changed). Logs: journalctl -u 'shop@*', /var/log/nginx/shop.*.log",
        "ATTENTION, shop: shop.test: it does not resolve",
        f"ATTENTION, shop: {', '.join(ACME_NAMES)} served WITHOUT ENCRYPTION for want of a certificate; the next run asks again",
    ]


def test_names_that_are_certified_are_served_encrypted_and_the_others_are_not() -> None:
    apps = check_apps([_app(tls={"mode": "acme", "challenge": "dns", "port": 8443}, server_names=ACME_NAMES)])
    (site,) = site_inputs(apps, {"shop": {"covered": ["shop.test"]}})
    assert site["tls"]["server_names"] == ["shop.test"]
    assert site["tls"]["certificate"] == site["tls"]["key"] == "/etc/webstack-flask/certificates/shop.pem"
    assert {"mode", "challenge"}.isdisjoint(site["tls"])
    (site,) = site_inputs(apps, {"shop": {"covered": ACME_NAMES}})
    assert site["tls"]["server_names"] == []
    lines = summarise(apps, {"releases": {"shop": {"current": "r1"}}}, {"shop": {"covered": ACME_NAMES, "problems": []}})
    assert [line.partition(" serves")[0] for line in lines] == ["shop: https://shop.test:8443/"]


def test_the_host_decides_whether_an_app_with_an_authority_is_asked_encrypted() -> None:
    apps = check_apps([_app(tls={"mode": "acme", "challenge": "dns"}, server_names=["*.shop.test", "a.test"], nginx={"listen_port": 8080})])
    assert switch_inputs(apps)[0]["front"] == {
        "host": "a.test",
        "port": 8080,
        "certified": {
            "certificate": "/etc/webstack-flask/certificates/shop.pem",
            "encrypted_port": 443,
            "names": ["a.test", "www.shop.test"],
        },
    }


@pytest.mark.parametrize("tls", ["off", False, {"mode": "off", "certificate": "/a"}])
def test_encryption_can_be_off(tls: object) -> None:
    apps = check_apps([_app(tls=tls)])
    assert certificate_inputs(apps) == []
    assert certificate_inputs(apps, has_certbot=True) == [{"name": "shop", "state": "absent"}]
    assert "tls" not in site_inputs(apps)[0]
    assert switch_inputs(apps)[0]["front"] == {"host": "shop.test", "port": 80, "tls": False}


@pytest.mark.parametrize(
    ("tls", "problem"),
    [
        ({"mode": "provided"}, "tls needs both `certificate` and `key`, or one of the modes acme, self_signed and off"),
        ({"certificate": "/a"}, "tls needs both `certificate` and `key`, or one of the modes acme, self_signed and off"),
        ({**PEM, "certificate": "/a"}, "tls.certificate and tls.key must be of one kind: paths on the machine, or the texts themselves"),
        (
            {**PEM, "mode": "self_signed"},
            "tls.certificate is given, but with tls.mode self_signed it would not be used; take one of the two out",
        ),
        ({**PEM, "mode": "acme"}, "tls.certificate is given, but with tls.mode acme it would not be used; take one of the two out"),
        ("letsencrypt", "value of mode must be one of: provided, acme, self_signed, off, got: letsencrypt found in tls"),
    ],
)
def test_what_is_wrong_with_a_certificate_is_told(tls: object, problem: str) -> None:
    assert _problem(tls=tls) == problem


def test_what_the_user_says_of_the_path_counts() -> None:
    apps = check_apps([_app(path="/shop", env={"SCRIPT_NAME": ""})])
    assert release_inputs(apps, _BUILDS, _ENVIRONMENTS)[0]["env"] == {"SCRIPT_NAME": ""}


def test_the_switch_of_all_apps_or_of_one() -> None:
    apps = check_apps([_FULL, _BLOG])
    assert [app["name"] for app in switch_inputs(apps)] == ["shop", "blog"]
    assert switch_inputs(apps, "blog") == [
        {
            "name": "blog",
            "health": {"path": "/", "statuses": [], "timeout": 5, "interval": 0.2, "deadline": 60},
            "front": {"host": "blog.test", "port": 80, "tls": False},
            "drain": 30,
            "watch": 1,
        }
    ]
    with pytest.raises(Problem) as caught:
        switch_inputs(apps, "blgo")
    assert str(caught.value) == "flask_apps names no app 'blgo'; it names shop, blog"


def test_hosts_files_get_the_names_that_they_can_hold() -> None:
    apps = check_apps([_FULL, _app(name="wild", server_names=["*.wild.test"])])
    assert hosts_inputs(apps, "192.0.2.1") == [{"address": "192.0.2.1", "names": ["shop.test", "www.shop.test"]}]


def test_an_app_with_wildcards_alone_is_proven_by_a_name_that_they_cover() -> None:
    apps = check_apps([_app(server_names=["*.shop.test"])])
    assert switch_inputs(apps)[0]["front"]["host"] == "www.shop.test"


def test_the_summary_says_what_is_served_where_and_what_was_done() -> None:
    apps = check_apps([_FULL, _BLOG])
    notes = ["switched from r0 to r1", "stopped release r0"]
    assert summarise(apps, {"releases": {"shop": {"current": "r1", "notes": notes}, "blog": {"current": "r9"}}}) == [
        (
            "shop: http://shop.test:8080/ serves release r1 (switched from r0 to r1; stopped release r0). "
            "Logs: journalctl -u 'shop@*', /var/log/nginx/shop.*.log"
        ),
        "blog: http://blog.test/ serves release r9 (nothing changed). Logs: journalctl -u 'blog@*', /var/log/nginx/blog.*.log",
    ]


def test_the_summary_leaves_out_the_apps_that_the_run_did_not_take_care_of() -> None:
    assert summarise(check_apps([_FULL, _BLOG]), {"releases": {"blog": {"current": "r9"}}})[0].startswith("blog: ")
    assert summarise(check_apps([_FULL]), {}) == []
