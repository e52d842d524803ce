"""What is published, and what stands in the repository for those who contribute."""

from __future__ import annotations

import re
import subprocess
import tarfile
from pathlib import Path

import pytest
import yaml
from harness import cli, copies, paths

FOR_USERS = {
    *("CHANGELOG.md", "CODE_OF_CONDUCT.md", "CONTRIBUTING.md", "LICENSE", "README.md", "SECURITY.md", "FILES.json", "MANIFEST.json"),
    *("changelogs", "docs", "inventories", "meta", "playbooks", "plugins", "roles"),
}
PAGES = ("README.md", "CONTRIBUTING.md", "tests/README.md", ".github/workflows/test.yml", ".github/workflows/publish.yml")


def test_the_artifact_holds_what_users_need_and_no_more(tmp_path: Path) -> None:
    tree = copies.collection_tree(tmp_path / "tree")
    command = ["ansible-galaxy", "collection", "build", str(tree), "--output-path", str(tmp_path)]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    (artifact,) = tmp_path.glob("webstack-flask-*.tar.gz")
    with tarfile.open(artifact) as archive:
        names = archive.getnames()
    assert {name.split("/")[0] for name in names} == FOR_USERS
    assert [name for name in names if "/tests/" in name or name.startswith("changelogs/fragments")] == []


@pytest.mark.parametrize("page", PAGES)
def test_each_command_that_is_named_is_there(page: str) -> None:
    (commands,) = (action.choices for action in cli.parser()._actions if action.choices)  # noqa: SLF001 - argparse tells no other way
    named = re.findall(r"\./dev ([a-z]\w*)", (paths.ROOT / page).read_text(encoding="utf-8"))
    assert named
    assert set(named) <= set(commands)


def test_what_is_published_was_tested_and_carries_no_rights_that_it_does_not_need() -> None:
    test, publish = (yaml.safe_load((paths.ROOT / page).read_text(encoding="utf-8")) for page in PAGES[-2:])
    assert publish["jobs"]["publish"]["needs"] == "test"
    assert publish["jobs"]["test"]["uses"] == "./.github/workflows/test.yml"
    assert "workflow_call" in test["on"]
    assert test["permissions"] == publish["permissions"] == {"contents": "read"}
