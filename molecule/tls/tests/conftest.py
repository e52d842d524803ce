"""The users of the apps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from scenario_tests.tls import Users, find_users

if TYPE_CHECKING:
    from testinfra.host import Host


@pytest.fixture
def users(host: Host) -> Users:
    """Return the users of a host."""
    return find_users(host)
