"""What the tests of molecule scenarios share."""

from __future__ import annotations

from scenario_tests.hosts import (
    Answer,
    as_user,
    cut_power,
    http_get,
    http_request,
    inventory_name,
    one_of,
    other_clock,
    published_port,
    restart,
    take_fingerprint,
    wait_on_host,
)
from scenario_tests.play import Play, run_playbook, run_role

__all__ = [
    "Answer",
    "Play",
    "as_user",
    "cut_power",
    "http_get",
    "http_request",
    "inventory_name",
    "one_of",
    "other_clock",
    "published_port",
    "restart",
    "run_playbook",
    "run_role",
    "take_fingerprint",
    "wait_on_host",
]
