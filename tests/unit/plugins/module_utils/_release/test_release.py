"""A release is put on the disk whole, and what is secret in it stays with root and the app."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._layout import AppLayout
from ansible_collections.webstack.flask.plugins.module_utils._release import home
from ansible_collections.webstack.flask.plugins.module_utils._release.host import REAL
from ansible_collections.webstack.flask.plugins.module_utils._release.record import ReleaseRecord
from ansible_collections.webstack.flask.plugins.module_utils._release.release import (
    ReleaseSpec,
    ensure_release,
    read_probe,
    read_record,
    write_record,
)

GROUP = 54321


@pytest.fixture
def spec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ReleaseSpec:
    """What the user wants to run, of an app whose accounts and directories are there."""
    monkeypatch.setattr(home, "find_group", lambda _name: GROUP)
    layout = AppLayout.of("shop", str(tmp_path / "shop"))
    layout.releases.mkdir(parents=True)
    return ReleaseSpec(layout, "b1", "e1", {"SECRET": "x"}, "workers = 1\n", "[Service]\n", "[Socket]\n")


def _look(path: Path) -> tuple[int, int, str]:
    status = path.stat()
    return status.st_uid, status.st_gid, f"{status.st_mode & 0o777:o}"


def test_a_release_is_put_on_the_disk_once_and_a_check_says_so_before(spec: ReleaseSpec) -> None:
    assert ensure_release(spec, REAL, check=True)
    assert list(spec.layout.releases.iterdir()) == []
    assert ensure_release(spec, REAL, check=False)
    assert not ensure_release(spec, REAL, check=True)
    assert not ensure_release(spec, REAL, check=False)


@pytest.mark.parametrize("name", ["env", "gunicorn.conf.py", "probe", "release.json"])
def test_nobody_but_root_and_the_app_can_read_what_is_in_a_release(spec: ReleaseSpec, name: str) -> None:
    ensure_release(spec, REAL, check=False)
    assert _look(spec.layout.release(spec.id or "") / name) == (0, GROUP, "640")


@pytest.mark.parametrize("name", ["env", "gunicorn.conf.py", "probe", "release.json"])
def test_what_others_can_read_is_closed_and_keeps_its_content(spec: ReleaseSpec, name: str) -> None:
    ensure_release(spec, REAL, check=False)
    path = spec.layout.release(spec.id or "") / name
    content = path.read_text(encoding="utf-8")
    path.chmod(0o644)
    assert ensure_release(spec, REAL, check=True)
    assert _look(path)[2] == "644"
    assert ensure_release(spec, REAL, check=False)
    assert (_look(path)[2], path.read_text(encoding="utf-8")) == ("640", content)
    assert not ensure_release(spec, REAL, check=False)


def test_the_records_of_former_releases_are_closed_too(spec: ReleaseSpec) -> None:
    ensure_release(spec, REAL, check=False)
    record = ReleaseRecord("former", "b0", "e0", 1, failed=2, reason="a line of its log")
    spec.layout.release("former").mkdir()
    write_record(spec.layout, REAL, record)
    path = spec.layout.release("former") / "release.json"
    os.chown(path, 0, 0)
    path.chmod(0o644)
    assert ensure_release(spec, REAL, check=True)
    assert ensure_release(spec, REAL, check=False)
    assert _look(path) == (0, GROUP, "640")
    assert read_record(spec.layout, REAL, "former") == record
    assert not ensure_release(spec, REAL, check=True)


def test_each_release_has_a_word_of_its_own_that_cannot_be_guessed(spec: ReleaseSpec) -> None:
    other = replace(spec, build="b2")
    for each in (spec, other):
        ensure_release(each, REAL, check=False)
    words = {read_probe(spec.layout, REAL, each.id or "") for each in (spec, other)}
    assert len(words) == 2
    assert all(word and len(word) == 32 for word in words)


@pytest.mark.parametrize("left", [None, "", "\n"])
def test_a_word_that_was_lost_is_made_again_and_others_stay(spec: ReleaseSpec, left: str | None) -> None:
    ensure_release(spec, REAL, check=False)
    path = spec.layout.release(spec.id or "") / "probe"
    first = read_probe(spec.layout, REAL, spec.id or "")
    if left is None:
        path.unlink()
    else:
        path.write_text(left, encoding="utf-8")
    assert read_probe(spec.layout, REAL, spec.id or "") is None
    assert ensure_release(spec, REAL, check=True)
    assert ensure_release(spec, REAL, check=False)
    second = read_probe(spec.layout, REAL, spec.id or "")
    assert second not in (None, first)
    assert not ensure_release(spec, REAL, check=False)
    assert read_probe(spec.layout, REAL, spec.id or "") == second


def test_a_new_release_is_the_last_event_of_the_app_and_one_that_is_there_keeps_its_number(spec: ReleaseSpec) -> None:
    spec.layout.release("former").mkdir()
    write_record(spec.layout, REAL, ReleaseRecord("former", "b0", "e0", 1, verified=2, sequence=7))
    ensure_release(spec, REAL, check=False)
    ensure_release(replace(spec, health={"path": "/up"}), REAL, check=False)
    record = read_record(spec.layout, REAL, spec.id or "")
    assert record is not None
    assert (record.sequence, record.health) == (8, {"path": "/up"})
