"""An app that goes takes its certificate with it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from scenario_tests import run_playbook

if TYPE_CHECKING:
    from scenario_tests import Play
    from scenario_tests.tls import Users
    from testinfra.host import Host

testinfra_hosts = ["served"]


def take_away(host: Host) -> Play:
    return run_playbook(host, Path("playbooks/remove.yml"), {"app": "star"}).succeeded()


@pytest.fixture(scope="module", autouse=True)
def gone(host: Host) -> None:
    """Have the app taken away."""
    take_away(host)


def test_an_app_that_is_taken_away_leaves_no_certificate_to_renew(host: Host, users: Users) -> None:
    assert host.run("ls /etc/letsencrypt/renewal").stdout.split() == ["webstack-flask-shop.conf"]
    assert host.run("ls /etc/webstack-flask/certificates").stdout.split() == ["shop.pem"]
    assert users.get(f"https://{users.name('shop')}/").status == 200


@pytest.mark.any_debian("debian12")
def test_to_take_it_away_again_changes_nothing(host: Host) -> None:
    assert take_away(host).changed == 0
