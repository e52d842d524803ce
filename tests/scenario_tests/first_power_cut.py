"""A power cut in the first run on a bare machine, while dpkg unpacks: ``python -m scenario_tests.first_power_cut HOST``."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import time

from harness import machines

from scenario_tests.hosts import read_instance

_PATIENCE = 300  # seconds
_UNPACKING = "grep -q '^Status: install ok unpacked' /var/lib/dpkg/status /var/lib/dpkg/updates/*"


def main(name: str) -> None:
    """Run the site playbook until packages are unpacked and not configured, cut the power, and switch the machine on again."""
    guest = machines.load(str(read_instance(name)["container"]))
    argv = ["ansible-playbook", "--inventory", os.environ["MOLECULE_INVENTORY_FILE"], "--limit", name, "playbooks/site.yml"]
    with subprocess.Popen(argv, cwd=os.environ["MOLECULE_PROJECT_DIRECTORY"], stdin=subprocess.DEVNULL, start_new_session=True) as run:
        try:
            waiting = f"for tick in $(seq {_PATIENCE * 5}); do {_UNPACKING} && exit; sleep 0.2; done; exit 1"
            machines.call(guest, f"sudo sh -c {shlex.quote(waiting)}", timeout=_PATIENCE)
            machines.cut_power(guest.name)
        finally:
            os.killpg(run.pid, signal.SIGKILL)
    machines.switch_on(guest.name)
    machines.wait_until_ready(guest.name)
    left = machines.call(guest, "dpkg --audit; ls /var/lib/dpkg/updates")
    assert left.strip(), "the power was cut too early or too late: dpkg has nothing left to do"
    print(left)


if __name__ == "__main__":
    started = time.monotonic()
    main(sys.argv[1])
    print(f"after {time.monotonic() - started:.0f} s")
