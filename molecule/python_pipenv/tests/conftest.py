"""A fixture for the tests of this scenario."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml
from scenario_tests.environments import Workbench

if TYPE_CHECKING:
    from testinfra.host import Host


@pytest.fixture(scope="module")
def bench(host: Host) -> Workbench:
    """Return the host without what an earlier run of the tests has left."""
    apps = yaml.safe_load((Path(__file__).parents[1] / "apps.yml").read_text(encoding="utf-8"))["python_pipenv_apps"]
    bench = Workbench(host, {app["name"]: app for app in apps})
    bench.clear()
    return bench
