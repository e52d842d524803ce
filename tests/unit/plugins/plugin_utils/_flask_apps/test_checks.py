from __future__ import annotations

import re
from typing import Any

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.plugin_utils._flask_apps.checks import check_apps, check_serial
from ansible_collections.webstack.flask.plugins.plugin_utils._flask_apps.spec import SPEC
from unit.flask_entries import PEM, describe, find_problem, find_problems

_OF_NGINX = "digits and /_@+.- without `..`"

_PLAIN_SOURCE: dict[str, Any] = {
    "git": None,
    "version": "HEAD",
    "path": None,
    "archive": None,
    "checksum": None,
    "subdirectory": "",
    "submodules": True,
    "lfs": None,
    "ssh_key": None,
    "known_hosts": None,
    "ssh_agent": False,
}


def test_four_keys_are_enough_and_all_else_has_a_default() -> None:
    assert check_apps([describe()]) == [
        {
            "name": "shop",
            "state": "present",
            "remove_data": False,
            "source": _PLAIN_SOURCE | {"path": "shop"},
            "wsgi": "wsgi:app",
            "asgi": None,
            "server_names": ["shop.test"],
            "internal": False,
            "uses": [],
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
                "git_access": False,
                "ssh_key": None,
                "known_hosts": None,
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
                "trusted_proxies": None,
                "trusted_header": None,
                "security_headers": None,
                "pass_dotfiles": None,
                "proxy_connect_timeout": None,
                "proxy_send_timeout": None,
                "proxy_read_timeout": None,
                "stream_paths": None,
                "extra": None,
            },
            "maintenance": {"page": None, "allow": [], "paths": [], "retry_after": 300},
            "shared": {"directories": [], "files": []},
            "tls": None,
            "build_commands": [],
            "build_env": {},
            "processes": {},
            "schedules": {},
            "database": None,
            "redis": None,
            "setup_commands": [],
            "backup": None,
            "notify": [],
            "release_commands": [],
            "release_command_timeout": 300,
            "group": "",
            "drain": 30,
            "watch": 1,
            "keep_releases": 3,
        }
    ]


def test_one_key_of_a_group_can_be_given_and_the_others_keep_their_defaults() -> None:
    (app,) = check_apps([describe(health={"path": "/up"}, source={"git": "https://example.com/a.git", "version": "v1"})])
    assert app["health"] == {"path": "/up", "statuses": [], "timeout": 5, "interval": 0.2, "deadline": 60}
    assert app["source"] == _PLAIN_SOURCE | {"git": "https://example.com/a.git", "version": "v1"}


def test_what_the_user_wrote_is_not_changed() -> None:
    app = describe(health={"path": "/up"})
    check_apps([app])
    assert app == describe(health={"path": "/up"})


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
    with pytest.raises(UserError) as caught:
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
        {"dependencies": {"ssh_key": "secret"}},
        {"dependencies": {"index_url": "ftp://user:secret@example.com"}},
        {"dependencies": {"environment": {"A-": "secret"}}},
        {"tls": "-----BEGIN PRIVATE KEY-----\nsecret"},
        {"tls": {"mode": "self_signed", "key": "-----BEGIN PRIVATE KEY-----\nsecret"}},
    ],
)
def test_what_may_be_secret_is_in_no_message(changes: dict[str, Any]) -> None:
    assert "secret" not in "".join(find_problems(describe(**changes)))


def test_an_entry_that_is_no_mapping_is_refused() -> None:
    assert find_problems("shop") == ["flask_apps[0] must be a mapping of keys to values; it is of type str"]


