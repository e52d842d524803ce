"""How a release command is called."""

from __future__ import annotations

from pathlib import Path

from ansible_collections.webstack.flask.plugins.module_utils.layout import AppLayout
from ansible_collections.webstack.flask.plugins.module_utils.release_command import format_command

SHOP = AppLayout("shop", Path("/srv/shop"))
RELEASE = "/srv/shop/releases/0123"


def test_a_command_runs_as_the_app_in_the_release_s_directory_and_is_confined_as_the_app_is() -> None:
    call = format_command(SHOP, "0123", "flask db upgrade", ["MemoryMax=1G"], chdir="web", env_files=[], timeout=60)
    assert call[-3:] == ["/bin/sh", "-c", "flask db upgrade"]
    assert {
        *("--property=User=shop", "--property=Group=shop", f"--property=WorkingDirectory={RELEASE}/app/web"),
        *(f"--property=EnvironmentFile={RELEASE}/env", "--property=RuntimeMaxSec=60", "--property=MemoryMax=1G"),
        *("--setenv=HOME=/srv/shop/shared", "--setenv=FLASK_SKIP_DOTENV=1"),
    } <= set(call)


def test_files_of_variables_are_read_by_the_environment_s_own_python() -> None:
    call = list(format_command(SHOP, "0123", "flask db upgrade", [], chdir="", env_files=[".flaskenv", "conf/.env"], timeout=60))
    wrapped = call[call.index("--") + 1 :]
    assert wrapped[:2] == [f"{RELEASE}/venv/bin/python", "-c"]
    assert wrapped[3:] == ["flask db upgrade", f"{RELEASE}/app/.flaskenv", f"{RELEASE}/app/conf/.env"]
