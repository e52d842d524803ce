"""A disk that fills up, at whatever moment, costs users nothing, and the next run needs no clean-up but room."""

from __future__ import annotations

import re
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from scenario_tests import run_playbook, run_role, wait_on_host
from scenario_tests.faulty import DEPLOY, describe, new_version, running, words_of
from scenario_tests.load import show, watch
from scenario_tests.releases import AppState, read_app

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scenario_tests import Play
    from testinfra.host import Host

testinfra_hosts = ["debian12"]

NAME, SITE = "full", "full.test"
ROOT = f"/var/www/{NAME}"


def describe_app(host: Host, version: str, fault: str = "", **changes: object) -> dict[str, Any]:
    """Return `flask_apps` with an app that has a disk of its own."""
    described = describe(host, version, fault, name=NAME, server_names=[SITE])
    described["flask_apps"][0] |= changes
    return described


def deploy(host: Host, version: str, fault: str = "", **changes: object) -> Play:
    """Run deploy.yml for it."""
    return run_playbook(host, Path(DEPLOY), describe_app(host, version, fault, **changes))


def leave(host: Host, room: int) -> None:
    """Leave so many MiB of the disk free."""
    free = f"$(df --output=avail -B1M {ROOT} | tail -1)"
    host.check_output(f"rm -f {ROOT}/ballast; test {free} -lt {room} || head -c $(({free} - {room}))M /dev/zero > {ROOT}/ballast")


def fill(host: Host) -> None:
    """Leave nothing free."""
    assert "No space left" in host.run(f"cat /dev/zero > {ROOT}/ballast").stderr


@pytest.fixture
def before(host: Host) -> AppState:
    """Return the state of the app before the test; the first test makes its disk."""
    if not host.mount_point(ROOT).exists:
        host.check_output(f"mkdir -p {ROOT} && mount -t tmpfs -o size=256M tmpfs {ROOT}")
        site = {"name": NAME, "server_names": [SITE], "upstream": f"unix:{ROOT}/current/gunicorn.sock"}
        run_role(host, "nginx_site", {"nginx_site_install": False, "nginx_site_sites": [site]}).succeeded()
        deploy(host, new_version()).succeeded()
    host.check_output(f"rm -f {ROOT}/ballast")
    return read_app(host, NAME)


@contextmanager
def nothing_changes(host: Host, before: AppState) -> Iterator[None]:
    """See that users notice nothing of what happens within the block, and that nothing is left of it."""
    with watch(host, SITE) as seen:
        yield
    assert seen.failures == [], show(seen.failures)
    assert len(seen.versions) == 1
    assert read_app(host, NAME) == before
    assert before.find_untidiness() == []


def test_without_room_for_a_build_nothing_is_written(host: Host, before: AppState, tmp_path: Path) -> None:
    source = copy_source(tmp_path, size=1)
    leave(host, 30)
    with nothing_changes(host, before):
        play = deploy(host, "never", source={"path": str(source)})
    assert play.status != 0
    assert re.search(r"builds has \d+ MiB of free space, and a build may need 32 MiB; nothing was written", words_of(play))


def test_without_room_for_an_environment_nothing_is_written(host: Host, before: AppState) -> None:
    leave(host, 100)
    with nothing_changes(host, before):
        play = deploy(host, "never", dependencies={"packages": ["itsdangerous"]})
    assert play.status != 0
    assert re.search(r"environments has \d+ MiB of free space, and an environment may need 128 MiB; nothing was written", words_of(play))


def test_a_disk_that_fills_up_during_a_build_leaves_nothing_of_it(host: Host, before: AppState, tmp_path: Path) -> None:
    source = copy_source(tmp_path, size=60)
    leave(host, 50)
    with nothing_changes(host, before):
        play = deploy(host, "never", source={"path": str(source)})
    assert play.status != 0
    assert "No space left on device" in words_of(play)
    assert "Traceback" not in play.output


def test_a_disk_that_fills_up_during_an_installation_leaves_nothing_of_it(host: Host, before: AppState) -> None:
    wanted = describe_app(host, "never", dependencies={"packages": ["itsdangerous"]})
    with nothing_changes(host, before), running(host, wanted) as run:
        wait_on_host(host, f"pgrep -u _build-{NAME} -f 'pip install'")
        fill(host)
        play = run.wait()
    assert play.status != 0
    assert re.search(r"cannot be copied to \S+: its files have \d+ MiB, and there are 0 MiB of free space", words_of(play))


def test_a_disk_that_is_full_at_the_switch_leaves_users_where_they_are(host: Host, before: AppState) -> None:
    fill(host)
    with nothing_changes(host, before):
        play = deploy(host, "never")
    assert play.status != 0
    assert "No space left on device" in words_of(play)
    assert "Traceback" not in play.output


def test_a_disk_that_is_full_right_after_the_switch_costs_nothing_and_the_next_run_finishes(host: Host, before: AppState) -> None:
    filling, finished = new_version(), new_version()
    with watch(host, SITE) as seen:
        play = deploy(host, filling, "fills the disk", watch=5)
    assert play.status != 0
    assert "No space left on device" in words_of(play)
    assert seen.failures == [], show(seen.failures)
    assert seen.versions[-1] == filling

    host.check_output(f"rm {ROOT}/shared/filling")
    assert "finished the switch" in words_of(deploy(host, finished).succeeded())
    state = read_app(host, NAME)
    assert state.find_untidiness() == []
    assert before.current in state.verified


def copy_source(directory: Path, size: int) -> Path:
    """Return a copy of the app's source with a file of so many MiB beside."""
    source = directory / "source"
    shutil.copytree(Path(__file__).parents[3] / "tests/apps/faulty", source)
    (source / "blob").write_bytes(bytes(size << 20))
    return source
