"""Archives are fetched, compared and unpacked."""

from __future__ import annotations

import http.server
import io
import stat
import subprocess
import tarfile
import tempfile
import threading
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._source import archives, bounds
from ansible_collections.webstack.flask.plugins.module_utils._source.archives import (
    download,
    find_archive_problems,
    identify_archive,
    measure_checksum,
    require_checksum,
    strip_top,
    unpack,
)
from ansible_collections.webstack.flask.plugins.module_utils._source.builds import descend
from hypothesis import given
from hypothesis import strategies as st

SUM = f"sha256:{'0123456789abcdef' * 4}"


def test_a_build_is_named_after_the_archive_s_checksum() -> None:
    assert identify_archive(SUM) == "0123456789ab"


def test_a_file_without_a_checksum_and_a_url_with_one_are_good() -> None:
    assert find_archive_problems("dist/shop.tar.gz", None) == []
    assert find_archive_problems("https://example.com/shop.zip", SUM) == []


def test_a_password_in_the_address_of_an_archive_is_refused() -> None:
    (problem,) = find_archive_problems("https://ada:x@example.com/shop.zip", SUM)
    assert "with a user or a password in it, which is not supported" in problem


def _zip(folder: Path, *members: tuple[str, int, str]) -> Path:
    archive = folder / "a.zip"
    with zipfile.ZipFile(archive, "w") as zipped:
        for name, mode, text in members:
            entry = zipfile.ZipInfo(name)
            entry.external_attr = mode << 16
            zipped.writestr(entry, text)
    return archive


def test_a_zip_arrives_with_its_programs_and_links_and_without_its_setuid_bits(tmp_path: Path) -> None:
    archive = _zip(
        tmp_path,
        ("app/", stat.S_IFDIR | 0o755, ""),
        ("app/run", stat.S_IFREG | 0o4755, "#!/bin/sh"),
        ("app/mod.py", 0, "x"),
        ("app/again", stat.S_IFLNK | 0o777, "mod.py"),
    )
    build = tmp_path / "build"
    build.mkdir()
    unpack(archive, build)
    strip_top(build)
    assert stat.S_IMODE((build / "run").stat().st_mode) == 0o755
    assert (build / "mod.py").read_text(encoding="utf-8") == "x"
    assert (build / "again").readlink() == Path("mod.py")


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ([("../evil", 0, "")], "would be written outside the build"),
        ([("/etc/evil", 0, "")], "would be written outside the build"),
        ([("way", stat.S_IFLNK, "/etc"), ("way/evil", 0, "")], "through a link out of the build"),
        ([("pipe", stat.S_IFIFO, "")], "neither a file, a directory nor a link"),
        ([("a", 0, "1"), ("a", 0, "2")], "cannot be unpacked: .*File exists"),
    ],
)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_hostile_zip_writes_nothing_elsewhere(tmp_path: Path, members: list[tuple[str, int, str]], words: str) -> None:
    build = tmp_path / "build"
    build.mkdir()
    with pytest.raises(UserError, match=words):
        unpack(_zip(tmp_path, *members), build)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.zip", "build"]


