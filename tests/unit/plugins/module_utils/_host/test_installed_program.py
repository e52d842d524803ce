"""A program for a host has all that it imports, and nothing of Ansible."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._backups import program
from ansible_collections.webstack.flask.plugins.module_utils._host.installed_program import ensure_program, find_sources
from ansible_collections.webstack.flask.plugins.module_utils._webstack import program as command


@pytest.mark.parametrize("module", [program.__name__, command.__name__])
def test_the_programs_of_a_host_import_nothing_of_ansible(module: str) -> None:
    sources = find_sources(module)
    assert len(sources) > 20
    assert [name for name, text in sources.items() if "import ansible\n" in text or "from ansible." in text] == []


@pytest.mark.skipif(os.geteuid() != 0, reason="it makes files of root's")
def test_what_is_written_runs_by_itself_and_is_not_written_again(tmp_path: Path) -> None:
    launcher = Path("/root") / f".test-{os.getpid()}" / "backups"
    try:
        assert ensure_program(launcher, program.__name__, check=True)
        assert not launcher.exists()
        assert ensure_program(launcher, program.__name__)
        assert not ensure_program(launcher, program.__name__)
        ended = subprocess.run(
            [sys.executable, "-IB", launcher, "list", "no-such-app"], capture_output=True, text=True, check=False, cwd=tmp_path
        )
        assert (ended.returncode, ended.stdout) == (1, "")
        assert "the app no-such-app has no backups on this host" in ended.stderr
    finally:
        subprocess.run(["rm", "-rf", launcher.parent], check=True)


@pytest.mark.parametrize("module", [program.__name__, command.__name__])
def test_all_that_python_finds_to_be_imported_is_found_without_parsing(module: str) -> None:
    sources = find_sources(module)
    package = module.partition("._")[0]
    for text in sources.values():
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(package):
                names = {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
                assert names & set(sources), names
