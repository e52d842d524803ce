"""Running the role again, in another way, from within a test."""

from __future__ import annotations

import json
import os
import re
import subprocess
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from testinfra.host import Host

SCENARIO = Path(__file__).parent.parent
SITES = yaml.safe_load((SCENARIO / "vars/sites.yml").read_text(encoding="utf-8"))["nginx_site_sites"]


@dataclass(frozen=True)
class Outcome:
    """How a run of the role ended."""

    succeeded: bool
    changed: int
    output: str
    """What Ansible printed, in one line."""


@pytest.fixture
def sites() -> dict[str, dict[str, Any]]:
    """The sites of the scenario by name, to be varied."""
    return {site["name"]: deepcopy(site) for site in SITES}


@pytest.fixture
def run_role(host: Host) -> Iterator[Callable[..., Outcome]]:
    """Return a function that runs the role on the host for these sites; in the end the scenario's own are back.

    A run that fails, or only plans, is to leave everything as it was, so nothing is put back after it.
    """
    name = host.backend.get_hostname()
    last = SITES

    def run(*sites: dict[str, Any], options: tuple[str, ...] = (), **variables: Any) -> Outcome:  # noqa: ANN401
        nonlocal last
        variables = {"nginx_site_sites": list(sites), "nginx_site_install": False, **variables}
        result = subprocess.run(
            [
                "ansible-playbook",
                f"--inventory={os.environ['MOLECULE_INVENTORY_FILE']}",
                f"--limit={name}",
                f"--extra-vars={json.dumps(variables)}",
                *options,
                str(SCENARIO / "converge.yml"),
            ],
            capture_output=True,
            text=True,
            check=False,
            env=os.environ | {"NO_COLOR": "1", "ANSIBLE_FORCE_COLOR": "0", "COLUMNS": "10000"},
        )
        output = result.stdout + result.stderr
        recap = re.search(rf"{re.escape(name)} .*changed=(\d+)", output)
        if result.returncode == 0 and "--check" not in options:
            last = list(sites)
        return Outcome(result.returncode == 0, int(recap[1]) if recap else 0, re.sub(r"\s+", " ", output))

    yield run
    if last != SITES:
        assert run(*SITES).succeeded
