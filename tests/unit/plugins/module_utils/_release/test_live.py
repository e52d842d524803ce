from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._layout import AppLayout
from ansible_collections.webstack.flask.plugins.module_utils._release.host import REAL
from ansible_collections.webstack.flask.plugins.module_utils._release.live import find_live
from ansible_collections.webstack.flask.plugins.module_utils._release.record import ReleaseRecord

RECORD = ReleaseRecord("r1", "b1", "e1", 1.0)


@pytest.mark.parametrize(
    ("written", "live"),
    [
        (replace(RECORD, health={"path": "/blog/up"}).to_json(), {"blog": "/blog/up"}),
        (RECORD.to_json(), {"blog": "/"}),
        (replace(RECORD, health={"path": "/"}, web=False).to_json(), {"blog": ""}),
        ("{", {}),
        ("", {}),
    ],
    ids=["below a path", "before pages were written down", "without a web process", "cut off", "gone"],
)
def test_below_which_path_a_release_is_shows_in_the_page_for_which_it_is_asked(tmp_path: Path, written: str, live: dict[str, str]) -> None:
    layout = replace(AppLayout.of("blog"), root=tmp_path)
    assert find_live([layout], REAL) == {}
    release = layout.release("r1")
    release.mkdir(parents=True)
    (release / "release.json").write_text(written, encoding="utf-8")
    layout.current.symlink_to(Path("releases") / "r1")
    assert find_live([layout], REAL) == live
