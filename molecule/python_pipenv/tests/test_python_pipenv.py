"""What the role leaves: environments that work, and that the app cannot change."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from scenario_tests import as_user

if TYPE_CHECKING:
    from testinfra.host import Host

APPS = ("piped", "required")


@pytest.mark.parametrize("app", APPS)
def test_the_app_can_import_flask_and_start_gunicorn(host: Host, app: str) -> None:
    programs = f"/var/www/{app}/environments/*/bin"
    assert host.run(f"set -e; for bin in {programs}; do $bin/python -c 'import flask'; $bin/gunicorn --version; done").succeeded


@pytest.mark.parametrize("app", APPS)
def test_another_user_does_not_look_into_it(host: Host, app: str) -> None:
    assert as_user(host, "nobody", f"ls /var/www/{app}/environments").failed
