from __future__ import annotations

import io
import stat
import tarfile
from pathlib import Path, PurePosixPath

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._source.archives import check_member_name, unpack
from ansible_collections.webstack.flask.plugins.module_utils._source.builds import check_links, open_scratch_build, open_to_others
from ansible_collections.webstack.flask.plugins.module_utils._source.tree import list_files, pack_tree


@pytest.mark.parametrize("name", ["a", "a/b.py", "./a", "..a", "a/...", "a//b"])
def test_a_relative_name_is_a_path_in_the_build(name: str) -> None:
    assert check_member_name(name) == PurePosixPath(name)


@pytest.mark.parametrize("name", ["/etc/passwd", "..", "../a", "a/../../b", "a/..", "//a"])
def test_a_name_that_leads_elsewhere_is_refused(name: str) -> None:
    with pytest.raises(UserError) as caught:
        check_member_name(name)
    assert str(caught.value) == f"the archive's member {name!r} would be written outside the build"


def test_a_tree_arrives_as_it_was_packed(tmp_path: Path) -> None:
    top = tmp_path / "app"
    (top / "package/inner").mkdir(parents=True)
    (top / "package/inner/mod.py").write_bytes(b"x = '\xc3\xbc'\n")
    (top / "run").write_text("#!/bin/sh\n", encoding="utf-8")
    (top / "run").chmod(0o755)
    (top / "empty").touch()
    (top / "link").symlink_to("package/inner/mod.py")
    pack_tree(top, list_files(top), tmp_path / "a.tar.gz")

    build = _unpack(tmp_path, tmp_path / "a.tar.gz")

    assert list_files(build) == list_files(top)
    assert (build / "package/inner/mod.py").read_bytes() == b"x = '\xc3\xbc'\n"
    assert (build / "link").readlink() == Path("package/inner/mod.py")
    assert stat.S_IMODE((build / "run").stat().st_mode) == 0o755
    assert stat.S_IMODE((build / "empty").stat().st_mode) == 0o644


def _unpack(folder: Path, archive: Path) -> Path:
    build = folder / "build"
    build.mkdir()
    unpack(archive, build)
    return build


def _member(name: str, kind: bytes = tarfile.REGTYPE, *, target: str = "", text: bytes = b"") -> tuple[tarfile.TarInfo, bytes]:
    member = tarfile.TarInfo(name)
    member.type, member.linkname, member.size = kind, target, len(text)
    return member, text


def _hostile(folder: Path, *members: tuple[tarfile.TarInfo, bytes]) -> Path:
    archive = folder / "hostile.tar"
    with tarfile.open(archive, "w") as tar:
        for member, text in members:
            tar.addfile(member, io.BytesIO(text))
    return archive


@pytest.mark.parametrize("name", ["/tmp/evil", "../evil", "a/../../evil"])  # noqa: S108 - nothing is written there
def test_a_member_outside_the_build_is_refused_and_nothing_written(tmp_path: Path, name: str) -> None:
    archive = _hostile(tmp_path, _member(name, text=b"evil"))
    with pytest.raises(UserError, match="would be written outside the build"):
        _unpack(tmp_path, archive)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["build", "hostile.tar"]


@pytest.mark.parametrize("target", ["{outside}", "../outside"])
@pytest.mark.parametrize("name", ["link/evil", "link/new/evil", "link/new"])
def test_a_member_through_a_link_is_refused_and_nothing_written(tmp_path: Path, target: str, name: str) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    link = _member("link", tarfile.SYMTYPE, target=target.format(outside=outside))
    kind = tarfile.DIRTYPE if name == "link/new" else tarfile.REGTYPE
    with pytest.raises(UserError) as caught:
        _unpack(tmp_path, _hostile(tmp_path, link, _member(name, kind)))
    assert str(caught.value) == f"the archive would write {name!r} through a link out of the build"
    assert list(outside.iterdir()) == []


