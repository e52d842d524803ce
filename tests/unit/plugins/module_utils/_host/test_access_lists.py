"""Who may read what of an app's data: tried by processes of the accounts, for whom the kernel decides."""

from __future__ import annotations

import os
import stat
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._host import access_lists
from ansible_collections.webstack.flask.plugins.module_utils._host.access_lists import ensure_readable
from ansible_collections.webstack.flask.plugins.module_utils._host.files import ACCESS_LIST, Access, ensure_directory, has_acl
from ansible_collections.webstack.flask.plugins.module_utils._host.trees import Moved

APP, NGINX, OTHER = 61001, 61002, 61003

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="to be other accounts takes root")


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Path]:
    """Return the data of an app as they are on a host, with directories and files as its umask makes them."""
    for folder in (tmp_path, *tmp_path.parents[:-2]):
        folder.chmod(folder.stat().st_mode | 0o011)
    shared = tmp_path / "shared"
    ensure_directory(shared, Access(APP, APP, 0o750))
    as_app(
        shared, "mkdir -p media/2024 instance/media; echo x > media/2024/old; echo x > instance/app.db; echo x > secret; echo x > media/a"
    )
    yield shared
    if shared.is_dir():
        shared.chmod(0o755)


def as_app(shared: Path, script: str, umask: int = 0o077) -> None:
    subprocess.run(["sh", "-ec", script], cwd=shared, user=APP, group=APP, extra_groups=[], umask=umask, check=True)


def ensure(shared: Path, *public: str, check: bool = False) -> bool:
    return ensure_readable(shared, public, owner=APP, reader=NGINX, check=check)


def list_readable(shared: Path, account: int) -> list[str]:
    """Return the files that an account can read, by asking for each as this account."""
    files = sorted(str(path.relative_to(shared)) for path in shared.rglob("*") if path.is_file())
    return [
        file
        for file in files
        if not subprocess.run(
            ["cat", shared / file], user=account, group=account, extra_groups=[], capture_output=True, check=False
        ).returncode
    ]


def test_nginx_reads_what_is_public_and_nothing_else_and_others_gain_nothing(data: Path) -> None:
    assert list_readable(data, NGINX) == []
    assert ensure(data, "media", check=True)
    assert list_readable(data, NGINX) == []
    assert ensure(data, "media")
    assert list_readable(data, NGINX) == ["media/2024/old", "media/a"]
    assert list_readable(data, OTHER) == []
    assert list_readable(data, APP) == ["instance/app.db", "media/2024/old", "media/a", "secret"]
    assert stat.S_IMODE(data.stat().st_mode) == 0o750


def test_what_the_app_makes_later_is_public_whatever_its_umask(data: Path) -> None:
    ensure(data, "media")
    as_app(data, "mkdir -p media/2025/01; echo x > media/2025/01/new; echo x > media/b; echo x > instance/private")
    assert list_readable(data, NGINX) == ["media/2024/old", "media/2025/01/new", "media/a", "media/b"]
    assert list_readable(data, OTHER) == []


@pytest.mark.parametrize("public", [["media"], ["instance/media"], ["media", "instance/media"], ["media", "media/2024"]])
def test_a_second_time_there_is_nothing_to_do(data: Path, public: list[str]) -> None:
    assert ensure(data, *public)
    as_app(data, "mkdir -p media/2025; echo x > media/2025/new; echo x > new")
    assert not ensure(data, *public, check=True)
    assert not ensure(data, *public)
    assert not ensure_directory(data, Access(APP, APP, 0o750), may_have_list=True)


def test_a_directory_on_the_way_shows_nothing_of_itself(data: Path) -> None:
    as_app(data, "echo x > instance/media/photo; mkdir instance/other; echo x > instance/other/y", umask=0o022)
    ensure(data, "instance/media")
    assert list_readable(data, NGINX) == ["instance/media/photo"]
    assert subprocess.run(["ls", data / "instance"], user=NGINX, group=NGINX, extra_groups=[], check=False, capture_output=True).returncode


def test_data_that_only_the_closed_directory_above_kept_from_others_stay_so(data: Path) -> None:
    as_app(data, "chmod 0755 instance; chmod 0644 instance/app.db secret; echo x > world", umask=0o022)
    assert ensure(data, "media")
    assert list_readable(data, NGINX) == ["media/2024/old", "media/a"]
    as_app(data, "echo x > later", umask=0o022)
    assert ensure(data, "media")
    assert list_readable(data, NGINX) == ["media/2024/old", "media/a"]


