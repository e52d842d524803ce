from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from ansible_collections.webstack.flask.plugins.module_utils.files import hold_in_memory


@pytest.fixture
def key(tmp_path: Path) -> Path:
    """Return a private key, with its public half beside it."""
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / "id")], check=True)
    return tmp_path / "id"


def test_ssh_reads_a_key_that_is_in_memory(key: Path) -> None:
    with hold_in_memory(key.read_text(encoding="utf-8")) as held:
        # It refuses a key that others may read, too.
        read = subprocess.run(["ssh-keygen", "-y", "-f", str(held)], capture_output=True, text=True, check=False)
    assert read.stderr == ""
    assert read.stdout.split()[:2] == key.with_suffix(".pub").read_text(encoding="utf-8").split()[:2]


def test_what_is_in_memory_is_in_no_file_and_gone_afterwards() -> None:
    with hold_in_memory("secret") as held:
        assert str(held.readlink()).startswith("/memfd:")
        assert os.fstat(int(held.name)).st_nlink == 0
        assert held.read_text(encoding="utf-8") == "secret"
    assert not os.path.lexists(held)
