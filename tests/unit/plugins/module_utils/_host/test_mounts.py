from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._host import mounts
from ansible_collections.webstack.flask.plugins.module_utils._host.mounts import find_mount_problems, find_unmounted
from ansible_collections.webstack.flask.plugins.module_utils._host.ownership import find_obstacles
from ansible_collections.webstack.flask.plugins.module_utils._layout import AppLayout

NAME = "unit-shop"


@pytest.fixture
def layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AppLayout:
    monkeypatch.setattr(mounts, "_TABLE", tmp_path / "none")
    return AppLayout(NAME, tmp_path / "www" / NAME)


@pytest.fixture(params=["/", "environments"])
def disk(layout: AppLayout, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """Return a disk in memory at the directory that holds those of all apps, or at one app's environments alone."""
    place = tmp_path if request.param == "/" else layout.environments
    place.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "none", place], check=True)
    yield place
    subprocess.run(["umount", place], check=True)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("noexec", "is mounted noexec, .* run `mount -o remount,exec "),
        ("ro", "is mounted read-only, .* run `mount -o remount,rw "),
        ("nr_inodes=500", "has room for 4[0-9]{2} more files"),
        ("nosuid,nodev", None),
    ],
)
def test_a_disk_in_which_nothing_can_be_built_or_run_is_refused_before(
    layout: AppLayout, disk: Path, options: str, words: str | None
) -> None:
    subprocess.run(["mount", "-o", f"remount,{options}", disk], check=True)
    found = list(find_mount_problems(layout))
    if words is None:
        assert found == []
    else:
        assert len(found) == 1
        assert found[0].startswith(f"{disk} ")
        assert re.search(words, found[0])


def test_a_disk_that_fstab_has_and_nobody_has_mounted_is_found(layout: AppLayout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = layout.root
    table = (
        f"# {root}/none\nUUID=1 / ext4 defaults 0 1\nUUID=2 {root}/shared ext4 nofail 0 2\nUUID=3 {root}/shared/a\\040b ext4 defaults\n"
        f"UUID=4 {tmp_path}/disk ext4 defaults 0 2\nUUID=5 {root}/builds none noauto,bind 0 0\nUUID=6 none swap sw 0 0\n"
    )
    assert find_unmounted(layout, table, ["/"]) == [f"{root}/shared", f"{root}/shared/a b"]
    assert find_unmounted(layout, table, ["/", f"{root}/shared", f"{root}/shared/a b"]) == []
    root.mkdir(parents=True)
    layout.shared.symlink_to(tmp_path / "disk" / "data")
    assert f"{tmp_path}/disk" in find_unmounted(layout, table, [])
    (tmp_path / "fstab").write_text(table, encoding="ascii")
    monkeypatch.setattr(mounts, "_TABLE", tmp_path / "fstab")
    assert any(f"Run `mount {root}/shared`" in obstacle for obstacle in find_obstacles(layout))
    (tmp_path / "fstab").write_text("none / ext4 defaults 0 1\nproc /proc proc defaults 0 0\n" + f"none {root} tmpfs defaults 0 0\n")
    subprocess.run(["mount", "-t", "tmpfs", "none", root], check=True)
    try:
        assert list(find_mount_problems(layout)) == []
    finally:
        subprocess.run(["umount", root], check=True)
    assert [problem.partition(" is to be mounted")[0] for problem in find_mount_problems(layout)] == [str(root)]