@pytest.mark.parametrize(
    "harm",
    [
        "setfacl_none",
        "chmod 0700 media",
        "rm -r media; mkdir media; echo x > media/a",
    ],
)
def test_a_list_that_is_missing_is_seen_and_comes_back(data: Path, harm: str) -> None:
    ensure(data, "media")
    if harm == "setfacl_none":
        for kind in ("access", "default"):
            os.removexattr(data / "media", f"system.posix_acl_{kind}")
    else:
        as_app(data, harm)
    assert "media/a" not in list_readable(data, NGINX) or harm == "setfacl_none"
    assert ensure(data, "media", check=True)
    assert ensure(data, "media")
    assert "media/a" in list_readable(data, NGINX)
    assert not ensure(data, "media")


def test_a_list_that_is_missing_on_the_way_is_seen_and_comes_back(data: Path) -> None:
    ensure(data, "media")
    os.removexattr(data, "system.posix_acl_access")
    assert ensure(data, "media", check=True)
    assert ensure(data, "media")
    assert "media/a" in list_readable(data, NGINX)


@pytest.mark.parametrize("left", [[], ["instance/media"]])
def test_what_is_no_longer_public_is_closed_again_with_the_modes_that_it_had(data: Path, left: list[str]) -> None:
    before = {path: (path.stat().st_mode, path.stat().st_uid) for path in data.rglob("*")}
    ensure(data, "media")
    as_app(data, "echo x > media/later; mkdir media/more")
    assert ensure(data, *left, check=True)
    assert ensure(data, *left)
    assert list_readable(data, NGINX) == []
    assert not [path for path in (data / "media").rglob("*") if has_acl(path)]
    assert not has_acl(data / "media")
    unchanged = {path: mode for path, mode in before.items() if "instance" not in str(path)}
    assert {path: (path.stat().st_mode, path.stat().st_uid) for path in unchanged} == unchanged
    assert has_acl(data) == bool(left)
    assert not ensure(data, *left)


def test_the_app_can_keep_a_file_in_a_public_directory_to_itself(data: Path) -> None:
    ensure(data, "media")
    as_app(data, "echo x > media/draft; chmod 0600 media/draft")
    assert list_readable(data, NGINX) == ["media/2024/old", "media/a"]
    assert not ensure(data, "media")
    ensure(data)
    assert stat.S_IMODE((data / "media" / "draft").stat().st_mode) == 0o600


def test_what_the_app_keeps_to_itself_stays_so_when_all_is_gone_through_again(data: Path) -> None:
    ensure(data, "media")
    as_app(data, "echo x > media/draft; chmod 0600 media/draft; mkdir media/drafts; echo x > media/drafts/a; chmod 0700 media/drafts")
    as_app(data, "echo x > instance/moved; mv instance/moved media/moved; chmod 0700 media")
    assert ensure(data, "media")
    assert list_readable(data, NGINX) == ["media/2024/old", "media/a", "media/moved"]


def test_links_are_not_followed_and_what_is_not_the_app_s_is_left_alone(data: Path, tmp_path: Path) -> None:
    (tmp_path / "victim").mkdir()
    (tmp_path / "victim" / "file").write_text("x", encoding="utf-8")
    foreign = [data / "media" / "root", data / "media" / "roots", data / "roots"]
    foreign[0].write_text("x", encoding="utf-8")
    for directory in foreign[1:]:
        directory.mkdir(mode=0o755)
    as_app(data, f"ln -s {tmp_path}/victim media/link; ln -s {tmp_path}/victim link; mkfifo media/pipe")
    modes = {path: path.stat().st_mode for path in (tmp_path / "victim", tmp_path / "victim" / "file", *foreign)}
    for public in (["media"], []):
        assert ensure(data, *public)
        for path, mode in modes.items():
            assert not has_acl(path)
            assert path.stat().st_mode == mode


@pytest.mark.parametrize("place", ["media", "instance"])
def test_a_link_in_the_place_of_a_public_directory_or_on_the_way_to_it_is_refused(data: Path, tmp_path: Path, place: str) -> None:
    as_app(data, f"rm -r {place}; ln -s {tmp_path} {place}")
    with pytest.raises(UserError, match=rf"shared/{place} has to be a directory for nginx to send .*`mount --bind DIRECTORY .*/{place}`"):
        ensure(data, "media", "instance/media")
    assert not has_acl(tmp_path)


