"""`describe.yml` shows the entry for an app, and writes it where no file is; see also the tests of `_describe`."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml
from ansible_collections.webstack.flask.plugins.plugin_utils._flask_apps.checks import check_apps
from harness import paths

if TYPE_CHECKING:
    from collections.abc import Callable

    Run = Callable[..., "subprocess.CompletedProcess[str]"]

PAGE = (paths.ROOT / "docs" / "describe.md").read_text(encoding="utf-8")


@pytest.fixture
def run(tmp_path: Path) -> Run:
    def run_playbook(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [str(Path(sys.executable).with_name("ansible-playbook")), str(paths.ROOT / "playbooks" / "describe.yml"), *arguments]
        variables = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(paths.COLLECTIONS), "ANSIBLE_LOCALHOST_WARNING": "false"}
        return subprocess.run(command, cwd=tmp_path, env=variables, capture_output=True, text=True, check=False)

    return run_playbook


def find_example() -> tuple[dict[str, str], str]:
    """Return the files that the page shows, by their names, and the entry that it shows for them."""
    files = dict(re.findall(r"`([\w./-]+)`:\n\n```(?:python|text)\n(.*?)```", PAGE, re.DOTALL))
    (written,) = re.findall(r"```yaml\n(flask_apps:.*?)```", PAGE, re.DOTALL)
    return files, written


def test_the_example_of_the_page_is_what_is_shown_and_written_and_never_overwritten(tmp_path: Path, run: Run) -> None:
    files, written = find_example()
    (tmp_path / "shop").mkdir()
    for name, text in files.items():
        (tmp_path / "shop" / name).write_text(text)
    ended = run("-e", "flask_source=shop", "-e", "flask_into=apps.yml")
    assert (ended.returncode, ended.stderr.replace("[WARNING]: No inventory was parsed, only implicit localhost is available\n", "")) == (
        0,
        "",
    )
    text = (tmp_path / "apps.yml").read_text()
    assert text.replace(str(tmp_path / "shop"), "/home/me/shop").removeprefix("---\n") == written
    assert text.removeprefix("---\n") in ended.stdout
    assert check_apps(yaml.safe_load(re.sub(r"\{\{ \w+ \}\}", "given", text))["flask_apps"])
    again = run("-e", "flask_source=shop", "-e", "flask_into=apps.yml")
    assert (again.returncode, "apps.yml is there already, and is not overwritten" in again.stdout + again.stderr) == (2, True)
    assert (tmp_path / "apps.yml").read_text() == text


def test_what_is_not_known_is_refused_and_nothing_is_written(tmp_path: Path, run: Run) -> None:
    (tmp_path / "shop").mkdir()
    for name in ("one.py", "two.py"):
        (tmp_path / "shop" / name).write_text("from flask import Flask\napp = Flask(__name__)\n")
    ended = run("-e", "source=shop", "-e", "flask_into=apps.yml")
    said = ended.stdout + ended.stderr
    assert (ended.returncode, "-e flask_wsgi=one:app" in said, "-e flask_wsgi=two:app" in said) == (2, True, True)
    assert not (tmp_path / "apps.yml").exists()
    chosen = run("--check", "-e", "flask_source=shop", "-e", "flask_wsgi=two:app", "-e", "flask_into=apps.yml")
    assert (chosen.returncode, "    wsgi: two:app\n" in chosen.stdout) == (0, True)
    assert not (tmp_path / "apps.yml").exists()


def test_a_run_that_names_no_repository_says_how(run: Run) -> None:
    ended = run()
    assert "-e flask_source=PATH_OR_URL" in ended.stdout + ended.stderr
