from __future__ import annotations

import os
import re
import resource
import socket
import stat
import struct
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._host import trees
from ansible_collections.webstack.flask.plugins.module_utils._host.trees import (
    Moved,
    Step,
    clear_acls,
    copy_tree,
    find_mounts,
    give_tree,
    open_directory,
    remove_tree,
    require_unmounted,
    set_aside,
    show_path,
    show_words,
    take_tree,
    walk,
)

APP, GROUP, OTHER = 61001, 61002, 61003
"""Ids that no account of a host has."""

DEPTH = 6000
ODD_NAMES = (b"new\nline\x1b[31m", b"\xff\xfe bad", b"-rf", b" ")


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    """Return a directory that can be cleared whatever is in it, and descriptors as few as a service has."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, before[1]))
    yield tmp_path
    resource.setrlimit(resource.RLIMIT_NOFILE, before)
    subprocess.run(["find", tmp_path, "-mindepth", "1", "-delete"], check=True)


def dig(top: Path, depth: int) -> None:
    """Make directories within each other, and a file in the last one."""
    current = os.open(top, os.O_DIRECTORY)
    for _level in range(depth):
        os.mkdir("d", dir_fd=current)
        inner = os.open("d", os.O_DIRECTORY, dir_fd=current)
        os.close(current)
        current = inner
    os.close(os.open("bottom", os.O_CREAT, dir_fd=current))
    os.close(current)


def make_odd_tree(top: Path, depth: int = DEPTH) -> None:
    """Make a tree of the app's with all that a tree can hold."""
    (top / "inner").mkdir(parents=True)
    for name in ODD_NAMES:
        Path(os.fsdecode(os.fsencode(top) + b"/" + name)).write_text("odd", encoding="ascii")
    os.mkfifo(top / "fifo")
    (top / "inner" / "link").symlink_to("/etc/shadow")
    (top / "dangling").symlink_to("nowhere")
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(top / "socket"))
    with (top / "sparse").open("wb") as file:
        file.truncate(200 << 30)
    dig(top, depth)


def find_owners(top: Path) -> set[tuple[int, int]]:
    """Return the owners and groups within a tree, the top not among them."""
    listing = subprocess.run(["find", top, "-mindepth", "1", "-printf", "%U %G\\n"], check=True, capture_output=True, text=True).stdout
    return {(int(uid), int(gid)) for uid, gid in (line.split() for line in set(listing.splitlines()))}


def who(path: Path) -> tuple[int, int, int]:
    status = path.lstat()
    return status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)


def set_acl(path: Path, kind: str) -> None:
    """Let the user OTHER do everything, by an access list as `setfacl -m u:OTHER:rwx` makes it (`-d` for the kind "default")."""
    entries = [(0x01, 7, 0xFFFFFFFF), (0x02, 7, OTHER), (0x04, 7, 0xFFFFFFFF), (0x10, 7, 0xFFFFFFFF), (0x20, 0, 0xFFFFFFFF)]
    content = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)
    os.setxattr(path, f"system.posix_acl_{kind}", content)


def list_acls(top: Path) -> list[str]:
    """Return the paths in a tree that have an access list."""
    return [str(path) for path in (top, *top.rglob("*")) if not path.is_symlink() and os.listxattr(path)]


def copy(source: Path, target: Path) -> None:
    copy_tree(source, target, uid=0, gid=GROUP, directory_mode=0o750, file_mode=0o640, program_mode=0o750)


def test_a_tree_of_any_depth_and_any_name_is_given_away_and_taken_back(place: Path) -> None:
    top = place / "shared"
    make_odd_tree(top)
    assert give_tree(top, uid=APP, gid=GROUP, mode=0o750) == []
    assert who(top) == (APP, GROUP, 0o750)
    assert find_owners(top) == {(APP, GROUP)}
    assert take_tree(top) == []
    assert who(top) == (0, 0, 0o700)
    assert find_owners(top) == {(0, 0)}