def test_only_a_single_directory_at_the_top_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "one/one").mkdir(parents=True)
    (tmp_path / "one/app.py").touch()
    strip_top(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["app.py", "one"]
    strip_top(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["app.py", "one"]


def test_a_subdirectory_becomes_all_there_is(tmp_path: Path) -> None:
    top = tmp_path / "build"
    (top / "services/web").mkdir(parents=True)
    (top / "services/web/app.py").touch()
    (top / "secret").touch()
    descend(top, "services/web")
    assert [path.name for path in top.iterdir()] == ["app.py"]
    assert [path.name for path in tmp_path.iterdir()] == ["build"]


def test_a_subdirectory_that_is_not_there_or_elsewhere_is_refused(tmp_path: Path) -> None:
    top = tmp_path / "build"
    top.mkdir()
    (top / "out").symlink_to("/etc")
    (top / "file").touch()
    for name in ("missing", "out", "file"):
        with pytest.raises(UserError, match=f"the source has no directory '{name}'"):
            descend(top, name)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """Serve a file over HTTP."""
    (tmp_path / "served").mkdir()
    (tmp_path / "served/a.zip").write_bytes(b"content")

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments: object) -> None:
            super().__init__(*arguments, directory=str(tmp_path / "served"))  # type: ignore[arg-type]

        def log_message(self, *_arguments: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as web:
        threading.Thread(target=web.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{web.server_port}"
        web.shutdown()


def test_what_is_fetched_is_what_was_described(tmp_path: Path, server: str) -> None:
    target = tmp_path / "fetched"
    download(f"{server}/a.zip", target, measure_checksum(tmp_path / "served/a.zip"))
    assert target.read_bytes() == b"content"


@pytest.mark.parametrize(
    ("path", "words"), [("a.zip", "is not the archive that is described: its checksum is sha256:"), ("b.zip", "could not be fetched")]
)
def test_something_else_is_not_kept(tmp_path: Path, server: str, path: str, words: str) -> None:
    target = tmp_path / "fetched"
    with pytest.raises(UserError, match=words):
        download(f"{server}/{path}", target, SUM)
    assert not target.exists()


def test_a_file_that_is_too_big_is_fetched_no_further_and_not_kept(tmp_path: Path, server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MOST_FETCHED", 3)
    with pytest.raises(UserError) as caught:
        download(f"{server}/a.zip", tmp_path / "fetched", SUM)
    assert str(caught.value).startswith(f"{server}/a.zip is bigger than 3 bytes, the most that is fetched; ")
    assert not (tmp_path / "fetched").exists()


def _tar(folder: Path, *names: str, text: bytes) -> Path:
    archive = folder / "a.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        for name in names:
            member = tarfile.TarInfo(name)
            member.size = len(text)
            tar.addfile(member, io.BytesIO(text))
    return archive


def _pack(folder: Path, kind: str, *names: str, text: str) -> Path:
    return _tar(folder, *names, text=text.encode()) if kind == "tar" else _zip(folder, *((name, 0, text) for name in names))


@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_an_archive_that_unpacks_to_more_than_there_may_be_is_refused(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "MOST_UNPACKED", 100_000)
    archive = _pack(tmp_path, kind, "a", "b", text="x" * 50_001)
    (tmp_path / "build").mkdir()
    with pytest.raises(UserError) as caught:
        unpack(archive, tmp_path / "build")
    assert str(caught.value) == "the archive comes to more than 100000 bytes, the most that a source may have; leave out what is no source"
    assert sum(path.stat().st_size for path in (tmp_path / "build").iterdir()) <= 100_000


@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_an_archive_of_more_members_than_there_may_be_is_refused(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "MOST_MEMBERS", 2)
    archive = _pack(tmp_path, kind, "a", "b", "c", text="")
    (tmp_path / "build").mkdir()
    with pytest.raises(UserError) as caught:
        unpack(archive, tmp_path / "build")
    assert str(caught.value) == "the archive has more than 2 members, the most that a source may have; leave out what is no source"


def test_a_file_is_compared_only_with_a_checksum_that_is_given(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"")
    require_checksum(tmp_path / "a", "a", None)
    with pytest.raises(UserError, match="`checksum` says"):
        require_checksum(tmp_path / "a", "a", SUM)


def _make_tar(folder: Path, *members: tarfile.TarInfo, tar_format: int = tarfile.PAX_FORMAT) -> Path:
    archive = folder / "a.tar.gz"
    with tarfile.open(archive, "w:gz", format=tar_format) as tar:
        for member in members:
            tar.addfile(member, io.BytesIO(b"x" * member.size))
    return archive


def _member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "", size: int = 0, **headers: str) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname, member.size, member.pax_headers = kind, link, size, dict(headers)
    return member


@pytest.fixture
def build(tmp_path: Path) -> Path:
    directory = tmp_path / "build"
    directory.mkdir()
    return directory


def _refuse(archive: Path, build: Path) -> str:
    with pytest.raises(UserError) as caught:
        unpack(archive, build)
    return str(caught.value)


@pytest.mark.parametrize(
    ("member", "words"),
    [
        (_member("a", path="x\0y"), "the archive has 'x\\x00y' for a name, with a character of value zero in it"),
        (_member("a", tarfile.SYMTYPE, linkpath="x\0y"), "the archive has 'x\\x00y' for a name, with a character of value zero in it"),
        (_member("d", tarfile.CHRTYPE), "the archive's member 'd' is neither a file, a directory nor a link"),
        (_member("p", tarfile.FIFOTYPE), "the archive's member 'p' is neither a file, a directory nor a link"),
        (_member("h", tarfile.LNKTYPE, "/etc/passwd"), "the archive's member 'h' is a hard link to '/etc/passwd', which is no file in"),
        (_member("/".join("a" * 102)), "the archive has directories in more than 100 levels, the most that a source may have"),
        (_member("x" * 300), "the archive cannot be unpacked: [Errno 36] File name too long"),
        (_member("a", comment="x" * (1 << 20)), "the archive has a header of 1048593 bytes, of which 1048576 are allowed"),
    ],
)
def test_a_hostile_tar_is_refused_in_words(tmp_path: Path, build: Path, member: tarfile.TarInfo, words: str) -> None:
    assert _refuse(_make_tar(tmp_path, member), build).startswith(words)


def test_a_hundred_levels_are_not_too_deep(tmp_path: Path, build: Path) -> None:
    name = "/".join("a" * 101)
    unpack(_make_tar(tmp_path, _member(name)), build)
    assert (build / name).is_file()


def test_a_long_name_of_the_old_kind_is_bounded_too(tmp_path: Path, build: Path) -> None:
    archive = _make_tar(tmp_path, _member("x" * (1 << 20)), tar_format=tarfile.GNU_FORMAT)
    assert _refuse(archive, build) == "the archive has a header of 1048577 bytes, of which 1048576 are allowed"


def test_headers_that_are_many_are_bounded_together(tmp_path: Path, build: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "_MOST_HEADERS", 5000)
    archive = _make_tar(tmp_path, *(_member(f"f{number}", comment="x" * 1000) for number in range(5)))
    assert _refuse(archive, build) == "the archive has more than 5000 bytes of headers beyond those of its members"


@pytest.mark.parametrize("options", [["--format=gnu"], ["--format=posix", "--sparse-version=1.0"]])
def test_a_sparse_file_which_costs_its_maker_nothing_is_refused(tmp_path: Path, build: Path, options: list[str]) -> None:
    with (tmp_path / "hole").open("wb") as file:
        file.truncate(1 << 40)
    subprocess.run(["tar", "--create", "--sparse", *options, "--file=a.tar", "hole"], cwd=tmp_path, check=True)
    assert "is a sparse file; make the archive without `--sparse`" in _refuse(tmp_path / "a.tar", build)


def test_a_hard_link_is_a_file_of_its_own_and_counts_as_one(tmp_path: Path, build: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = _make_tar(tmp_path, _member("a", size=60), _member("b", tarfile.LNKTYPE, "a"), _member("c", tarfile.LNKTYPE, "./b"))
    unpack(archive, build)
    assert [(build / name).read_bytes() for name in "abc"] == [b"x" * 60] * 3
    assert (build / "b").stat().st_nlink == 1
    monkeypatch.setattr(bounds, "MOST_UNPACKED", 100)
    (tmp_path / "again").mkdir()
    assert _refuse(archive, tmp_path / "again").startswith("the archive comes to more than 100 bytes")


def test_a_zip_that_says_that_it_has_millions_of_members_is_not_read(tmp_path: Path, build: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = _zip(tmp_path, ("a", 0, "x"))
    content = archive.read_bytes()
    end = content.rindex(b"PK\5\6")
    archive.write_bytes(content[: end + 8] + b"\x40\x9c\x40\x9c" + content[end + 12 :])
    monkeypatch.setattr(bounds, "MOST_MEMBERS", 39_999)
    monkeypatch.setattr(zipfile.ZipFile, "infolist", None)
    assert _refuse(archive, build).startswith("the archive has more than 39999 members")


def test_a_zip_with_a_list_of_members_that_would_fill_the_memory_is_not_read(
    tmp_path: Path, build: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "_LARGEST_DIRECTORY", 100)
    assert _refuse(_zip(tmp_path, ("a", 0, ""), ("b" * 50, 0, "")), build) == "the archive's list of members has more than 100 bytes"


@given(st.data())
def test_an_archive_that_was_damaged_is_a_problem_and_nothing_else(data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        top, build = Path(folder), Path(folder, "build")
        build.mkdir()
        archive = data.draw(st.sampled_from([_zip(top, ("a", 0, "x"), ("b", 0, "y")), _make_plain(top)]))
        content = bytearray(archive.read_bytes())
        for place in data.draw(st.lists(st.integers(0, len(content) - 1), max_size=20)):
            content[place] = data.draw(st.integers(0, 255))
        archive.write_bytes(content)
        with suppress(UserError):
            unpack(archive, build)


def _make_plain(folder: Path) -> Path:
    archive = folder / "a.tar"
    with tarfile.open(archive, "w", format=tarfile.PAX_FORMAT) as tar:
        tar.addfile(_member("ü", comment="x"))
        tar.addfile(_member("link", tarfile.SYMTYPE, "a"))
    return archive
