"""Places in a build that are links to data which outlives it."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.webstack.flask.plugins.module_utils.layout import Problem
from ansible_collections.webstack.flask.plugins.module_utils.shared_data import find_link_target, link_shared


@pytest.mark.parametrize("path", ["instance", "var/log/app.log"])
def test_a_link_leads_from_its_place_in_a_build_to_the_same_place_in_the_shared_directory(tmp_path: Path, path: str) -> None:
    place = tmp_path / "builds/0123" / path
    place.parent.mkdir(parents=True)
    place.symlink_to(find_link_target(path))
    (tmp_path / "shared" / path).mkdir(parents=True)
    assert place.resolve() == tmp_path / "shared" / path


def test_what_the_source_has_there_is_kept_aside_and_the_rest_stays(tmp_path: Path) -> None:
    (tmp_path / "var").mkdir()
    (tmp_path / "var/seed.db").write_text("seed")
    (tmp_path / "app.py").write_text("code")
    (tmp_path / "instance").mkdir()
    (tmp_path / "instance/README").write_text("read me")
    link_shared(tmp_path, ["var/seed.db", "instance", "up/loads"])
    assert (tmp_path / ".shared/var/seed.db").read_text() == "seed"
    assert (tmp_path / ".shared/instance/README").read_text() == "read me"
    assert (tmp_path / "app.py").read_text() == "code"
    links = {str(path.relative_to(tmp_path)): str(path.readlink()) for path in tmp_path.rglob("*") if path.is_symlink()}
    assert links == {
        "instance": "../../shared/instance",
        "up/loads": "../../../shared/up/loads",
        "var/seed.db": "../../../shared/var/seed.db",
    }


def test_a_place_below_a_link_or_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "alias").symlink_to("real")
    (tmp_path / "file").write_text("")
    for place in ("alias/data", "file/data"):
        with pytest.raises(Problem, match=r"in the source '(alias|file)' is no directory"):
            link_shared(tmp_path, [place])