def test_what_links_lead_to_is_not_given_away(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    (outside / "directory").mkdir(parents=True)
    (outside / "file").touch()
    top = tmp_path / "shared"
    top.mkdir()
    (top / "to-file").symlink_to(outside / "file")
    (top / "to-directory").symlink_to(outside)
    give_tree(top, uid=APP, gid=GROUP, mode=0o750)
    assert who(top / "to-file")[:2] == (APP, GROUP)
    assert find_owners(outside) == {(0, 0)}
    (tmp_path / "link").symlink_to(outside)
    with pytest.raises(UserError, match="link has to be a directory, and is none"):
        give_tree(tmp_path / "link", uid=APP, gid=GROUP, mode=0o750)
    assert who(outside)[0] == 0


def test_a_file_with_a_name_outside_the_tree_stays_whose_it_is_and_one_with_all_its_names_inside_is_given_away(tmp_path: Path) -> None:
    top = tmp_path / "shared"
    (top / "inner").mkdir(parents=True)
    (tmp_path / "neighbours").write_text("theirs", encoding="ascii")
    os.chown(tmp_path / "neighbours", OTHER, OTHER)
    (top / "inner" / "theirs\n\x1b").hardlink_to(tmp_path / "neighbours")
    (top / "one").touch()
    (top / "inner" / "two").hardlink_to(top / "one")
    shown = ["inner/theirs\\n\\x1b"]
    assert give_tree(top, uid=APP, gid=GROUP, mode=0o750) == shown
    assert who(tmp_path / "neighbours")[:2] == (OTHER, OTHER)
    assert who(top / "one")[:2] == (APP, GROUP)
    assert take_tree(top) == shown
    assert who(tmp_path / "neighbours")[:2] == (OTHER, OTHER)
    assert who(top / "one")[:2] == (0, 0)


def test_of_many_files_that_stay_a_few_are_named(tmp_path: Path) -> None:
    top = tmp_path / "shared"
    top.mkdir()
    for number in range(20):
        (tmp_path / str(number)).touch()
        (top / str(number)).hardlink_to(tmp_path / str(number))
    assert len(give_tree(top, uid=APP, gid=GROUP, mode=0o750)) == 5


def test_a_tree_whose_handing_over_was_cut_off_is_still_roots_and_closed_so_that_the_next_run_finishes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    top = tmp_path / "shared"
    (top / "a").mkdir(parents=True)
    (top / "a" / "file").touch()
    top.chmod(0o755)
    with monkeypatch.context() as patch:
        patch.setattr(os, "chown", _be_cut_off)
        with pytest.raises(KeyboardInterrupt):
            give_tree(top, uid=APP, gid=GROUP, mode=0o750)
    assert who(top) == (0, 0, 0o700)
    give_tree(top, uid=APP, gid=GROUP, mode=0o750)
    with monkeypatch.context() as patch:
        patch.setattr(os, "chown", _be_cut_off)
        with pytest.raises(KeyboardInterrupt):
            take_tree(top)
    assert who(top) == (0, 0, 0o700)
    assert who(top / "a")[0] == 0, "a directory is root's before what is in it"
    assert who(top / "a" / "file")[0] == APP


def _be_cut_off(*_arguments: object, **_options: object) -> None:
    raise KeyboardInterrupt


def test_a_directory_that_is_exchanged_for_a_link_during_the_walk_ends_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    top, outside = tmp_path / "top", tmp_path / "outside"
    (top / "a").mkdir(parents=True)
    outside.mkdir()
    (outside / "passwd").touch()
    real_stat = os.stat

    def stat_and_exchange(path: str, **options: int) -> os.stat_result:
        found = real_stat(path, dir_fd=options["dir_fd"], follow_symlinks=False)
        (top / "a").rmdir()
        (top / "a").symlink_to(outside)
        return found

    monkeypatch.setattr(os, "stat", stat_and_exchange)
    with pytest.raises(Moved, match="a was exchanged or moved"):
        give_tree(top, uid=APP, gid=GROUP, mode=0o750)
    monkeypatch.undo()
    assert who(outside / "passwd")[0] == 0


def test_a_directory_that_is_moved_elsewhere_during_the_walk_does_not_lead_out_of_the_tree(tmp_path: Path) -> None:
    top, outside = tmp_path / "top", tmp_path / "outside"
    (top / "a" / "b").mkdir(parents=True)
    (outside / "secret").mkdir(parents=True)
    with open_directory(top) as descriptor, closing(walk(descriptor)) as visits:
        assert [next(visits).path for _visit in range(3)] == ["", "a", "a/b"]
        (top / "a" / "b").rename(outside / "b")
        assert next(visits).step is Step.LEAVE
        with pytest.raises(Moved, match="a/b was exchanged or moved"):
            next(visits)


def test_what_goes_away_during_the_walk_is_passed_over(tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / f"directory{number}" / "inner").mkdir(parents=True)
        (tmp_path / f"file{number}").touch()
    with open_directory(tmp_path) as descriptor, closing(walk(descriptor)) as visits:
        for visit in visits:
            if visit.step is Step.ENTER and visit.names:
                subprocess.run(["find", tmp_path, "-mindepth", "1", "-delete"], check=True)
    assert not list(tmp_path.iterdir())


def test_access_lists_are_taken_off_a_tree_and_not_off_what_links_lead_to(tmp_path: Path) -> None:
    set_acl(tmp_path, "default")
    top, outside = tmp_path / "top", tmp_path / "outside"
    outside.mkdir()
    (top / "inner").mkdir(parents=True)
    os.close(os.open(top / "inner" / "file", os.O_CREAT, 0o640))
    os.mkfifo(top / "fifo")
    (top / "link").symlink_to(outside)
    assert len(list_acls(top)) == 4
    clear_acls(top)
    assert list_acls(top) == []
    assert who(top / "inner" / "file")[2] == 0o640
    assert list_acls(outside) == [str(outside)]
    clear_acls(tmp_path / "absent")


def test_a_copy_has_the_files_links_and_times_and_the_wanted_access_and_no_other_thing(place: Path) -> None:
    source, target = place / "source", place / "target"
    source.mkdir()
    for name in ODD_NAMES:
        Path(os.fsdecode(os.fsencode(source) + b"/" + name)).write_text("odd", encoding="ascii")
    dig(source, 199)
    (source / "bin").mkdir(mode=0o777)
    big = os.urandom(5_000_000)
    (source / "bin" / "python").write_bytes(big)
    (source / "bin" / "python").chmod(0o4755)
    (source / "bin" / "pip").symlink_to("/etc/shadow")
    os.mkfifo(source / "fifo")
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(source / "socket"))
    subprocess.run(["chown", "-R", f"{APP}:{APP}", source], check=True)
    os.utime(source / "bin" / "python", (1, 1_000_000_001.5))
    copy(source, target)
    assert {path.name for path in target.iterdir()} == {path.name for path in source.iterdir()} - {"fifo", "socket"}
    assert who(target) == (0, GROUP, 0o750)
    assert find_owners(target) == {(0, GROUP)}
    assert who(target / "bin")[2] == 0o750
    assert who(target / "bin" / "python")[2] == 0o750
    assert who(target / "-rf")[2] == 0o640
    assert (target / "bin" / "pip").readlink() == Path("/etc/shadow")
    assert (target / "bin" / "python").read_bytes() == big
    assert (target / "bin" / "python").stat().st_mtime_ns == 1_000_000_001_500_000_000
    assert len(list(target.rglob("bottom"))) == 1


