"""Whether somebody has used the Redis that Debian's package has started."""

from __future__ import annotations

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._redis.debians import is_unused
from ansible_collections.webstack.flask.plugins.module_utils._redis.keeper import read_memory
from ansible_collections.webstack.flask.plugins.module_utils._redis.server import parse_info

NOW = 1_000_000.0
FRESH = "# Server\r\nprocess_id:42\r\nuptime_in_seconds:30\r\n# Commandstats\r\ncmdstat_info:calls=1\r\n# Keyspace\r\n"


def test_one_that_runs_since_it_was_installed_and_was_asked_nothing_is_unused() -> None:
    assert is_unused(parse_info(FRESH), 42, enabled=NOW - 31, now=NOW)


@pytest.mark.parametrize(
    "told",
    [
        FRESH.replace("process_id:42", "process_id:43"),
        FRESH.replace("cmdstat_info:calls=1", "cmdstat_info:calls=1\r\ncmdstat_ping:calls=1"),
        FRESH + "db0:keys=1,expires=0\r\n",
        FRESH + "db15:keys=1,expires=0\r\n",
        "",
    ],
    ids=["another one has the port", "somebody has asked", "it has data", "it has data elsewhere", "it says nothing"],
)
def test_one_that_somebody_may_have_used_is_not(told: str) -> None:
    assert not is_unused(parse_info(told), 42, enabled=NOW - 31, now=NOW)


@pytest.mark.parametrize("enabled", [NOW - 3600, NOW], ids=["started again since", "enabled later, by somebody"])
def test_one_that_the_installation_has_not_started_is_not(enabled: float) -> None:
    assert not is_unused(parse_info(FRESH), 42, enabled=enabled, now=NOW)


def test_the_memory_of_a_host_is_what_the_kernel_says() -> None:
    assert read_memory("MemTotal:        2048 kB\nMemFree: 1 kB\n") == 2 << 20
    assert read_memory("") == 0
