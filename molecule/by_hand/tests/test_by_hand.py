"""The page docs/by-hand.md leads to a served app."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scenario_tests import as_user, http_get, restart

if TYPE_CHECKING:
    from testinfra.host import Host


def test_the_app_is_served_under_both_names(host: Host) -> None:
    for name in ("mi-aplicacion.test", "www.mi-aplicacion.test"):
        answer = http_get(host, name)
        assert answer.status == 200
        assert "Served by hand" in answer.body


def test_another_user_reads_neither_code_nor_variables(host: Host) -> None:
    assert as_user(host, "nobody", "cat /var/www/mi-aplicacion/application.py").failed
    assert as_user(host, "nobody", "cat /etc/mi-aplicacion.env").failed


def test_the_app_is_served_again_after_a_reboot(host: Host) -> None:
    restart(host)
    assert http_get(host, "mi-aplicacion.test").status == 200