def test_what_somebody_keeps_open_in_the_source_is_not_in_the_copy(tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    with (tmp_path / "source" / "module.py").open("w", encoding="ascii") as kept:
        kept.write("good")
        kept.flush()
        copy(tmp_path / "source", tmp_path / "target")
        kept.write("evil")
    assert (tmp_path / "target" / "module.py").read_text(encoding="ascii") == "good"


def test_a_copy_inherits_no_access_list(tmp_path: Path) -> None:
    set_acl(tmp_path, "default")
    (tmp_path / "source" / "inner").mkdir(parents=True)
    (tmp_path / "source" / "inner" / "file").touch()
    copy(tmp_path / "source", tmp_path / "target")
    assert list_acls(tmp_path / "target") == []


def test_files_are_rewritten_on_the_way_if_they_are_small_enough(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    (source / "bin").mkdir(parents=True)
    (source / "bin" / "tool").write_bytes(b"#!/opt/bin/python")
    (source / "bin" / "large").write_bytes(b"/opt" * 300_000)
    (source / "data").write_bytes(b"/opt")
    copy_tree(
        source,
        target,
        uid=0,
        gid=0,
        directory_mode=0o755,
        file_mode=0o644,
        program_mode=0o755,
        wants_rewrite=lambda path: path.parent.name == "bin",
        rewrite=lambda path, content: content.replace(b"/opt", b"/final") + path.name.encode(),
    )
    assert (target / "bin" / "tool").read_bytes() == b"#!/final/bin/pythontool"
    assert (target / "bin" / "large").read_bytes() == b"/opt" * 300_000
    assert (target / "data").read_bytes() == b"/opt"


def test_a_copy_that_would_not_fit_is_refused_before_anything_is_written(place: Path) -> None:
    (place / "source").mkdir()
    with (place / "source" / "sparse").open("wb") as file:
        file.truncate(1 << 43)
    with pytest.raises(UserError, match=r"its files have 8388608 MiB, and there are \d+ MiB of free space"):
        copy(place / "source", place / "target")
    assert not (place / "target").exists()


def test_a_copy_of_too_many_levels_or_entries_is_refused(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (place / "source").mkdir()
    dig(place / "source", 201)
    with pytest.raises(UserError, match="more than 200 levels deep"):
        copy(place / "source", place / "target")
    monkeypatch.setattr(trees, "MOST_COPIED", 100)
    with pytest.raises(UserError, match="more than 100 files and directories"):
        copy(place / "source", place / "target")
    assert not (place / "target").exists()


def test_a_second_name_of_somebody_elses_file_is_not_copied(tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    os.chown(tmp_path / "source", APP, APP)
    (tmp_path / "shadow").write_text("secret", encoding="ascii")
    (tmp_path / "source" / "x\n").hardlink_to(tmp_path / "shadow")
    with pytest.raises(UserError, match=re.escape("x\\n is a second name of a file of the user with the id 0")):
        copy(tmp_path / "source", tmp_path / "target")
    assert not (tmp_path / "target").exists()


@pytest.mark.parametrize("kind", ["link", "fifo", "larger"])
def test_a_file_that_is_exchanged_after_it_was_measured_is_not_copied_and_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.mkdir()
    (source / "file").touch()
    real_mkdir = os.mkdir

    def mkdir_and_exchange(path: Path, mode: int) -> None:
        real_mkdir(path, mode)
        if kind == "larger":
            os.truncate(source / "file", 1 << 43)
            return
        (source / "file").unlink()
        if kind == "link":
            (source / "file").symlink_to("/etc/passwd")
        else:
            os.mkfifo(source / "file")

    monkeypatch.setattr(os, "mkdir", mkdir_and_exchange)
    if kind == "larger":
        with pytest.raises(Moved):
            copy(source, target)
        assert not target.exists()
    else:
        copy(source, target)
        assert [path.is_symlink() for path in target.iterdir()] == ([True] if kind == "link" else [])


def test_a_file_that_is_exchanged_between_being_looked_at_and_opened_ends_the_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    for kind in ("link", "fifo"):
        source.mkdir()
        (source / "file").touch()
        with monkeypatch.context() as patch:
            patch.setattr(trees, "_copy_file", _exchange_first(source / "file", kind))
            with pytest.raises((Moved, OSError)):
                copy(source, target)
        assert not target.exists()
        remove_tree(source)


def _exchange_first(file: Path, kind: str) -> object:
    real_copy = trees._copy_file  # noqa: SLF001  the moment between two system calls has no other name

    def exchange(visit: trees.Visit, target: int, how: trees._Copying, room: int) -> int:
        file.unlink()
        if kind == "link":
            file.symlink_to("/etc/passwd")
        else:
            os.mkfifo(file)
        return real_copy(visit, target, how, room)

    return exchange


def test_a_tree_of_any_depth_and_any_name_is_deleted(place: Path) -> None:
    make_odd_tree(place / "shared")
    remove_tree(place / "shared")
    assert list(place.iterdir()) == []


def test_what_links_lead_to_is_not_deleted(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "file").touch()
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "link").symlink_to(tmp_path / "outside")
    remove_tree(tmp_path / "tree")
    assert [path.name for path in tmp_path.rglob("*")] == ["outside", "file"]


def test_a_removal_that_was_cut_off_is_finished_by_the_next(tmp_path: Path) -> None:
    (tmp_path / "release").mkdir()
    left = set_aside(tmp_path / "release")
    left.mkdir()
    (left / "file").touch()
    remove_tree(tmp_path / "release")
    assert list(tmp_path.iterdir()) == []
    left.mkdir()
    remove_tree(tmp_path / "release")
    assert list(tmp_path.iterdir()) == []
    left.mkdir()
    assert set_aside(left) == left, "its name does not grow with each attempt"
    remove_tree(left)
    assert list(tmp_path.iterdir()) == []


def test_a_tree_is_renamed_before_it_is_deleted_and_deleted_in_place_where_it_cannot_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deleted: list[Path] = []
    monkeypatch.setattr(trees, "_delete", deleted.append)
    (tmp_path / "release").mkdir()
    remove_tree(tmp_path / "release")
    assert deleted == [tmp_path / ".removed-release"]
    monkeypatch.undo()
    (tmp_path / ".removed-release").rmdir()
    (tmp_path / "release").mkdir()

    def refuse(_source: Path, _target: Path) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "rename", refuse)
    remove_tree(tmp_path / "release")
    assert list(tmp_path.iterdir()) == []


def test_what_is_mounted_in_a_tree_is_not_deleted_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """To rm(1), a directory of the same file system that is mounted there (mount --bind) is one like others."""
    tree = tmp_path / "tree"
    (tree / "a b").mkdir(parents=True)
    monkeypatch.setattr(trees, "_MOUNTS", tmp_path / "mountinfo")
    (tmp_path / "mountinfo").write_text(f"36 35 98:0 / {tree}/a\\040b rw - ext4 /dev/x rw\n", encoding="ascii")
    (tmp_path / "link").symlink_to(tmp_path)
    for way in (tree, tmp_path / "link" / "tree", tree / "a b"):
        with pytest.raises(UserError, match=f"something is mounted at {tree}/a b, .* run `umount {tree}/a b`"):
            remove_tree(way)
    require_unmounted(tree / "a")
    assert (tree / "a b").exists()


def test_a_name_in_the_table_of_mounts_can_hold_anything_and_a_longer_name_is_another() -> None:
    table = "1 2 0:1 / / rw - ext4 x rw\n3 1 0:2 / /srv/a\\012b\\134c rw - tmpfs x rw\n4 1 0:2 / /srv/ab rw - tmpfs x rw\nodd\n"
    assert find_mounts(table, "/srv") == ["/srv/a\nb\\c", "/srv/ab"]
    assert find_mounts(table, "/srv/a") == []
    assert find_mounts(table, "/srv/a\nb\\c") == ["/srv/a\nb\\c"]


def test_what_cannot_be_deleted_is_told_in_bounded_and_harmless_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bin").mkdir()
    tool = tmp_path / "bin" / "rm"
    tool.write_text("#!/bin/sh\nfor i in 1 2 3 4 5 6 7 8 9; do printf 'rm: \\033]52;%01000d\\n' 0 >&2; done\nexit 1\n", encoding="ascii")
    tool.chmod(0o755)
    (tmp_path / "tree").mkdir()
    monkeypatch.setattr(os, "defpath", str(tool.parent) + ":/usr/bin:/bin")
    with pytest.raises(UserError, match=r"could not be deleted: rm: \\x1b\]52;000") as raised:
        remove_tree(tmp_path / "tree")
    assert len(str(raised.value)) < 2000
    assert "and 4 lines more" in str(raised.value)


def test_words_and_paths_of_any_length_are_shown_in_one_short_line() -> None:
    assert show_path("a\n\x1b\udcff" + "d/" * 6000).startswith("a\\n\\x1b\\udcffd/d/")
    assert len(show_path("d/" * 6000)) == 201
    assert show_words("one\n\ntwo\n") == "one; two"
    assert show_words("") == "it gave no reason"


@pytest.mark.skipif(os.geteuid() != 0, reason="root alone may mount")
def test_a_directory_of_a_lower_layer_is_deleted_though_it_cannot_be_renamed(tmp_path: Path) -> None:
    """As in an image into which an app was baked; not even root can rename such a directory."""
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", tmp_path], check=True)  # one overlay does not lie on another
    for name in ("lower/tree/deep", "upper", "work", "merged"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "lower/tree/deep/file").touch()
    layers = f"lowerdir={tmp_path}/lower,upperdir={tmp_path}/upper,workdir={tmp_path}/work,redirect_dir=off"
    subprocess.run(["mount", "-t", "overlay", "-o", layers, "overlay", tmp_path / "merged"], check=True)
    try:
        with pytest.raises(OSError, match="cross-device"):
            (tmp_path / "merged/tree").rename(tmp_path / "merged/other")
        remove_tree(tmp_path / "merged/tree")
        assert list((tmp_path / "merged").iterdir()) == []
    finally:
        subprocess.run(["umount", tmp_path / "merged", tmp_path], check=True)
