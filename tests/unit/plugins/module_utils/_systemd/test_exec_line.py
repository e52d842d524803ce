from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._systemd.exec_line import format_exec

if TYPE_CHECKING:
    from pathlib import Path

RELEASE = "/var/www/shop/releases/%i"


def test_paths_in_the_release_keep_the_specifier_and_nothing_else_does() -> None:
    line = format_exec([f"{RELEASE}/venv/bin/python", "-c", "100%i $HOME", f"{RELEASE}/app/50%.env"], RELEASE)
    assert line == '"/var/www/shop/releases/%i/venv/bin/python" "-c" "100%%i $$HOME" "/var/www/shop/releases/%i/app/50%%.env"'


@pytest.mark.parametrize("text", ['say "so"', "back\\slash\\", "a\nb\tc", "it's", "${A} $$ $(date)", "%h %%", " ends ", ";", "é"])
def test_systemd_reads_what_was_written(text: str, tmp_path: Path) -> None:
    unit = tmp_path / "shop.mail@r1.service"
    unit.write_text(f"[Service]\nExecStart={format_exec(['/bin/sh', '-c', text], RELEASE)}\n", encoding="utf-8")
    verified = subprocess.run(["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False)
    assert str(unit) not in verified.stderr