def test_a_member_over_a_link_does_not_write_to_where_the_link_leads(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("dear", encoding="utf-8")
    archive = _hostile(tmp_path, _member("link", tarfile.SYMTYPE, target="../victim"), _member("link", text=b"evil"))
    with pytest.raises(UserError, match=r"the archive cannot be unpacked: .*File exists"):
        _unpack(tmp_path, archive)
    assert victim.read_text(encoding="utf-8") == "dear"


@pytest.mark.parametrize("kind", [tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
def test_what_is_no_file_directory_or_symbolic_link_is_refused(tmp_path: Path, kind: bytes) -> None:
    archive = _hostile(tmp_path, _member("thing", kind, target="/etc/shadow"))
    with pytest.raises(UserError) as caught:
        _unpack(tmp_path, archive)
    assert str(caught.value) == "the archive's member 'thing' is neither a file, a directory nor a link"
    assert list((tmp_path / "build").iterdir()) == []


def test_a_hard_link_becomes_a_file_of_its_own(tmp_path: Path) -> None:
    members = _member("app/run", text=b"#!/bin/sh\n"), _member("app/again", tarfile.LNKTYPE, target="app/run")
    build = _unpack(tmp_path, _hostile(tmp_path, *members))
    assert (build / "app/again").read_text(encoding="utf-8") == "#!/bin/sh\n"
    assert (build / "app/again").stat().st_nlink == 1


@pytest.mark.parametrize("target", ["/etc/shadow", "../victim", "not-there", "thing", "link"])
def test_a_hard_link_to_what_is_no_file_of_the_archive_is_refused(tmp_path: Path, target: str) -> None:
    (tmp_path / "victim").write_text("dear", encoding="utf-8")
    link = _member("link", tarfile.SYMTYPE, target="../victim")
    with pytest.raises(UserError) as caught:
        _unpack(tmp_path, _hostile(tmp_path, link, _member("thing", tarfile.LNKTYPE, target=target)))
    assert str(caught.value) == f"the archive's member 'thing' is a hard link to {target!r}, which is no file in the archive before it"
    assert not (tmp_path / "build/thing").exists()


def test_a_member_below_a_link_in_circles_is_refused(tmp_path: Path) -> None:
    archive = _hostile(tmp_path, _member("loop", tarfile.SYMTYPE, target="loop"), _member("loop/evil"))
    with pytest.raises(UserError, match="the archive cannot be unpacked"):
        _unpack(tmp_path, archive)


def test_a_member_may_not_make_a_program_run_as_its_owner(tmp_path: Path) -> None:
    member, text = _member("program", text=b"#!/bin/sh\n")
    member.mode = 0o6777
    build = _unpack(tmp_path, _hostile(tmp_path, (member, text)))
    assert stat.S_IMODE((build / "program").stat().st_mode) == 0o755


def test_half_an_archive_is_refused(tmp_path: Path) -> None:
    archive = _hostile(tmp_path, _member("a", text=b"x" * 5000), _member("b", text=b"y" * 5000))
    archive.write_bytes(archive.read_bytes()[:7000])
    with pytest.raises(UserError, match="the archive cannot be unpacked"):
        _unpack(tmp_path, archive)


def test_links_within_the_tree_are_fine(tmp_path: Path) -> None:
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "a/b/up").symlink_to("../..")
    (tmp_path / "a/c").symlink_to("b")
    (tmp_path / "dangling").symlink_to("not-there")
    check_links(tmp_path)


@pytest.mark.parametrize("target", ["/etc", "../..", "../../other/file"])
def test_a_link_out_of_the_tree_is_refused_to_a_directory_as_to_a_file(tmp_path: Path, target: str) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a/link").symlink_to(target)
    with pytest.raises(UserError) as caught:
        check_links(tmp_path)
    assert str(caught.value) == f"a/link is a link to {target}, which is outside the source; a build may hold no such link"


def test_a_link_out_of_the_tree_by_way_of_another_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "a/b/top").symlink_to("../..")
    (tmp_path / "a/b/link").symlink_to("top/../secret")
    with pytest.raises(UserError, match=r"a/b/link is a link to top/\.\./secret, which is outside the source"):
        check_links(tmp_path)


def test_a_build_to_look_at_is_made_like_any_and_does_not_stay(tmp_path: Path) -> None:
    def fill(directory: Path) -> None:
        (directory / "web/instance").mkdir(parents=True)
        (directory / "web/app.py").touch()
        (directory / "else.py").touch()

    with open_scratch_build(tmp_path, fill, "web", ["instance"]) as build:
        assert {path.name for path in build.iterdir()} == {"app.py", "instance", ".shared"}
    assert list(tmp_path.iterdir()) == []


def test_a_build_to_look_at_is_refused_like_any(tmp_path: Path) -> None:
    def fill(directory: Path) -> None:
        (directory / "users").symlink_to("/etc/passwd")

    with pytest.raises(UserError, match="users is a link to /etc/passwd"), open_scratch_build(tmp_path, fill, "", []):
        pass
    assert list(tmp_path.iterdir()) == []


def _modes(top: Path) -> dict[str, int]:
    return {str(path.relative_to(top)): stat.S_IMODE(path.lstat().st_mode) for path in top.rglob("*") if not path.is_symlink()}


@pytest.fixture
def build(tmp_path: Path) -> Path:
    top = tmp_path / "build"
    (top / "static/css").mkdir(parents=True)
    for name in ("app.py", "static/a.js", "static/css/b.css"):
        (top / name).touch(0o640)
        (top / name).chmod(0o640)
    for name in ("static", "static/css"):
        (top / name).chmod(0o751)
    return top


def test_a_public_directory_is_opened_with_all_that_is_in_it_and_nothing_else(build: Path) -> None:
    assert open_to_others(build, ["static"])
    assert _modes(build) == {"app.py": 0o640, "static": 0o755, "static/a.js": 0o644, "static/css": 0o755, "static/css/b.css": 0o644}
    assert not open_to_others(build, ["static"]), "the second time there is nothing to do"


def test_in_check_mode_it_is_told_and_not_done(build: Path) -> None:
    before = _modes(build)
    assert open_to_others(build, ["static"], check=True)
    assert _modes(build) == before


def test_a_public_file_is_opened_alone(build: Path) -> None:
    assert open_to_others(build, ["static/css/b.css"], check=True)
    assert open_to_others(build, ["static/css/b.css"])
    assert _modes(build) == {"app.py": 0o640, "static": 0o751, "static/a.js": 0o640, "static/css": 0o751, "static/css/b.css": 0o644}
    assert not open_to_others(build, ["static/css/b.css"])


@pytest.mark.parametrize("name", ["missing", "..", "/etc", "/etc/shadow", "static/../.."])
def test_what_is_not_in_the_build_is_passed_over(build: Path, name: str) -> None:
    assert not open_to_others(build, [name])


def test_a_link_in_a_public_directory_opens_nothing_elsewhere(build: Path) -> None:
    (build / "static/code").symlink_to("../app.py")
    open_to_others(build, ["static"])
    assert _modes(build)["app.py"] == 0o640


def test_an_interrupted_opening_is_finished_by_the_next_run(build: Path) -> None:
    (build / "static/css").chmod(0o755)
    (build / "static/css/b.css").chmod(0o644)
    assert open_to_others(build, ["static"])
    assert _modes(build)["static/a.js"] == 0o644
