from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
from harness.cgroups import aside, forget_aside

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(("controller", "file", "least"), [("cpu", "cpu.shares", "2"), ("", "cpu.weight", "1")])
def test_a_command_that_runs_aside_begins_by_entering_the_place_of_the_least_share(
    tmp_path: Path, controller: str, file: str, least: str
) -> None:
    place = tmp_path / controller / "webstack-flask-aside"
    place.mkdir(parents=True)
    (place / file).write_text("1024")
    said = subprocess.run(aside(["echo", "a b", "$c"], tmp_path), capture_output=True, text=True, check=True).stdout
    assert said == "a b $c\n"
    assert (place / file).read_text() == least
    assert int((place / "cgroup.procs").read_text()) > 1


def test_without_the_right_to_a_cgroup_nice_has_to_do(tmp_path: Path) -> None:
    assert aside(["true"], tmp_path / "none") == ["nice", "-n", "19", "true"]
    assert aside(["true"], tmp_path) == ["nice", "-n", "19", "true"]


def test_the_place_is_taken_away_again(tmp_path: Path) -> None:
    aside(["true"], tmp_path)
    forget_aside(tmp_path)
    forget_aside(tmp_path)
    assert list(tmp_path.iterdir()) == []
