"""How commands finish a build."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._encoding import encode
from ansible_collections.webstack.flask.plugins.module_utils._environment.build_step import (
    BuildStep,
    list_hints,
    list_properties,
    list_variables,
    require_finished,
)
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._layout import AppLayout

SHOP = AppLayout("shop", Path("/srv/shop"))
BUILD, ENVIRONMENT = Path("/srv/shop/builds/0123"), Path("/srv/shop/environments/4567")


def _step(**changes: object) -> BuildStep:
    described = {"commands": ["make"], "variables": "e30=", "chdir": "", "python_path": [], "places": {}, "shared": [], "public": []}
    return BuildStep.of({**described, **changes})


def test_a_command_sees_the_copies_in_their_final_places_and_neither_other_builds_nor_data_nor_variables_of_releases() -> None:
    properties = set(list_properties(SHOP, BUILD, ENVIRONMENT, "web", (998, 997)))
    assert {"User=998", "Group=997", f"WorkingDirectory={BUILD}/web", "TemporaryFileSystem=/srv/shop/builds:ro"} <= properties
    assert "InaccessiblePaths=-/run/dbus -/srv/shop/shared -/srv/shop/releases" in properties
    work = "/var/cache/webstack-flask/shop/work"
    assert f"BindPaths={work}/project:{BUILD} {work}/environment:{ENVIRONMENT}" in properties
    assert {"ProtectSystem=strict", "NoNewPrivileges=yes", f"ReadWritePaths={work}"} <= properties


def test_a_command_gets_the_way_to_the_network_and_what_is_named_and_no_secret_of_an_index() -> None:
    given = {"HTTPS_PROXY": "http://proxy.test", "PIP_INDEX_URL": "https://u:secret@pypi.test", "PIP_EXTRA_INDEX_URL": "x", "TOKEN": "x"}
    step = _step(variables=encode({"MODE": "production", "HOME": "/srv/x"}), python_path=["lib"])
    variables = list_variables(SHOP, BUILD, ENVIRONMENT, step, given)
    assert {
        "HTTPS_PROXY": "http://proxy.test",
        "MODE": "production",
        "HOME": "/srv/x",
        "PYTHONPATH": f"{BUILD}/lib",
    }.items() <= variables.items()
    assert not {"PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "TOKEN"} & set(variables)
    assert variables["PATH"].startswith(f"{ENVIRONMENT}/bin:")


@pytest.mark.parametrize(
    ("status", "said", "words"),
    [
        (127, "/bin/sh: 1: npm: not found", "`dependencies: {build_packages: [npm]}`"),
        (1, "KeyError: 'SECRET_KEY'", "`build_env`"),
        (1, "PermissionError: [Errno 13] Permission denied: '/srv/shop/builds/0123/media/x'", "'media' is in `shared`"),
        (1, "npm ERR! code SELF_SIGNED_CERT_IN_CHAIN", "NODE_EXTRA_CA_CERTS"),
        (1, "npm error code ENOTFOUND\nnpm error errno ENOTFOUND", "npm_config_registry"),
        (1, "npm ERR! code E401\nnpm ERR! Incorrect or missing password.", "`build_env: {NPM_TOKEN: ...}`"),
        (1, "npm error code EUSAGE\nnpm error\nnpm error The `npm ci` command can only install with", "commit a package-lock.json"),
        (134, "FATAL ERROR: Ineffective mark-compacts near heap limit Allocation failed - JavaScript heap out of memory", "NODE_OPTIONS"),
    ],
)
def test_the_commonest_ends_have_a_hint(status: int, said: str, words: str) -> None:
    (hint,) = list_hints(status, said, _step(shared=["media"]))
    assert words in hint


def test_other_ends_have_none() -> None:
    assert list_hints(2, "make: *** No rule to make target", _step(shared=["media"])) == []


def test_a_build_that_commands_have_changed_must_still_be_one(tmp_path: Path) -> None:
    (tmp_path / "media").symlink_to("../../shared/media")
    (tmp_path / "dist").mkdir()
    step = _step(shared=["media"], places={"static.paths": ["dist", "media"]})
    require_finished(tmp_path, step)
    (tmp_path / "dist/app.js").symlink_to("/etc/passwd")
    with pytest.raises(UserError, match=r"after `build_commands`, dist/app\.js is a link to /etc/passwd, which is outside the source"):
        require_finished(tmp_path, step)
    (tmp_path / "dist/app.js").unlink()
    with pytest.raises(UserError, match="'made', which neither the source has nor `build_commands` made"):
        require_finished(tmp_path, _step(places={"static.paths": ["made"]}, shared=["media"]))
    (tmp_path / "media").unlink()
    (tmp_path / "media").mkdir()
    with pytest.raises(UserError, match="`build_commands` have replaced 'media', which is in `shared`"):
        require_finished(tmp_path, step)
