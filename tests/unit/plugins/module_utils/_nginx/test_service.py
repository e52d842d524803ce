from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._nginx import service
from ansible_collections.webstack.flask.plugins.module_utils._nginx.service import find_refusal

BIND = "2026/11/27 01:00:0{0} [emerg] 77#77: bind() to 0.0.0.0:443 failed (98: Address already in use)\n"
GIVEN_UP = "2026/11/27 01:00:05 [emerg] 77#77: still could not bind()\n"


@pytest.mark.parametrize(
    ("log", "reason"),
    [
        ("", None),
        ("2026/11/27 01:00:00 [notice] 77#77: signal process started\n", None),
        ("".join(map(BIND.format, range(4))), None),
        ("".join(map(BIND.format, range(5))) + GIVEN_UP, "bind() to 0.0.0.0:443 failed (98: Address already in use)"),
        (
            '2026/11/27 01:00:00 [emerg] 77#77: open() "/x" failed (24: Too many open files)\n',
            'open() "/x" failed (24: Too many open files)',
        ),
        ("2026/11/27 01:00:00 [error] 78#78: *1 connect() failed\n", None),
    ],
)
def test_a_configuration_that_nginx_has_given_up_is_told_with_its_reason(log: str, reason: str | None) -> None:
    assert find_refusal(log) == reason


def test_what_the_log_said_before_does_not_count(tmp_path: Path) -> None:
    log = tmp_path / "error.log"
    log.write_text("before\n", encoding="ascii")
    size = log.stat().st_size
    log.write_text("before\nafter\n", encoding="ascii")
    assert service._read_from(log, size) == "after\n"  # noqa: SLF001 - the log itself is at a fixed place
    log.write_text("new\n", encoding="ascii")
    assert service._read_from(log, size) == "new\n"  # noqa: SLF001
    assert service._read_from(tmp_path / "none", 0) == ""  # noqa: SLF001
