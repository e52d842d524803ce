"""Several hosts in one run, at once or one after the other."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from scenario_tests import run_playbook
from scenario_tests.faulty import DEPLOY, ROLLBACK, SITE, describe, ensure_served, new_version, served, state_of, words_of
from scenario_tests.load import show, watch

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scenario_tests import Play
    from testinfra.host import Host

testinfra_hosts = ["debian12"]


def run_on_both(host: Host, playbook: str, variables: Mapping[str, object]) -> Play:
    """Run a playbook on both hosts, one after the other."""
    return run_playbook(host, Path(playbook), {**variables, "flask_serial": 1}, options=["--limit", "debian12:debian13"])


def test_hosts_are_taken_one_after_the_other_and_a_bad_release_stops_at_the_first(host: Host) -> None:
    other = host.get_host("ansible://debian13", ansible_inventory=host.backend.ansible_inventory, sudo=True)
    before, version = (ensure_served(host), ensure_served(other)), new_version()
    with watch(host, SITE) as seen, watch(other, SITE) as seen_there:
        untouched = state_of(other)
        failed = run_on_both(host, DEPLOY, describe(host, "bad", "import error"))
        assert failed.status != 0
        assert "ImportError: the import of bad" in words_of(failed)
        assert (served(host), state_of(other)) == (before[0], untouched)

        run_on_both(host, DEPLOY, describe(host, version)).succeeded()
        assert (served(host), served(other)) == (version, version)
        run_on_both(host, ROLLBACK, describe(host, version)).succeeded()
        assert (served(host), served(other)) == before
    assert (seen.failures, seen_there.failures) == ([], []), show([*seen.failures, *seen_there.failures])
    assert seen.versions == [before[0], version, before[0]]
    assert seen_there.versions == [before[1], version, before[1]]
    assert (state_of(host).find_untidiness(), state_of(other).find_untidiness()) == ([], [])


@pytest.mark.parametrize("playbook", ["site", "deploy", "rollback", "remove"])
def test_a_count_of_hosts_that_ansible_would_misunderstand_is_refused(host: Host, playbook: str) -> None:
    run = run_playbook(host, Path(f"playbooks/{playbook}.yml"), {"flask_serial": 0})
    assert run.status != 0
    assert "flask_serial is 0; allowed is how many hosts to take at a time" in words_of(run)
    assert "TASK" not in run.output
