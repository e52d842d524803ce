"""Disposable hosts are like a bare server that a provider has just handed out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from scenario_tests import as_user, http_get, published_port, restart

if TYPE_CHECKING:
    from testinfra.host import Host


def test_an_ordinary_user_becomes_root_without_a_password(host: Host) -> None:
    assert as_user(host, "admin", "id -un").stdout.strip() == "admin"
    assert as_user(host, "admin", "sudo -n id -un").stdout.strip() == "root"


def test_there_is_no_package_index(host: Host) -> None:
    assert host.run("apt-cache show nginx").rc != 0


@pytest.mark.parametrize("program", ["nginx", "pipenv", "git", "gcc", "curl"])
def test_nothing_is_installed_before_the_collection_does(host: Host, program: str) -> None:
    assert not host.exists(program)


@pytest.mark.parametrize("name", ["debian12", "debian13"])
def test_hosts_of_a_scenario_find_each_other_by_name(host: Host, name: str) -> None:
    assert host.run("getent hosts %s", name).rc == 0


def test_a_page_is_reached_through_the_published_port_before_and_after_a_restart(host: Host) -> None:
    host.check_output("mkdir -p /srv/page && echo hello > /srv/page/index.html")
    host.check_output(
        "printf '[Service]\\nExecStart=/usr/bin/python3 -m http.server --directory /srv/page 80\\n"
        "[Install]\\nWantedBy=multi-user.target\\n' > /etc/systemd/system/page.service",
    )
    host.check_output("systemctl enable --now page.service")
    host.check_output("timeout 60 sh -c 'until ss -ltn | grep -q :80; do sleep 0.1; done'")
    port = published_port(host, 80)
    assert http_get(host, "any.test").body == "hello\n"

    restart(host)

    host.check_output("timeout 60 sh -c 'until ss -ltn | grep -q :80; do sleep 0.1; done'")
    assert published_port(host, 80) == port
    assert http_get(host, "any.test").body == "hello\n"
