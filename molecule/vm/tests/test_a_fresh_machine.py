"""What is particular to virtual machines as they are handed out: small, alone with their names, in no language that they have."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING

from scenario_tests.faulty import ensure_served

if TYPE_CHECKING:
    from testinfra.host import Host

testinfra_hosts = ["debian12", "debian13"]


def test_the_machine_is_one_of_its_own(host: Host) -> None:
    assert host.check_output("systemd-detect-virt --vm") in ("kvm", "qemu")
    assert host.check_output("uname -v") != platform.version()
    assert host.run("grep -w %s /etc/hosts", host.check_output("hostname")).rc == 1


def test_the_app_was_served_from_bare_without_running_out_of_memory(host: Host) -> None:
    assert ensure_served(host)
    assert host.run("journalctl --no-pager --dmesg --grep 'Out of memory|oom-kill'").stdout.strip() in ("", "-- No entries --")
