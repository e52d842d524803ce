"""What Ansible has packed in one run serves the next: shown by runs on this computer."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING

import pytest
from harness import paths

if TYPE_CHECKING:
    from pathlib import Path

_MODULE = "ansible_collections.webstack.flask.plugins.modules.hosts_file-ZIP_DEFLATED"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A directory for all that Ansible writes, and a file of hosts in it."""
    (tmp_path / "hosts").write_text("127.0.0.1 localhost\n")
    entries = [{"app": "shop", "address": "192.0.2.10", "names": ["shop.test"]}]
    task = {"webstack.flask.hosts_file": {"path": str(tmp_path / "hosts"), "entries": entries}}
    play = {"hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": [task]}
    (tmp_path / "play.yml").write_text(json.dumps([play]))
    return tmp_path


def _run(home: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    own = {"ANSIBLE_HOME": str(home / "ansible"), "ANSIBLE_CONFIG": str(paths.ROOT / "ansible.cfg"), "ANSIBLE_FORCE_COLOR": "0"}
    return subprocess.run(
        ["ansible-playbook", "-i", "localhost,", str(home / "play.yml")],
        cwd=paths.ROOT,
        env=os.environ | own | settings,
        capture_output=True,
        text=True,
        check=False,
    )


def _find_kept(home: Path) -> list[Path]:
    return sorted((home / "ansible").glob(f"webstack_flask/modules/*/{_MODULE}*"))


def test_a_run_is_given_what_the_one_before_has_packed(home: Path) -> None:
    """What is kept is read: once it is not a module any more, a run ends. Where somebody else may write it, it is passed over."""
    assert _run(home).returncode == 0
    (kept,) = _find_kept(home)
    again = _run(home)
    assert "changed=0" in again.stdout, again.stdout + again.stderr
    kept.write_bytes(b"no module")
    assert _run(home).returncode != 0
    kept.parent.chmod(0o777)
    assert _run(home).returncode == 0


def test_where_others_may_have_changed_what_is_packed_nothing_is_kept(home: Path) -> None:
    """A directory of module_utils may have another file under a name of Ansible's own."""
    (home / "utils").mkdir()
    assert _run(home, ANSIBLE_MODULE_UTILS=str(home / "utils")).returncode == 0
    assert not _find_kept(home)


def test_a_directory_that_cannot_be_written_ends_no_run(home: Path) -> None:
    """The run is slower, and that is all."""
    (home / "ansible").mkdir()
    (home / "ansible" / "webstack_flask").write_text("not a directory")
    ended = _run(home)
    assert ended.returncode == 0
    assert "changed=1" in ended.stdout
