"""The locks of today's tools, in one run of the role."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from scenario_tests.environments import UNCOMPILED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scenario_tests import Play
    from scenario_tests.environments import Workbench
    from testinfra.host import Host

testinfra_hosts = ["debian12"]

LOCKS = Path(__file__).parents[1] / "files/locks"


def read(tool: str) -> dict[str, str]:
    """Return the files of a project with its lock."""
    return {str(path.relative_to(LOCKS / tool)): path.read_text(encoding="utf-8") for path in (LOCKS / tool).rglob("*") if path.is_file()}


UV, POETRY, PDM, PDM_GIT, PIPENV = map(read, ("uv", "poetry", "pdm", "pdmgit", "pipenv"))
PRIVATE = ("uv", "poetry", "pdmgit", "pipenv")
"""Locks with a dependency in a repository that asks for a token."""
WHEEL, SDIST = (
    "2c2349112351b88699d8d4b6b075022c0808887cb7ad10069318a8b0bc88db44",
    "5dbbc68b317e5e42f327f9021763545dc3fc3bfe22e6deb96aaf1fc38874156a",
)
PYLOCK = f"""\
lock-version = "1.0"
created-by = "hand"

[[packages]]
name = "itsdangerous"
version = "2.1.2"
index = "https://pypi.org/simple"
wheels = [{{url = "{re.findall(r'https://[^"]+itsdangerous[^"]+whl', UV["uv.lock"])[0]}", hashes = {{sha256 = "{WHEEL}"}}}}]
"""

GOOD: dict[str, tuple[dict[str, str], dict[str, Any]]] = {
    "uv": (UV, {}),
    "poetry": (POETRY, {}),
    "pdm": (PDM, {}),
    "pdmgit": (PDM_GIT, {}),
    "pipenv": (PIPENV, {}),
    "pylock": ({"pyproject.toml": PDM["pyproject.toml"], "pylock.toml": PYLOCK}, {}),
}


def add(files: dict[str, str], package: str) -> dict[str, str]:
    """Return a project to which a dependency was added after its lock."""
    text = files["pyproject.toml"].replace("itsdangerous<2.2", f'{package}", "itsdangerous<2.2')
    text = text.replace('itsdangerous = "<2.2"', f'itsdangerous = "<2.2"\n{package} = "*"')
    return {**files, "pyproject.toml": text}


BAD: dict[str, tuple[dict[str, str], str]] = {
    "staleuv": (add(UV, "six"), "the uv.lock does not fit its pyproject.toml, says uv. Run `uv lock` where you develop, and commit both"),
    "stalepylock": ({"pyproject.toml": PDM["pyproject.toml"], "pylock.toml": 'lock-version = "1.0"\n'}, "it lacks itsdangerous. Run `uv"),
    "forgeduv": ({**UV, "uv.lock": UV["uv.lock"].replace(WHEEL, "0" * 64).replace(SDIST, "1" * 64)}, "DO NOT MATCH THE HASHES"),
    "forgedpylock": ({"pylock.toml": PYLOCK.replace(WHEEL, "0" * 64)}, "Hash mismatch"),
}


@pytest.fixture(scope="module")
def run(bench: Workbench, git_server: Mapping[str, str]) -> Play:
    lent = {"git_credentials": {"url": git_server["url"]}, "environment": {"GIT_SSL_CAINFO": git_server["certificate"]}}
    apps: list[dict[str, Any]] = []
    for app, (files, wishes) in {**GOOD, **{app: (files, {}) for app, (files, _words) in BAD.items()}}.items():
        bench.put_build(app, "one", files)
        apps.append({"name": app, "build": "one", **lent, **wishes})
    return bench.run(*apps, environment=UNCOMPILED)


@pytest.mark.parametrize("app", GOOD)
def test_a_lock_is_installed_as_it_is_without_what_is_for_development(run: Play, bench: Workbench, app: str) -> None:
    assert run.status != 0
    found = bench.installed(app)
    assert (found["itsdangerous"], found.get("blinker")) == ("2.1.2", None)


def test_a_member_of_the_workspace_is_not_taken_from_the_index(run: Play, bench: Workbench) -> None:
    assert run.status != 0
    assert bench.python("uv", "import shop, iniconfig; print(iniconfig.__file__)").startswith("/var/www/uv/builds/one/packages/")


@pytest.mark.parametrize("app", PRIVATE)
def test_a_commit_of_a_private_repository_is_read_with_the_token_that_the_installation_is_lent(
    run: Play, bench: Workbench, app: str
) -> None:
    assert run.status != 0
    bench.python(app, "import kept")


def test_the_token_stays_nowhere(run: Play, host: Host, git_server: Mapping[str, str]) -> None:
    for secret in (git_server["token"], host.check_output("base64 --wrap=0 /root/token")):
        assert secret not in run.output
        assert host.run("journalctl --no-pager | grep -F %s | grep -v sudo", secret).stdout == ""
        assert host.run("grep -rlF %s /var/www /var/cache/webstack-flask /var/log/webstack-flask /tmp /var/tmp", secret).stdout == ""


@pytest.mark.parametrize("app", BAD)
def test_a_lock_that_does_not_fit_is_refused(run: Play, bench: Workbench, app: str) -> None:
    assert BAD[app][1] in run.output
    assert bench.environments(app) == []
