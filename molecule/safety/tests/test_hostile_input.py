"""What could break out of the file that it is written to is refused on every host, before anything is changed on one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from scenario_tests import http_get, run_playbook, take_fingerprint

if TYPE_CHECKING:
    from testinfra.host import Host

testinfra_hosts = ["debian13"]

SITE, DEPLOY, REMOVE, ROLLBACK = (Path(f"playbooks/{name}.yml") for name in ("site", "deploy", "remove", "rollback"))
ALL = ["--limit", "served"]

HOSTILE: dict[str, dict[str, Any]] = {
    "name": {"name": "../../etc"},
    "server_names": {"server_names": ["x.test; } server { listen 81"]},
    "path": {"path": "/x { return 200"},
    "wsgi": {"wsgi": "app:app\nExecStartPre=/bin/false"},
    "source.git": {"source": {"git": "--upload-pack=touch /root/taken"}},
    "source.subdirectory": {"source": {"path": "x", "subdirectory": "../../../etc"}},
    "chdir": {"chdir": "a:b\nUser=root"},
    "python_path": {"python_path": ["/etc"]},
    "env_files": {"env_files": ["../../../shadow"]},
    "environment variable": {"env": {"A\nUser": "root"}},
    "its value": {"env": {"A": "\x00"}},
    "gunicorn.bind": {"gunicorn": {"bind": "0.0.0.0:80"}},
    "gunicorn.x": {"gunicorn": {"x = __import__('os').system('id')": 1}},
    "service.User": {"service": {"User": "root"}},
    "service.MemoryMax": {"service": {"MemoryMax": "1G\n[Service]\nUser=root"}},
    "static[0].url": {"static": [{"url": "/a/ { } location /", "paths": ["static"]}]},
    "static[0].paths[0]": {"static": [{"url": "/a/", "paths": ["../../env"]}]},
    "static[0].expires": {"static": [{"url": "/a/", "paths": ["a"], "expires": "1h; return 200"}]},
    "nginx.client_max_body_size": {"nginx": {"client_max_body_size": "1m; include /etc/passwd"}},
    "nginx.stream_paths[0]": {"nginx": {"stream_paths": ["/a; }"]}},
    "health.path": {"health": {"path": "/ HTTP/1.1\r\nHost: other"}},
    "shared.directories": {"shared": {"directories": ["../beta"]}},
    "dependencies.build_packages": {"dependencies": {"build_packages": ["-o=APT::Update::Pre-Invoke::=id"]}},
    "dependencies.packages[0]": {"dependencies": {"packages": ["--index-url=http://192.0.2.7/"]}},
    "dependencies.python": {"dependencies": {"python": "/bin/sh -c id"}},
}


def describe(number: int, changes: dict[str, Any]) -> dict[str, Any]:
    names = {"name": f"app{number}", "server_names": [f"app{number}.test"]}
    return {**names, "source": {"path": "tests/apps/faulty"}, "wsgi": "app:app", **changes}


def test_all_that_is_hostile_is_told_at_once_and_nothing_is_changed(host: Host) -> None:
    before = take_fingerprint(host)
    apps = [describe(number, changes) for number, changes in enumerate(HOSTILE.values())]
    outcome = run_playbook(host, SITE, {"flask_apps": apps})
    assert outcome.status != 0
    said = outcome.output.replace("\\n", "\n").splitlines()
    for number, key in enumerate(HOSTILE):
        assert any(f"flask_apps[{number}] " in line and key.removeprefix("its ") in line for line in said), key
    assert take_fingerprint(host) == before
    assert not host.file("/root/taken").exists


@pytest.mark.parametrize("playbook", [SITE, DEPLOY, ROLLBACK])
def test_a_mistake_for_one_host_stops_the_run_for_all(host: Host, playbook: Path) -> None:
    before = take_fingerprint(host)
    right = describe(0, {"name": "alpha", "server_names": ["alpha.test"], "env": {"VERSION": "other"}})
    wrong = json.dumps([{**right, "drain": -1}])
    only_there = f"{{{{ {wrong} if inventory_hostname == 'debian12' else {json.dumps([right])} }}}}"
    outcome = run_playbook(host, playbook, {"flask_apps": only_there}, options=ALL)
    assert outcome.status != 0
    assert "drain is -1" in outcome.output
    assert take_fingerprint(host) == before


@pytest.mark.parametrize("app", ["../alpha; id\nbeta", ""])
def test_only_a_name_is_removed(host: Host, app: str) -> None:
    before = take_fingerprint(host)
    outcome = run_playbook(host, REMOVE, {"app": app})
    assert outcome.status != 0
    assert "the app's name is" in outcome.output
    assert take_fingerprint(host) == before
    assert http_get(host, "alpha.test").status == 200
