"""Files of which a commit holds no more than a pointer."""

from __future__ import annotations

import subprocess
from pathlib import Path, PurePosixPath

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._source.bounds import Room
from ansible_collections.webstack.flask.plugins.module_utils._source.git import Mirror
from ansible_collections.webstack.flask.plugins.module_utils._source.lfs import describe_pointers, find_pointers

POINTER = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'a' * 64}\nsize 12345\n"


def _write(top: Path, attributes: str, **texts: str) -> Path:
    (top / "static").mkdir(parents=True)
    (top / ".gitattributes").write_text(attributes, encoding="utf-8")
    for name, text in {"static/logo.png": POINTER, "app.py": "code", **texts}.items():
        (top / name).write_text(text, encoding="utf-8")
    return top


@pytest.mark.parametrize("line", ["*.png filter=lfs diff=lfs merge=lfs -text", "static/** filter=lfs", "* filter=lfs"])
def test_a_pointer_is_known_by_its_content_and_by_the_attributes(tmp_path: Path, line: str) -> None:
    assert find_pointers(_write(tmp_path / "x", f"{line}\n")) == {"static/logo.png": 12345}


@pytest.mark.parametrize("line", ["", "*.jpg filter=lfs", "*.png filter=other"])
def test_what_only_looks_like_one_is_none(tmp_path: Path, line: str) -> None:
    assert find_pointers(_write(tmp_path / "x", f"{line}\n")) == {}


def test_the_content_itself_is_no_pointer(tmp_path: Path) -> None:
    assert find_pointers(_write(tmp_path / "x", "* filter=lfs\n", **{"static/logo.png": "PNG" * 999})) == {}


def test_in_a_part_of_a_repository_the_attributes_above_it_count(tmp_path: Path) -> None:
    top = _write(tmp_path / "x", "*.png filter=lfs\n")
    subprocess.run(["git", "init", "--quiet", str(top)], check=True)
    files = [PurePosixPath("logo.png")]
    assert find_pointers(top / "static", files, repository=True) == {"logo.png": 12345}


def test_no_more_names_are_told_than_a_message_needs() -> None:
    said = describe_pointers(dict.fromkeys("abcde", 1), "the commit", "fetch them")
    assert "in the place of a, b, c and 2 more: fetch them." in said
    assert "`source.lfs: false`" in said


@pytest.fixture
def mirror(tmp_path: Path) -> tuple[Mirror, str]:
    """A repository with a pointer whose content is nowhere, and its commit."""
    top = _write(tmp_path / "x", "*.png filter=lfs\n")
    call = ["git", "-C", str(top), "-c", "user.name=a", "-c", "user.email=a@b.test", "-c", "filter.lfs.clean=cat"]
    subprocess.run(["git", "init", "--quiet", str(top)], check=True)
    for words in (["add", "."], ["commit", "--quiet", "--message=x"]):
        subprocess.run([*call, *words], check=True)
    commit = subprocess.run([*call, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()
    mirror = Mirror(tmp_path / "mirror", str(top))
    mirror.fetch(commit)
    (tmp_path / "build").mkdir()
    return mirror, commit


def test_a_commit_with_pointers_is_refused_on_a_host_without_git_lfs(
    mirror: tuple[Mirror, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.which", lambda _program: None)
    with pytest.raises(UserError, match=r"has only pointers of Git LFS in the place of static/logo\.png: .* `source\.lfs: true`"):
        mirror[0].check_out(mirror[1], tmp_path / "build", Room("the source"), lfs=True)


def test_pointers_stay_where_they_are_wanted(mirror: tuple[Mirror, str], tmp_path: Path) -> None:
    mirror[0].check_out(mirror[1], tmp_path / "build", Room("the source"))
    assert (tmp_path / "build/static/logo.png").read_text(encoding="utf-8") == POINTER


def test_a_repository_does_not_send_git_lfs_to_a_path_of_the_host(mirror: tuple[Mirror, str], tmp_path: Path) -> None:
    (tmp_path / "build/.lfsconfig").write_text("[lfs]\nurl = file:///root/secret\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"\.lfsconfig says lfs\.url = file:///root/secret"):
        mirror[0]._require_lfs_server(tmp_path / "build")  # noqa: SLF001


def test_nor_does_it_by_a_link(mirror: tuple[Mirror, str], tmp_path: Path) -> None:
    (tmp_path / "build/elsewhere").write_text("[lfs]\nurl = file:///root/secret\n", encoding="utf-8")
    (tmp_path / "build/.lfsconfig").symlink_to("elsewhere")
    with pytest.raises(UserError, match=r"\.lfsconfig is a link"):
        mirror[0]._require_lfs_server(tmp_path / "build")  # noqa: SLF001
