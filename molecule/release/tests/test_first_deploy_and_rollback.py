"""From the first release of an app's life, through rollbacks, to what pruning leaves of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from scenario_tests.faulty import NAME, ROOT, SITE, deploy, ensure_served, new_version, roll_back, served, start_afresh, state_of, words_of
from scenario_tests.load import show, watch

if TYPE_CHECKING:
    from testinfra.host import Host

testinfra_hosts = ["debian13"]


def test_when_the_first_deploy_ever_fails_nothing_is_left_running_and_the_fixed_one_succeeds(host: Host) -> None:
    start_afresh(host)
    failed = deploy(host, "bad", "import error")
    assert failed.status != 0
    assert "ImportError: the import of bad" in words_of(failed)
    state = state_of(host)
    assert (state.current, state.services, state.sockets, state.services_at_boot, len(state.failed)) == (None, [], [], [], 1)

    only = new_version()
    deploy(host, only).succeeded()
    assert served(host) == only
    assert state_of(host).find_untidiness() == []

    refused = roll_back(host)
    assert refused.status != 0
    assert "faulty has no release to go back to: none besides the current one" in words_of(refused)
    assert served(host) == only


def test_rollback_passes_over_failed_releases_and_returns_when_repeated(host: Host) -> None:
    first, second = new_version(), new_version()
    deploy(host, first).succeeded()
    named = state_of(host).current
    deploy(host, second).succeeded()
    assert deploy(host, "bad", "import error").status != 0
    before = state_of(host)
    assert before.failed
    with watch(host, SITE) as seen:
        refused = roll_back(host, before.failed[0])
        unknown = roll_back(host, "0123456789ab")
        assert state_of(host) == before
        assert roll_back(host).succeeded().changed == 1
        assert served(host) == first
        # On the machine, without Ansible.
        said = host.check_output(f"webstack {NAME} rollback").splitlines()
        assert said[0] == f"{NAME}: users are at release {before.current}, and were at {named}"
        assert served(host) == second
        back = json.loads(host.run(f"webstack {NAME} rollback --json --release {before.failed[0]}").stdout)
        assert (back["ok"], back["releases"][NAME]["current"]) == (False, before.current)
        assert roll_back(host, named).succeeded().changed == 1
        assert served(host) == first
        assert roll_back(host, named).succeeded().changed == 0
    assert seen.failures == [], show(seen.failures)
    assert seen.versions == [second, first, second, first]
    assert refused.status != 0
    assert f"release {before.failed[0]} of faulty has not been healthy, so users are not sent to it: release" in words_of(refused)
    assert unknown.status != 0
    assert "faulty has no release '0123456789ab' on this host; it has" in words_of(unknown)
    assert state_of(host).find_untidiness() == []


def test_a_release_is_asked_for_its_health_in_its_own_way_also_when_users_are_taken_back_to_it(host: Host) -> None:
    older, newer = new_version(), new_version()
    deploy(host, older, "health wrong", health={"statuses": [204]}).succeeded()
    deploy(host, newer).succeeded()
    assert roll_back(host).succeeded().changed == 1
    assert served(host) == older
    assert state_of(host).find_untidiness() == []
    assert deploy(host, older, "health wrong", health={"statuses": [204], "deadline": 10}).succeeded().changed == 1
    assert deploy(host, older, "health wrong", health={"statuses": [204], "deadline": 10}).succeeded().changed == 0


def test_pruning_keeps_the_live_one_three_good_two_failed_and_what_they_use(host: Host) -> None:
    ensure_served(host)
    state = state_of(host)
    record = state.records[state.current or ""] or {}
    for number in range(5):
        add_release(host, {**record, "id": f"good{number}", "verified": 1000.0 + number, "build": f"build{number}"})
        add_release(host, {**record, "id": f"bad{number}", "verified": None, "failed": 1000.0 + number, "build": f"other{number}"})
    others = [*(f"good{number}" for number in range(5)), *(f"bad{number}" for number in range(5))]
    for release in {*state.records} - {state.current}:
        host.check_output("rm -r %s", f"{ROOT}/releases/{release}")
    host.check_output(f"cd {ROOT}/builds && mkdir build0 build4 other0 other4 forgotten fresh && touch -d '11 minutes ago' [bof]*[0-9n]")

    live = new_version()
    deploy(host, live).succeeded()

    after = state_of(host)
    assert served(host) == live
    assert [name for name in others if name in after.records] == ["good3", "good4", "bad3", "bad4"]
    assert state.current in after.records
    assert len(after.records) == 6
    assert not {"build0", "other0", "forgotten"} & {*after.builds}
    assert {record["build"], "build4", "other4", "fresh"} <= {*after.builds}
    assert record["environment"] in after.environments
    assert after.find_untidiness() == []
    assert deploy(host, live).succeeded().changed == 0


def add_release(host: Host, record: dict[str, object]) -> None:
    """Put a release on the host that has once been there, as far as its record goes."""
    directory = f"{ROOT}/releases/{record['id']}"
    host.check_output("mkdir %s && printf %%s %s > %s", directory, json.dumps(record), f"{directory}/release.json")
