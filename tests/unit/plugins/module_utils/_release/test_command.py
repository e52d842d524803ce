"""How a release command is called."""

from __future__ import annotations

from pathlib import Path

from ansible_collections.webstack.flask.plugins.module_utils._layout import AppLayout
from ansible_collections.webstack.flask.plugins.module_utils._release.command import list_properties, list_variables

SHOP = AppLayout("shop", Path("/srv/shop"))
RELEASE = "/srv/shop/releases/0123"


def test_a_command_runs_as_the_app_in_the_release_s_directory_and_is_confined_as_the_app_is() -> None:
    properties = list_properties(SHOP, "0123", ["MemoryMax=1G"], "web")
    assert {"User=shop", "Group=shop", f"WorkingDirectory={RELEASE}/app/web", f"EnvironmentFile={RELEASE}/env"} <= set(properties)
    assert properties[-1] == "MemoryMax=1G", "what the app says comes after the usual limit"
    assert {"HOME": "/srv/shop/shared", "FLASK_SKIP_DOTENV": "1"}.items() <= list_variables(SHOP, "0123").items()