def test_a_directory_of_somebody_else_is_refused(data: Path) -> None:
    os.chown(data / "media", 0, 0)
    with pytest.raises(UserError, match=f"media does not belong to the app, whose files nginx is to send from there: `chown {APP} "):
        ensure(data, "media")


@pytest.mark.parametrize("check", [False, True])
def test_a_file_system_without_access_lists_is_refused_before_anything_is_open(
    data: Path,
    monkeypatch: pytest.MonkeyPatch,
    check: bool,  # noqa: FBT001
) -> None:
    with monkeypatch.context() as changed:
        changed.setattr(os, "getxattr", _refuse)
        with pytest.raises(
            UserError, match=r"media is to be readable for nginx, .*`mount -o remount,acl`; .* take the directory out of `static`"
        ):
            ensure(data, "media", check=check)
        assert not ensure(data), "where nothing is public, none are needed"
    assert list_readable(data, NGINX) == []


@contextmanager
def be_a_root_that_a_file_server_does_not_trust() -> Iterator[None]:
    os.seteuid(OTHER)
    try:
        yield
    finally:
        os.seteuid(0)


def test_data_on_a_machine_that_trusts_no_other_root_are_no_error_until_some_are_public(data: Path) -> None:
    with be_a_root_that_a_file_server_does_not_trust():
        assert not ensure(data)
        with pytest.raises(UserError, match=r"what nginx may read of .*shared cannot be changed \(Permission denied\): .* out of `static`"):
            ensure(data, "media")


def test_what_cannot_be_closed_is_told(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ensure(data, "media")
    with monkeypatch.context() as changed:
        changed.setattr(os, "setxattr", _refuse_to_write)
        with pytest.raises(UserError, match=r"what nginx may read of .*shared cannot be changed \(Read-only file system\)"):
            ensure(data)
    assert ensure(data)


def _refuse_to_write(*_arguments: object) -> None:
    raise OSError(30, "Read-only file system")


def _refuse(*_arguments: object) -> bytes:
    raise OSError(95, "Operation not supported")


def test_lists_of_others_for_public_data_stay(data: Path) -> None:
    ensure(data, "media")
    entries = access_lists._read(str(data / "media"), ACCESS_LIST, None)  # noqa: SLF001
    access_lists._write(str(data / "media"), ACCESS_LIST, {**entries, (2, OTHER): 5}, None)  # noqa: SLF001
    ensure(data, "media")
    kept = access_lists._read(str(data / "media"), ACCESS_LIST, None)  # noqa: SLF001
    assert kept[(2, OTHER)] == 5


@pytest.mark.parametrize("name", ["media", "instance"])
def test_a_public_directory_or_one_on_the_way_that_goes_away_meanwhile_is_passed_over(
    data: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    true = os.open

    def lose(path: object, *arguments: object, **options: object) -> int:
        if path == name and (data / name).exists():
            as_app(data, f"rm -r {name}")
        return true(path, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "open", lose)
    assert ensure(data, "media", "instance/media")
    monkeypatch.undo()
    assert list_readable(data, NGINX) == (["media/2024/old", "media/a"] if name == "instance" else [])


def test_a_directory_that_is_exchanged_while_it_is_closed_is_not_followed(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ensure(data, "media")
    true = os.stat

    def exchange(path: object, *arguments: object, **options: object) -> os.stat_result:
        if str(path).startswith("/proc/self/fd/") and Path(str(path)).readlink() == data / "media":
            as_app(data, f"mv media was; ln -s {tmp_path} media")
        return true(path, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "stat", exchange)
    assert ensure(data)
    monkeypatch.undo()
    assert not has_acl(tmp_path)
    assert not [path for path in (data / "was").rglob("*") if has_acl(path)]


def test_what_the_app_moves_meanwhile_is_gone_through_anew(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    true = access_lists._change_tree  # noqa: SLF001
    calls = []

    def fail_once(*arguments: object) -> None:
        calls.append(arguments)
        if len(calls) == 1:
            raise Moved("media/2024 was exchanged")
        true(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(access_lists, "_change_tree", fail_once)
    assert ensure(data, "media")
    assert list_readable(data, NGINX) == ["media/2024/old", "media/a"]
