"""Fixtures for tests of what is the same on either Debian: it is tried on one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from testinfra.host import Host


@pytest.fixture
def _on_debian12(host: Host) -> None:
    """Run the test on Debian 12 alone."""
    _require(host, "12")


@pytest.fixture
def _on_debian13(host: Host) -> None:
    """Run the test on Debian 13 alone."""
    _require(host, "13")


def _require(host: Host, release: str) -> None:
    if not host.system_info.release.startswith(release):
        pytest.skip(f"the same on either Debian, and tried on {release}")
