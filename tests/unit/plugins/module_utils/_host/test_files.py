from __future__ import annotations

import os
import stat
import struct
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._host import files
from ansible_collections.webstack.flask.plugins.module_utils._host.files import (
    Access,
    ensure_directory,
    ensure_file,
    has_access,
    has_acl,
    hold_in_memory,
    require_closed_way,
)

OTHER = 61003
"""An id that no account of a host has."""


@pytest.fixture
def key(tmp_path: Path) -> Path:
    """Return a private key, with its public half beside it."""
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / "id")], check=True)
    return tmp_path / "id"


def test_ssh_reads_a_key_that_is_in_memory(key: Path) -> None:
    with hold_in_memory(key.read_text(encoding="utf-8")) as held:
        # It refuses a key that others may read, too.
        read = subprocess.run(["ssh-keygen", "-y", "-f", str(held)], capture_output=True, text=True, check=False)
    assert read.stderr == ""
    assert read.stdout.split()[:2] == key.with_suffix(".pub").read_text(encoding="utf-8").split()[:2]


def test_what_is_in_memory_is_in_no_file_and_gone_afterwards() -> None:
    with hold_in_memory("secret") as held:
        assert str(held.readlink()).startswith("/memfd:")
        assert os.fstat(int(held.name)).st_nlink == 0
        assert held.read_text(encoding="utf-8") == "secret"
    assert not os.path.lexists(held)


@pytest.fixture
def opened(tmp_path: Path) -> Path:
    """Return a directory in which whatever is made may be read by another user, as after `setfacl -d -m u:61003:rwx`."""
    set_acl(tmp_path, "default")
    return tmp_path


def set_acl(path: Path, kind: str) -> None:
    entries = [(0x01, 7, 0xFFFFFFFF), (0x02, 7, OTHER), (0x04, 7, 0xFFFFFFFF), (0x10, 7, 0xFFFFFFFF), (0x20, 0, 0xFFFFFFFF)]
    content = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)
    os.setxattr(path, f"system.posix_acl_{kind}", content)


def may_read(path: Path) -> bool:
    """Return whether the user that the access list is for can open a file or a directory."""
    return subprocess.run(["test", "-r", path], user=OTHER, group=OTHER, extra_groups=[], check=False).returncode == 0


def test_what_is_made_where_an_access_list_is_inherited_is_as_closed_as_it_is_meant_to_be(opened: Path) -> None:
    for parent in (opened, *opened.parents):
        if str(parent).startswith("/tmp/"):  # noqa: S108  pytest closes what is its own
            parent.chmod(0o755)
    (opened / "control").touch(mode=0o640)
    assert may_read(opened / "control"), "the list must have an effect, or the rest says nothing"
    ensure_directory(opened / "a" / "b", Access(0, 0, 0o750))
    ensure_file(opened / "a" / "b" / "secret", "x", Access(0, 0, 0o640))
    ensure_file(opened / "secret", "x", Access(0, 0, 0o640))
    assert not may_read(opened / "a" / "b")
    assert not may_read(opened / "secret")
    for path in (opened / "a", opened / "a" / "b", opened / "secret", opened / "a" / "b" / "secret"):
        assert not has_acl(path)
    assert stat.S_IMODE((opened / "a").stat().st_mode) == 0o755


def test_an_access_list_counts_as_the_wrong_access_and_is_taken_off(tmp_path: Path) -> None:
    directory, file = tmp_path / "directory", tmp_path / "file"
    ensure_directory(directory, Access(0, 0, 0o770))
    ensure_file(file, "x", Access(0, 0, 0o670))
    for kind in ("access", "default"):
        set_acl(directory, kind)
        assert not has_access(directory, Access(0, 0, 0o770))
        assert ensure_directory(directory, Access(0, 0, 0o770), check=True)
        assert has_acl(directory)
        assert ensure_directory(directory, Access(0, 0, 0o770))
        assert not ensure_directory(directory, Access(0, 0, 0o770))
    set_acl(file, "access")
    file.chmod(0o670)
    assert ensure_file(file, "x", Access(0, 0, 0o670))
    assert not ensure_file(file, "x", Access(0, 0, 0o670))
    assert not has_acl(tmp_path / "absent" / "file")


def test_a_new_directory_and_those_on_the_way_to_it_survive_a_power_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[Path] = []
    monkeypatch.setattr(files, "sync_directory", synced.append)
    ensure_directory(tmp_path / "shop" / "releases", Access(0, 0, 0o711))
    assert synced == [tmp_path, tmp_path / "shop"]
    ensure_directory(tmp_path / "shop" / "releases", Access(0, 0, 0o711))
    assert len(synced) == 2


