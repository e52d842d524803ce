"""The collection's own code has rooms, and imports run one way between them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from harness.imports import Import, find_imports, list_wrong_ways

if TYPE_CHECKING:
    from pathlib import Path


def test_imports_run_one_way_between_the_rooms() -> None:
    assert list_wrong_ways(find_imports()) == []


@pytest.mark.parametrize(
    ("importer", "imported"),
    [
        ("module_utils/_host/files", "module_utils/_systemd/systemctl"),
        ("module_utils/_nginx/plan", "module_utils/_release/switch"),
        ("module_utils/_nginx/plan", "module_utils/_certificates/pem"),
        ("module_utils/_errors", "module_utils/_layout"),
        ("module_utils/_layout", "plugin_utils/_flask_apps/spec"),
        ("modules/releases", "plugin_utils/_flask_apps/spec"),
        ("modules/releases", "modules/rollback"),
        ("module_utils/flat", "module_utils/_errors"),
    ],
)
def test_a_wrong_way_is_seen(importer: str, imported: str) -> None:
    wrong = Import(importer, imported)
    assert list_wrong_ways([wrong]) == [wrong]


@pytest.mark.parametrize(
    ("importer", "imported"),
    [
        ("module_utils/_release/switch", "module_utils/_host/files"),
        ("module_utils/_host/trees", "module_utils/_host/files"),
        ("plugin_utils/_flask_apps/checks", "module_utils/_source/git"),
        ("filter/flask_apps", "plugin_utils/_flask_apps/checks"),
        ("action/builds", "module_utils/_source/tree"),
        ("modules/releases", "module_utils/_release/switch"),
    ],
)
def test_the_right_way_is_none(importer: str, imported: str) -> None:
    assert list_wrong_ways([Import(importer, imported)]) == []


def test_every_import_of_the_collection_is_found(tmp_path: Path) -> None:
    own = "ansible_collections.webstack.flask.plugins.module_utils"
    (tmp_path / "module_utils" / "_host").mkdir(parents=True)
    (tmp_path / "module_utils" / "_host" / "files.py").write_text("import os\n")
    (tmp_path / "module_utils" / "_host" / "trees.py").write_text(
        f"import json\nfrom {own}._host import files as f\nfrom {own}._errors import (\n    UserError,\n)\n"
    )
    assert find_imports(tmp_path) == [
        Import("module_utils/_host/trees", "module_utils/_errors"),
        Import("module_utils/_host/trees", "module_utils/_host/files"),
    ]
