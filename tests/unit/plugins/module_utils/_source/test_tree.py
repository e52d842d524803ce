from __future__ import annotations

import hashlib
import os
import subprocess
import tarfile
from pathlib import Path, PurePosixPath

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._source import bounds, tree
from ansible_collections.webstack.flask.plugins.module_utils._source.tree import (
    digest_tree,
    leads_outside,
    list_files,
    pack_tree,
    points_outside,
)
from hypothesis import given
from hypothesis import strategies as st


@pytest.fixture
def top(tmp_path: Path) -> Path:
    directory = tmp_path / "app"
    _write(directory, {"app.py": "app = 1\n", "static/style.css": "b {}\n", "templates/page.html": "hi\n"})
    return directory


def _write(directory: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def _git(directory: Path, *arguments: str) -> None:
    subprocess.run(["git", "-C", str(directory), "-c", "user.name=a", "-c", "user.email=a@b", *arguments], check=True, capture_output=True)


def _names(directory: Path) -> list[str]:
    return [str(path) for path in list_files(directory)]


def test_all_files_are_source_in_the_order_of_their_names(top: Path) -> None:
    assert _names(top) == ["app.py", "static/style.css", "templates/page.html"]


def test_hidden_files_are_source(top: Path) -> None:
    _write(top, {".flaskenv": "A=1\n", ".well-known/x": ""})
    assert _names(top)[:2] == [".flaskenv", ".well-known/x"]


def test_byte_code_is_left_out(top: Path) -> None:
    _write(top, {"__pycache__/app.cpython-311.pyc": "", "pack/__pycache__/a.pyc": "", "pack/a.py": ""})
    assert _names(top) == ["app.py", "pack/a.py", "static/style.css", "templates/page.html"]


def test_byte_code_in_a_repository_is_left_out_though_nobody_ignored_it(top: Path) -> None:
    _git(top, "init", "--quiet")
    _write(top, {"__pycache__/app.cpython-311.pyc": "", "pack/__pycache__/a.pyc": ""})
    assert _names(top) == ["app.py", "static/style.css", "templates/page.html"]


def test_a_project_that_is_its_own_virtualenv_is_source_all_the_same(top: Path) -> None:
    _write(top, {"pyvenv.cfg": ""})
    assert "app.py" in _names(top)
    _git(top, "init", "--quiet")
    assert "app.py" in _names(top)


def test_a_virtualenv_is_left_out_whatever_it_is_called(top: Path) -> None:
    _write(top, {".my env/pyvenv.cfg": "", ".my env/lib/flask.py": ""})
    (top / ".my env/bin").mkdir()
    (top / ".my env/bin/python").symlink_to("/usr/bin/python3")
    assert _names(top) == ["app.py", "static/style.css", "templates/page.html"]


def test_a_virtualenv_that_brings_its_own_gitignore_is_left_out(top: Path) -> None:
    _write(top, {"venv/pyvenv.cfg": "", "venv/lib/flask.py": "", "venv/.gitignore": "*\n"})
    assert _names(top) == ["app.py", "static/style.css", "templates/page.html"]


def test_what_a_gitignore_names_is_left_out_also_where_there_is_no_repository(top: Path) -> None:
    _write(top, {".gitignore": "*.log\n/secret/\n", "a.log": "", "secret/key": "", "static/.gitignore": "*.map\n", "static/a.map": ""})
    assert _names(top) == [".gitignore", "app.py", "static/.gitignore", "static/style.css", "templates/page.html"]
    assert not (top / ".git").exists(), "looking at a tree leaves nothing in it"


def test_in_a_repository_the_working_tree_counts_not_what_is_committed(top: Path) -> None:
    _write(top, {".gitignore": "*.log\n", "gone.py": "", "forced.log": ""})
    _git(top, "init", "--quiet")
    _git(top, "add", "--force", ".")
    _git(top, "commit", "--quiet", "--message", "one")
    (top / "gone.py").unlink()
    _write(top, {"a.log": "", "new.py": ""})
    assert _names(top) == [".gitignore", "app.py", "forced.log", "new.py", "static/style.css", "templates/page.html"]


def test_a_virtualenv_in_a_repository_is_left_out_though_nobody_ignored_it(top: Path) -> None:
    _git(top, "init", "--quiet")
    _write(top, {"venv/pyvenv.cfg": "", "venv/lib/flask.py": ""})
    (top / "venv/bin").mkdir()
    (top / "venv/bin/python").symlink_to("/usr/bin/python3")
    assert _names(top) == ["app.py", "static/style.css", "templates/page.html"]


def test_a_directory_below_the_top_of_a_repository_is_source_of_its_own(tmp_path: Path, top: Path) -> None:
    _git(tmp_path, "init", "--quiet")
    _write(tmp_path, {".gitignore": "*.log\n", "other/file": ""})
    _write(top, {"a.log": ""})
    assert _names(top) == ["app.py", "static/style.css", "templates/page.html"]


def test_a_repository_within_the_source_belongs_to_it(top: Path) -> None:
    _git(top, "init", "--quiet")
    _write(top, {"vendor/thing/thing.py": "", "vendor/thing/.gitignore": "*.tmp\n", "vendor/thing/a.tmp": ""})
    _git(top / "vendor/thing", "init", "--quiet")
    assert "vendor/thing/thing.py" in _names(top)
    assert not [name for name in _names(top) if ".git/" in name or name.endswith(".tmp")]
    _git(top / "vendor/thing", "add", ".")
    _git(top / "vendor/thing", "commit", "--quiet", "--message", "one")
    _git(top, "add", ".")
    assert "vendor/thing/thing.py" in _names(top), "as a submodule too"


def test_names_with_blanks_newlines_and_foreign_letters_are_names(top: Path) -> None:
    _git(top, "init", "--quiet")
    _write(top, {"a b.txt": "", "a\nb.txt": "", "größe.txt": "", '"quoted".txt': ""})
    assert {"a b.txt", "a\nb.txt", "größe.txt", '"quoted".txt'} <= set(_names(top))


def test_a_name_that_is_not_utf8_arrives_as_it_is(top: Path, tmp_path: Path) -> None:
    (top / os.fsdecode(b"caf\xe9.txt")).write_text("x", encoding="utf-8")
    files = list_files(top)
    digest_tree(top, files)
    pack_tree(top, files, tmp_path / "a.tar.gz")
    with tarfile.open(tmp_path / "a.tar.gz") as tar:
        assert os.fsdecode(b"caf\xe9.txt") in tar.getnames()


def test_a_git_hook_that_runs_ansible_does_not_change_what_is_source(top: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "hooked").mkdir()
    _git(tmp_path / "hooked", "init", "--quiet")
    _write(tmp_path / "hooked", {"a.log": ""})
    _git(tmp_path / "hooked", "add", ".")
    _write(top, {".gitignore": "*.log\n", "a.log": ""})
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "hooked/.git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "hooked/.git/index"))
    assert _names(top) == [".gitignore", "app.py", "static/style.css", "templates/page.html"]


def test_without_git_a_plain_directory_is_listed_all_the_same(top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    assert _names(top) == ["app.py", "static/style.css", "templates/page.html"]


def test_without_git_a_gitignore_is_not_passed_over(top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _write(top, {".gitignore": "*.log\n"})
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(UserError) as caught:
        list_files(top)
    assert str(caught.value) == (
        f"{top} has a .gitignore or is in a git repository, and only git can tell what that leaves out; install git on the controller"
    )


@pytest.mark.parametrize("what", ["missing", "app.py"])
def test_a_source_that_is_no_directory_is_refused(top: Path, what: str) -> None:
    with pytest.raises(UserError) as caught:
        list_files(top / what)
    assert str(caught.value) == f"the source {top / what} is not a directory on the controller"


def test_a_link_within_the_source_is_source_and_is_not_followed(top: Path) -> None:
    (top / "templates/style.css").symlink_to("../static/style.css")
    (top / "all").symlink_to("templates")
    (top / "nowhere").symlink_to("not-there")
    assert _names(top) == ["all", "app.py", "nowhere", "static/style.css", "templates/page.html", "templates/style.css"]


@pytest.mark.parametrize("target", ["/etc/passwd", "../../outside", "../../../etc/passwd", "inner/../../../outside", "../.."])
def test_a_link_out_of_the_source_is_refused(top: Path, target: str) -> None:
    (top / "static/link").symlink_to(target)
    with pytest.raises(UserError) as caught:
        list_files(top)
    assert str(caught.value) == (f"{top / 'static/link'} is a link to {target}, which is outside the source; a build may hold no such link")


def test_a_link_out_of_the_source_by_way_of_another_link_is_refused(top: Path) -> None:
    (top / "a/b").mkdir(parents=True)
    (top / "a/b/top").symlink_to("../..")
    (top / "a/b/link").symlink_to("top/../outside")
    assert not points_outside(PurePosixPath("a/b/link"), "top/../outside"), "its text alone looks harmless"
    with pytest.raises(UserError, match=r"a/b/link is a link to top/\.\./outside, which is outside the source"):
        list_files(top)


def test_links_that_go_in_circles_do_not_end_in_a_traceback(top: Path) -> None:
    (top / "one").symlink_to("two")
    (top / "two").symlink_to("one")
    assert {"one", "two"} <= set(_names(top))


@pytest.mark.parametrize(
    ("link", "target", "outside"),
    [
        ("link", "file", False),
        ("link", ".", False),
        ("link", "./a/..", False),
        ("link", "..", True),
        ("link", "a/../..", True),
        ("a/link", "..", False),
        ("a/link", "../b/c", False),
        ("a/link", "../..", True),
        ("a/b/link", "../../c", False),
        ("a/b/link", "../../../c", True),
        ("a/b/link", "../../../app/c", True),  # out and in again: the name of the directory above is no part of a build
        ("link", "/", True),
        ("link", "//etc", True),
        ("link", "a//../b", False),
    ],
)
def test_a_link_is_judged_by_where_its_text_leads(link: str, target: str, *, outside: bool) -> None:
    assert points_outside(PurePosixPath(link), target) is outside


_PARTS = st.lists(st.sampled_from(["..", ".", "a", "b", "..a", "..."]), min_size=1, max_size=8)


@given(folder=st.lists(st.sampled_from(["a", "b"]), max_size=3), parts=_PARTS)
def test_a_link_that_stays_inside_leads_to_a_path_inside(folder: list[str], parts: list[str]) -> None:
    target = "/".join(parts)
    where = os.path.normpath("/".join(["/top", *folder, target]))
    leads_in = where == "/top" or where.startswith("/top/")
    if not points_outside(PurePosixPath(*folder, "link"), target):
        assert leads_in
    if not leads_in:
        assert points_outside(PurePosixPath(*folder, "link"), target)


_PLACES = ["a/b/l1", "a/b/l2", "a/l1", "l2", "b/l3"]
_STEPS = st.lists(st.sampled_from(["..", "..", "a", "b", "l1", "l2", "l3"]), min_size=1, max_size=5)


@given(links=st.dictionaries(st.sampled_from(_PLACES), _STEPS, min_size=1))
def test_links_that_are_let_in_never_lead_out_however_they_are_combined(
    tmp_path_factory: pytest.TempPathFactory, links: dict[str, list[str]]
) -> None:
    top = tmp_path_factory.mktemp("tree") / "top"
    (top / "a/b").mkdir(parents=True)
    (top / "b").mkdir()
    (top / "a/b/l0").symlink_to("../..")
    for place, steps in links.items():
        (top / place).symlink_to("/".join(["l0", *steps] if place.startswith("a/b/") else steps))
    for place in links:
        if not leads_outside(top, PurePosixPath(place)):
            assert Path(os.path.realpath(top / place)).is_relative_to(top)


def _digest(directory: Path) -> str:
    return digest_tree(directory, list_files(directory))


def test_the_identifier_is_the_same_for_the_same_files_wherever_they_are(top: Path, tmp_path: Path) -> None:
    (top / "link").symlink_to("app.py")
    copy = tmp_path / "elsewhere/copy"
    subprocess.run(["cp", "-r", "--no-preserve=all", str(top), str(tmp_path / "copy")], check=True)
    copy.parent.mkdir()
    (tmp_path / "copy").rename(copy)
    os.utime(copy / "app.py", (1, 1))
    (copy / "app.py").chmod(0o600)
    assert _digest(copy) == _digest(top)


def test_the_identifier_of_a_tree_never_changes_from_one_version_of_the_collection_to_the_next(tmp_path: Path) -> None:
    top = tmp_path / "top"
    _write(top, {"app.py": "app = 1\n", "static/größe.css": "b {}\n", "run": "#!/bin/sh\n"})
    (top / "run").chmod(0o755)
    (top / "link").symlink_to("app.py")
    assert _digest(top) == "b04e7ffb9ddc"


def test_content_name_target_and_being_a_program_all_count(top: Path) -> None:
    (top / "link").symlink_to("app.py")
    seen = {_digest(top)}
    (top / "app.py").write_text("app = 2\n", encoding="utf-8")
    seen.add(_digest(top))
    (top / "app.py").rename(top / "main.py")
    seen.add(_digest(top))
    (top / "main.py").chmod(0o755)
    seen.add(_digest(top))
    (top / "link").unlink()
    (top / "link").symlink_to("main.py")
    seen.add(_digest(top))
    (top / "link").unlink()
    (top / "link").write_text("main.py", encoding="utf-8")
    seen.add(_digest(top))
    assert len(seen) == 6


def test_moving_text_from_one_file_to_the_next_counts(tmp_path: Path) -> None:
    _write(tmp_path / "one", {"a": "xy", "b": ""})
    _write(tmp_path / "two", {"a": "x", "b": "y"})
    assert _digest(tmp_path / "one") != _digest(tmp_path / "two")


def _packed(top: Path, archive: Path) -> bytes:
    pack_tree(top, list_files(top), archive)
    return archive.read_bytes()


def test_the_same_tree_makes_the_same_archive_to_the_byte(top: Path, tmp_path: Path) -> None:
    (top / "link").symlink_to("app.py")
    (top / "run").write_text("#!/bin/sh\n", encoding="utf-8")
    (top / "run").chmod(0o755)
    first = _packed(top, tmp_path / "first.tar.gz")
    os.utime(top / "app.py", (1, 1))
    (top / "app.py").chmod(0o600)
    (top / "run").chmod(0o700)
    assert _packed(top, tmp_path / "second.tar.gz") == first


def test_an_archive_says_nothing_of_who_made_it_where_and_when(top: Path, tmp_path: Path) -> None:
    header = _packed(top, tmp_path / "a.tar.gz")[:10]
    assert header[3:8] == bytes(5), "gzip's header has no name and no time"
    with tarfile.open(tmp_path / "a.tar.gz") as tar:
        for member in tar:
            assert (member.uid, member.gid, member.uname, member.gname, member.mtime) == (0, 0, "", "", 0)


def test_two_names_of_one_file_are_two_files(top: Path, tmp_path: Path) -> None:
    (top / "again.py").hardlink_to(top / "app.py")
    _packed(top, tmp_path / "a.tar.gz")
    with tarfile.open(tmp_path / "a.tar.gz") as tar:
        assert [member.name for member in tar if not member.isfile()] == []


def _make_deep(top: Path, levels: int) -> None:
    """Make directories within one another, as deep as no path can name."""
    here = os.open(top, os.O_RDONLY)
    for _level in range(levels):
        os.mkdir("d", dir_fd=here)
        deeper = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = deeper
    os.close(os.open("f", os.O_CREAT | os.O_WRONLY, dir_fd=here))
    os.close(here)


@pytest.mark.parametrize("levels", [101, 6000])
def test_directories_in_very_many_levels_are_refused(tmp_path: Path, levels: int) -> None:
    top = tmp_path / "app"
    top.mkdir()
    _make_deep(top, levels)
    try:
        with pytest.raises(UserError) as caught:
            list_files(top)
        assert str(caught.value) == f"the source {top} has directories in more than 100 levels, the most that a source may have"
    finally:
        subprocess.run(["rm", "-rf", str(top)], check=True)


def test_a_hundred_levels_are_source(tmp_path: Path) -> None:
    _make_deep(tmp_path, 100)
    assert _names(tmp_path) == ["d/" * 100 + "f"]


@pytest.mark.parametrize("is_repository", [True, False])
def test_a_huge_file_is_refused_before_it_is_read(top: Path, *, is_repository: bool) -> None:
    if is_repository:
        _git(top, "init", "--quiet")
    with (top / "hole").open("wb") as file:
        file.truncate(200 << 30)
    with pytest.raises(UserError) as caught:
        list_files(top)
    assert str(caught.value).startswith(f"the source {top} comes to more than 4294967296 bytes, the most that a source may have")


def test_more_files_than_a_source_may_have_are_refused(top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "MOST_MEMBERS", 2)
    with pytest.raises(UserError, match="has more than 2 members"):
        list_files(top)


@pytest.mark.parametrize("is_repository", [True, False])
def test_a_pipe_is_passed_over_also_where_git_knew_a_file_of_its_name(top: Path, *, is_repository: bool) -> None:
    if is_repository:
        _git(top, "init", "--quiet")
        _git(top, "add", "--all")
        (top / "app.py").unlink()
        os.mkfifo(top / "app.py")
    os.mkfifo(top / "pipe")
    assert digest_tree(top, list_files(top))
    assert "pipe" not in _names(top)
    assert ("app.py" in _names(top)) is not is_repository


def test_a_file_is_read_in_pieces_and_its_identifier_is_that_of_the_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _write(tmp_path, {"a": "x" * 1000})
    whole = digest_tree(tmp_path, [PurePosixPath("a")])
    monkeypatch.setattr(tree, "_CHUNK", 7)
    assert digest_tree(tmp_path, [PurePosixPath("a")]) == whole == hashlib.sha256(b"file 1000 a\0" + b"x" * 1000).hexdigest()[:12]


def test_a_file_that_shrinks_while_it_is_read_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _write(tmp_path, {"a": "x" * 1000})
    real = os.fstat
    monkeypatch.setattr(os, "fstat", lambda number: os.stat_result((*real(number)[:6], 1001, *real(number)[7:])))
    with pytest.raises(UserError, match="became shorter while it was read"):
        digest_tree(tmp_path, [PurePosixPath("a")])
