"""What holds on the hosts of every scenario once it is done."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from testinfra.host import Host


def test_no_unit_has_failed(host: Host) -> None:
    assert host.run("systemctl list-units --failed --plain --no-legend --full").stdout == ""
