"""Fixtures for the tests of this scenario."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml
from scenario_tests.environments import Workbench

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from testinfra.host import Host

FILES = Path(__file__).parents[1] / "files"
KEPT = """\
[project]
name = "kept"
version = "1.0"
requires-python = ">=3.9"

[build-system]
requires = ["setuptools>=64"]
build-backend = "setuptools.build_meta"

[tool.setuptools]
py-modules = ["kept"]
"""
COMMIT = "a6e2d9364320cb58ea28a80cf9a55e17b19d4cae"
"""The one commit of the repository, which locks name: it follows from its files, its author and its time."""


@pytest.fixture(scope="module")
def bench(host: Host) -> Workbench:
    """Return the host without what an earlier run of the tests has left."""
    apps = yaml.safe_load((Path(__file__).parents[1] / "apps.yml").read_text(encoding="utf-8"))["python_pipenv_apps"]
    bench = Workbench(host, {app["name"]: app for app in apps})
    bench.clear()
    return bench


@pytest.fixture(scope="module")
def git_server(host: Host) -> Iterator[Mapping[str, str]]:
    """Serve a package at https://127.0.0.1:8443/lib to those who have a token; return it, and the certificate of the server."""
    token, certificate = "t0ken-of-the-server", "/usr/local/share/git-server.crt"
    host.check_output("apt-get install --quiet --yes --no-install-recommends git openssl")
    host.check_output("git init --quiet --initial-branch main /srv/git/lib && printf %%s %s > /srv/git/lib/pyproject.toml", KEPT)
    author = "; ".join(
        f"export GIT_{who}_NAME=a GIT_{who}_EMAIL=a@b GIT_{who}_DATE=2026-01-01T00:00:00Z" for who in ("AUTHOR", "COMMITTER")
    )
    host.check_output(f"cd /srv/git/lib && touch kept.py && git add . && {author} && git commit --quiet --message one")
    assert host.check_output("git -C /srv/git/lib rev-parse HEAD") == COMMIT
    host.check_output(
        "umask 077 && openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=server -addext subjectAltName=IP:127.0.0.1 "
        "-keyout /root/server.key -out /root/server.crt && cat /root/server.* > /root/server.pem && install -m 644 /root/server.crt %s",
        certificate,
    )
    host.check_output("printf %%s %s > /srv/git_server.py", (FILES / "git_server.py").read_text(encoding="utf-8"))
    host.check_output("umask 077; printf ann:%%s %s > /root/token", token)
    host.check_output("systemd-run --unit=git-server --collect python3 /srv/git_server.py 8443 /srv/git /root/token /root/server.pem")
    yield {"token": token, "url": f"https://ann:{token}@127.0.0.1:8443/app.git", "certificate": certificate}
    host.check_output("systemctl stop git-server && rm -r /srv/git /root/server.* /root/token")
