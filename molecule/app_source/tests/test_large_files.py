"""Files in Git LFS, from a server of their own."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import testinfra
from scenario_tests import run_role

if TYPE_CHECKING:
    from scenario_tests import Play
    from testinfra.host import Host

testinfra_hosts = ["built"]

_SERVER = Path(__file__).parents[1] / "files/large_files.py"
_PACKAGES = ["git", "git-lfs", "ca-certificates", "openssh-client"]


def _run(host: Host, *, packages: list[str] | None = None, **options: object) -> Play:
    host.check_output("rm -rf /var/www/other /var/cache/webstack-flask/other")
    app = {"name": "other", "git": "http://remote:8931/shop.git", **options}
    return run_role(host, "app_source", {"app_source_apps": [app], **({"app_source_packages": packages} if packages else {})})


def _fail(play: Play) -> str:
    """Return what a run says that has to fail."""
    assert play.status != 0
    return " ".join(play.output.split())


def _logo(host: Host) -> str:
    return str(host.check_output("head -c 8 /var/www/other/builds/*/static/logo.png | tr -d '\\211'"))


@pytest.fixture
def remote() -> Host:
    """Return the server, which answers."""
    remote = testinfra.get_host("ansible://remote", ansible_inventory=os.environ["MOLECULE_INVENTORY_FILE"], sudo=True)
    remote.check_output("printf '%%s' %s > /srv/large_files.py", _SERVER.read_text(encoding="utf-8"))
    remote.check_output("systemd-run --unit=large-files python3 /srv/large_files.py")
    remote.check_output("timeout 30 sh -c 'until [ -e /srv/large/shop.git/info/refs ]; do sleep 0.2; done'")
    return remote


@pytest.mark.usefixtures("_on_debian12")
def test_the_content_of_a_file_in_git_lfs_is_fetched_or_the_commit_is_refused(host: Host, remote: Host) -> None:
    refused = _fail(_run(host))
    assert (
        "has only pointers of Git LFS in the place of static/logo.png: git-lfs, which fetches their content, is not on the host" in refused
    )
    _run(host, lfs=False).succeeded()
    assert _logo(host) == "version "
    _run(host, packages=_PACKAGES).succeeded()
    assert _logo(host) == "PNGPNG"
    remote.check_output("rm /srv/large/content")
    gone = _fail(_run(host, packages=_PACKAGES))
    assert "git-lfs could not fetch their content:" in gone
    assert "the object is gone" in gone
    assert host.check_output("ls -A /var/www/other/builds") == ""