_KEYS = (
    "asgi, backup, build_commands, build_env, chdir, database, dependencies, drain, env, env_files, group, gunicorn, health, internal, "
    "keep_releases, maintenance, name, nginx, notify, path, processes, python_path, redis, "
    "release_command_timeout, release_commands, remove_data, "
    "schedules, server_names, service, setup_commands, shared, source, state, static, tls, uses, watch, wsgi"
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
        (
            {"shared": {"directories": ["data"]}, "static": [{"url": "/m/", "paths": ["data/m", "img"]}]},
            (
                "static[0].paths has 'data/m', which is in `shared`, and 'img', which is not: nginx sends what an app has written with "
                "more care than its source. Give each a mapping and an address of its own, such as `{url: /media/, paths: [data/m]}`"
            ),
        ),
        (
            {"shared": {"files": ["icon.png"]}, "static": [{"url": "/m/", "paths": ["icon.png"]}]},
            (
                "static[0].paths names 'icon.png', which is in `shared.files`; nginx sends what is in directories: share the one in "
                "which it lies"
            ),
        ),
        ({"shared": {"files": ["/srv/a.db"]}}, "shared.files is '/srv/a.db'; it must be a path within the source, without ':' and '..'"),
        ({"python_path": ["/srv"]}, "python_path is '/srv'; it must be a path within the source, without ':' and '..'"),
        ({"env_files": ["../.env"]}, "env_files is '../.env'; it must be a path within the source, without ':' and '..'"),
        ({"source": ...}, "missing required arguments: source"),
        (
            {"server_names": ...},
            "server_names is empty; give at least one name under which the app is to be served, as in `server_names: [shop.example.com]`",
        ),
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
            {"dependencies": {"ssh_key": "~/.ssh/id"}},
            "dependencies.ssh_key is not a private key; give its text, beginning with -----BEGIN, and not the path of a file",
        ),
        (
            {"dependencies": {"git_access": True}},
            (
                "dependencies.git_access is true, and there is no `source.git` that is read with a key or a password; give the "
                "installation a key of its own: `dependencies: {ssh_key: ..., known_hosts: ...}`"
            ),
        ),
        (
            {"source": {"git": "git@example.com:a.git", "ssh_agent": True}, "dependencies": {"git_access": True}},
            (
                "dependencies.git_access is true, and the source is read with an agent, which an installation cannot reach: what "
                "packages run would have all its keys; give the installation a key that can only read: "
                "`dependencies: {ssh_key: ..., known_hosts: ...}`"
            ),
        ),
        (
            {"source": {"git": "https://example.com/a.git"}, "dependencies": {"git_access": True}},
            (
                "dependencies.git_access is true, and the source is read with nothing that could be lent: there is no "
                "`source.ssh_key`, and no user and password in `source.git`; give one of them, or "
                "`dependencies: {ssh_key: ..., known_hosts: ...}`"
            ),
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
        (
            {"server_names": []},
            "server_names is empty; give at least one name under which the app is to be served, as in `server_names: [shop.example.com]`",
        ),
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
        ({"build_env": {"A": True}, "build_commands": ["x"]}, "build_env.A is bool, and a variable holds text; put the value in quotes"),
        (
            {"build_env": {"A": "x"}},
            "build_env is given without `build_commands`, which alone get these variables; the app's own are in `env`",
        ),
        ({"build_commands": [" "]}, "build_commands[0] is ' ', which is no command"),
        (
            {"group": "the store"},
            (
                "group is 'the store'; allowed are 1 to 25 lower-case letters, digits, '-' and '_', beginning with a letter. Give all "
                "entries that are to switch together the same"
            ),
        ),
        (
            {"group": "../shop"},
            (
                "group is '../shop'; allowed are 1 to 25 lower-case letters, digits, '-' and '_', beginning with a letter. Give all "
                "entries that are to switch together the same"
            ),
        ),
        ({"keep_releases": -1}, "keep_releases is -1; it must not be negative"),
        ({"gunicorn": {"config": 5}}, "gunicorn.config is 5; it must be a file of the source, such as gunicorn.conf.py, or 'none'"),
        (
            {"gunicorn": {"config": "/etc/gunicorn.py"}},
            "gunicorn.config is '/etc/gunicorn.py'; it must be a path within the source, without ':' and '..'",
        ),
        (
            {"dependencies": {"file": "setup.py"}},
            (
                "dependencies.file is 'setup.py'; its name must be Pipfile.lock, uv.lock, poetry.lock, pdm.lock, pylock.toml, Pipfile, "
                "requirements.txt, pyproject.toml "
                "or end in .txt or .in, which makes it requirements for pip (without an extension where it is called requirements, "
                "or lies in a directory of that name), or else be 'none'"
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
    assert find_problem(**changes) == problem


@pytest.mark.parametrize(
    ("key", "inner", "allowed"),
    [
        ("source", "branch", "archive, checksum, git, known_hosts, lfs, path, ssh_agent, ssh_key, subdirectory, submodules, version"),
        (
            "dependencies",
            "colour",
            (
                "build_packages, environment, file, git_access, gunicorn_version, ignore_lock_mismatch, ignore_python_requirement, "
                "index_url, known_hosts, packages, python, ssh_key, wheels"
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
    (problem,) = find_problems(describe(**{key: {inner: "x"}}))
    assert problem == f"flask_apps[0] (shop).{key}: {inner!r} is not a key. Allowed are {allowed}"


def test_an_unknown_key_in_a_list_of_mappings_is_told() -> None:
    (problem,) = find_problems(describe(static=[{"url": "/s/", "paths": ["s"], "path": "s"}]))
    assert problem == "flask_apps[0] (shop).static: 'path' is not a key; did you mean 'paths'? Allowed are expires, paths, url"


@pytest.mark.parametrize("name", ["Shop", "a" * 26, "shop/../x", ""])
def test_a_bad_name_is_told(name: str) -> None:
    (problem,) = find_problems(describe(name=name))
    assert problem == (
        f"flask_apps[0] ({name}): the app's name is {name!r}; "
        "allowed are 1 to 25 lower-case letters, digits, '-' and '_', beginning with a letter"
    )


def test_an_entry_without_a_name_is_told_by_its_number() -> None:
    assert find_problems(describe(), describe(name=...)) == ["flask_apps[1]: missing required arguments: name"]


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
    assert find_problems(describe(**changes)) == [problem]


AT_ONE_PATH = ", at the path '/' each; give them paths of their own, such as `path: /blog`, or the name to one"


def test_everything_that_is_wrong_is_told_at_once() -> None:
    assert find_problems(describe(wsgi="", chdir="/"), 5, describe(name="blog", drain=-1)) == [
        "flask_apps[0] (shop): wsgi is ''; it must be `module:callable`, such as `wsgi:app`",
        "flask_apps[0] (shop): chdir is '/'; it must be a path within the source, without ':' and '..'",
        "flask_apps[1] must be a mapping of keys to values; it is of type int",
        "flask_apps[2] (blog): drain is -1; it must not be negative",
        f"the server name 'shop.test' on port 80 is claimed by shop and blog{AT_ONE_PATH}",
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
    keys = {
        re.split(r"[ :]", problem.removeprefix("flask_apps[0] (shop)").lstrip(":. "))[0] for problem in find_problems(describe(**wrong))
    }
    assert keys == {"wsgi", "missing", "'keep'", "argument", "health", "drain", "path", "value"}


def test_two_apps_of_one_name_are_refused() -> None:
    assert find_problems(describe(), describe(server_names=["other.test"])) == [
        "flask_apps names 'shop' 2 times; give each app its own name"
    ]


def test_a_path_of_a_server_name_belongs_to_one_app() -> None:
    assert find_problems(describe(), describe(name="blog", server_names=["blog.test", "shop.test"])) == [
        f"the server name 'shop.test' on port 80 is claimed by shop and blog{AT_ONE_PATH}"
    ]


BALANCED = {"trusted_proxies": ["10.0.0.0/8"], "trusted_header": "proxy_protocol"}


def test_apps_on_one_port_are_spoken_to_in_one_way() -> None:
    shop, blog = describe(nginx=BALANCED), {"name": "blog", "server_names": ["blog.test"]}
    (problem,) = find_problems(shop, describe(**blog), describe(name="news", server_names=["news.test"]))
    assert problem == (
        "on port 80 nginx.trusted_header is proxy_protocol for shop and not for blog and news, but nginx takes all that comes to a port in "
        "one way; give all of them `nginx.trusted_header: proxy_protocol`, or those without another port: `nginx.listen_port`, and "
        "`tls.port` with `tls`"
    )
    for nginx in (BALANCED, {"listen_port": 81}):
        check_apps([shop, describe(**blog, nginx=nginx)])
    check_apps([shop, {"name": "blog", "state": "absent"}])


def test_the_proxy_protocol_is_refused_by_key_where_nobody_is_believed_or_udp_is_wanted() -> None:
    (problem,) = find_problems(describe(nginx={"trusted_header": "proxy_protocol"}))
    assert problem.startswith("flask_apps[0] (shop): nginx.trusted_header is 'proxy_protocol', and `trusted_proxies` names nobody")
    (problem,) = find_problems(describe(nginx=BALANCED, tls={"mode": "self_signed", "http3": True}))
    assert problem.startswith("flask_apps[0] (shop): tls.http3 is True, and `trusted_header` is proxy_protocol")


def test_a_server_name_belongs_to_one_app_also_when_it_is_written_otherwise() -> None:
    (problem,) = find_problems(describe(), describe(name="blog", server_names=["Shop.Test"]))
    assert "the server name 'shop.test' on port 80 is claimed by shop and blog" in problem


def test_a_server_name_that_one_app_has_twice_is_its_own_all_the_same() -> None:
    assert len(check_apps([describe(server_names=["shop.test", "shop.test"])])) == 1


def test_apps_share_a_server_name_on_different_ports() -> None:
    assert len(check_apps([describe(), describe(name="blog", nginx={"listen_port": 8080})])) == 2


@pytest.mark.parametrize("wsgi", ["app", "app:app", "shop.web:create_app()", "shop:make('a', debug=False)", "größe:app"])
def test_what_gunicorn_starts_from_can_be_a_module_an_object_or_a_factory(wsgi: str) -> None:
    assert check_apps([describe(wsgi=wsgi)])[0]["wsgi"] == wsgi


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
    assert find_problem(tls=tls) == problem


@pytest.mark.parametrize("serial", [1, "1", "12", "25%", "100%", [1, "5", "50%"]])
def test_hosts_are_taken_by_count_or_share(serial: object) -> None:
    assert check_serial(serial) is serial


@pytest.mark.parametrize("serial", [0, -1, "0", "-3", "0%", "101%", "all", "", "1.5", 1.5, True, None, {}, [], [1, "x%"], [[1]]])
def test_what_ansible_would_misunderstand_is_refused(serial: object) -> None:
    with pytest.raises(UserError, match=r"flask_serial is .* allowed is how many hosts to take at a time"):
        check_serial(serial)