def test_a_directory_that_is_there_with_another_owner_or_mode_is_mended(tmp_path: Path) -> None:
    directory = tmp_path / "directory"
    directory.mkdir()
    directory.chmod(0o2777)
    os.chown(directory, OTHER, OTHER)
    assert ensure_directory(directory, Access(0, 0, 0o711))
    assert has_access(directory, Access(0, 0, 0o711))


@pytest.mark.parametrize("check", [False, True])
def test_what_is_in_the_place_of_a_directory_is_neither_followed_nor_changed(tmp_path: Path, check: bool) -> None:  # noqa: FBT001
    victim = tmp_path / "victim"
    victim.mkdir(mode=0o700)
    (tmp_path / "link").symlink_to(victim)
    (tmp_path / "file").touch()
    for name, kind in (("link", "a symbolic link"), ("file", "no directory")):
        with pytest.raises(UserError, match=f"{name} is {kind}, and has to be a directory"):
            ensure_directory(tmp_path / name, Access(OTHER, OTHER, 0o755), check=check)
    assert has_access(victim, Access(0, 0, 0o700))


def test_a_link_that_comes_in_the_place_of_a_directory_at_the_last_moment_is_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    victim = tmp_path / "victim"
    victim.mkdir(mode=0o700)

    def make_link(path: Path, **_options: object) -> None:
        path.symlink_to(victim)

    monkeypatch.setattr(Path, "mkdir", make_link)
    with pytest.raises(OSError, match="Not a directory"):
        ensure_directory(tmp_path / "wanted", Access(OTHER, OTHER, 0o755))
    assert has_access(victim, Access(0, 0, 0o700))


@pytest.fixture
def way() -> Iterator[Path]:
    """Return a directory to which the way is root's: those that pytest makes are below /tmp."""
    with tempfile.TemporaryDirectory(dir="/run") as place:
        yield Path(place)


def test_a_way_that_is_roots_alone_is_closed_also_where_its_end_is_not_there_yet(way: Path) -> None:
    (way / "a").mkdir()
    (way / "link").symlink_to("a")
    (way / "a" / "back").symlink_to("../a")
    for path in (way, way / "a", way / "absent" / "below", way / "link" / "x", way / "a" / "back" / "back" / "x"):
        require_closed_way(path)


def test_a_directory_that_others_may_write_to_is_refused_with_the_command_that_mends_it(way: Path) -> None:
    (way / "a" / "b").mkdir(parents=True)
    (way / "link").symlink_to(way / "a")
    mends: tuple[tuple[Callable[[], None], str], ...] = (
        (lambda: (way / "a").chmod(0o775), r"belongs to root and has the mode 0775; .* Run `chmod go-w {}`, or"),
        (lambda: (way / "a").chmod(0o757), r"mode 0757; .* Run `chmod go-w {}`, or"),
        (lambda: (way / "a").chmod(0o1777), r"mode 1777; .* Run `chmod go-w {}`, or"),
        (lambda: os.chown(way / "a", OTHER, OTHER), rf"belongs to {OTHER} and .* Run `chown root:root {{}}`, or"),
        (lambda: set_acl(way / "a", "access"), r"mode 0770; .* Run `setfacl -b {} && chmod go-w {}`, or"),
    )
    for open_it, words in mends:
        open_it()
        for path in (way / "a" / "b" / "c", way / "link" / "absent", way / "a"):
            with pytest.raises(UserError, match=words.replace("{}", str(way / "a"))):
                require_closed_way(path)
        ensure_directory(way / "a", Access(0, 0, 0o755))
        require_closed_way(way / "a" / "b" / "c")


def test_the_directory_in_which_a_link_on_the_way_lies_has_to_be_closed_too(way: Path) -> None:
    (way / "open").mkdir()
    (way / "closed").mkdir()
    (way / "open" / "link").symlink_to(way / "closed")
    (way / "open").chmod(0o777)
    with pytest.raises(UserError, match=f"^{way}/open belongs to root"):
        require_closed_way(way / "open" / "link" / "x")


def test_a_way_in_a_circle_or_through_a_file_is_refused(way: Path) -> None:
    (way / "one").symlink_to("two")
    (way / "two").symlink_to("one")
    (way / "file").touch()
    with pytest.raises(UserError, match="in a circle of symbolic links"):
        require_closed_way(way / "one" / "x")
    with pytest.raises(UserError, match=r"file, on the way to .*, is no directory"):
        require_closed_way(way / "file" / "x")


def test_whoever_may_not_look_at_a_way_is_not_told_that_it_is_open(way: Path) -> None:
    way.chmod(0o700)
    program = (
        "from pathlib import Path; from ansible_collections.webstack.flask.plugins.module_utils._host.files import require_closed_way; "
        "import os; os.setgroups([]); os.setresgid(61003, 61003, 61003); os.setresuid(61003, 61003, 61003); "
        f"require_closed_way(Path({str(way / 'a' / 'b')!r}))"
    )
    subprocess.run([sys.executable, "-c", program], check=True, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)})
