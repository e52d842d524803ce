"""A command that is run by hand has the release's sandbox, variables and directory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._layout import AppLayout
from ansible_collections.webstack.flask.plugins.module_utils._release.record import ReleaseRecord
from ansible_collections.webstack.flask.plugins.module_utils._webstack.once import choose_shell, list_call, list_limits

if TYPE_CHECKING:
    from pathlib import Path

SHOP = AppLayout.of("shop")


def test_the_unit_is_as_closed_as_the_app_and_runs_where_its_code_is() -> None:
    record = ReleaseRecord("a" * 12, "b", "e", created=1, context={"chdir": "src", "env_files": []})
    lines = list_limits(SHOP, record, ["ProtectSystem=strict", "MemoryMax=1G"], 5)
    assert "User=shop" in lines
    assert f"WorkingDirectory=/var/www/shop/releases/{'a' * 12}/app/src" in lines
    assert "RuntimeMaxSec=5" in lines
    # What the unit of the app says counts, since it comes later.
    assert lines.index("MemoryMax=60%") < lines.index("MemoryMax=1G")
    assert not any(line.startswith("RuntimeMaxSec") for line in list_limits(SHOP, record, [], None))


def test_words_reach_the_program_as_they_are() -> None:
    call = list_call("unit", ["User=shop"], ["bash", "-c", "echo $HOME; x"], "--pipe")
    assert call[:5] == ["systemd-run", "--quiet", "--wait", "--collect", "--service-type=exec"]
    assert "--property=User=shop" in call
    assert not any("$HOME" in word for word in call)


@pytest.mark.parametrize(
    ("files", "variables", "shell"),
    [
        (["app/manage.py", "venv/bin/flask"], ["FLASK_APP"], "python manage.py shell"),
        (["venv/bin/flask"], ["FLASK_APP"], "flask shell"),
        (["venv/bin/flask"], [], "python"),
        ([], ["FLASK_APP"], "python"),
    ],
)
def test_the_shell_is_that_of_the_framework(tmp_path: Path, files: list[str], variables: list[str], shell: str) -> None:
    for file in files:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).touch()
    assert choose_shell(variables, tmp_path / "app", tmp_path / "venv") == shell
