"""What is particular to virtual machines as they are handed out: small, alone with their names, in no language that they have."""

from __future__ import annotations

import platform
from pathlib import Path
from typing import TYPE_CHECKING

from scenario_tests import other_clock, run_playbook
from scenario_tests.faulty import EVERYTHING, describe, ensure_served, new_version, served, words_of

if TYPE_CHECKING:
    from testinfra.host import Host

testinfra_hosts = ["debian12"]


def test_the_machine_is_one_of_its_own(host: Host) -> None:
    assert host.check_output("systemd-detect-virt --vm") in ("kvm", "qemu")
    assert host.check_output("uname -v") != platform.version()
    assert host.run("grep -w %s /etc/hosts", host.check_output("hostname")).rc == 1


def test_the_app_was_served_from_bare_without_running_out_of_memory(host: Host) -> None:
    assert ensure_served(host)
    assert host.run("journalctl --no-pager --dmesg --grep 'Out of memory|oom-kill'").stdout.strip() in ("", "-- No entries --")


def test_this_machine_has_a_language_that_was_never_generated(host: Host) -> None:
    assert "es_ES" in host.check_output("cat /etc/default/locale")
    assert "es_ES" not in host.check_output("locale -a 2>/dev/null")


def test_a_machine_whose_clock_is_years_behind_is_told_so_and_nothing_is_changed(host: Host) -> None:
    version = ensure_served(host)
    with other_clock(host):
        host.check_output("date --set 2020-01-01")
        refused = run_playbook(host, Path(EVERYTHING), describe(host, new_version()))
    assert refused.status != 0
    assert refused.changed == 0
    assert "The clock of debian12 says 2020-01-01" in words_of(refused)
    assert "sudo date --set=@" in words_of(refused)
    assert served(host) == version
