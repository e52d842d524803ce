"""How a release command is called."""

from __future__ import annotations

from pathlib import Path

from ansible_collections.webstack.flask.plugins.module_utils._layout import AppLayout
from ansible_collections.webstack.flask.plugins.module_utils._release.command import list_properties, list_variables, wrap

SHOP = AppLayout("shop", Path("/srv/shop"))
RELEASE = "/srv/shop/releases/0123"


def test_a_command_runs_as_the_app_in_the_release_s_directory_and_is_confined_as_the_app_is() -> None:
    properties = list_properties(SHOP, "0123", ["MemoryMax=1G"], "web")
    assert {"User=shop", "Group=shop", f"WorkingDirectory={RELEASE}/app/web", f"EnvironmentFile={RELEASE}/env"} <= set(properties)
    assert properties[-1] == "MemoryMax=1G", "what the app says comes after the usual limit"
    assert {"HOME": "/srv/shop/shared", "FLASK_SKIP_DOTENV": "1"}.items() <= list_variables(SHOP, "0123").items()


def test_a_command_is_one_argument_of_a_shell() -> None:
    assert wrap("flask db upgrade; echo $X", [], Path(RELEASE)) == ["/bin/sh", "-c", "flask db upgrade; echo $X"]


def test_files_of_variables_are_read_by_the_environment_s_own_python() -> None:
    wrapped = wrap("flask db upgrade", [".flaskenv", "conf/.env"], Path(RELEASE))
    assert wrapped[:2] == [f"{RELEASE}/venv/bin/python", "-c"]
    assert wrapped[3:] == ["flask db upgrade", f"{RELEASE}/app/.flaskenv", f"{RELEASE}/app/conf/.env"]
