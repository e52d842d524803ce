"""Each part of an app is found in the place where it says something."""

from __future__ import annotations

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._layout import AppLayout
from ansible_collections.webstack.flask.plugins.module_utils._release.record import ReleaseRecord
from ansible_collections.webstack.flask.plugins.module_utils._webstack.logs import Wanted, list_failure, list_log_call, list_units

SHOP = AppLayout.of("shop")
RECORD = ReleaseRecord("a", "b", "e", created=1, processes=({"name": "rq", "count": 2},), schedules=({"name": "tidy"},))


@pytest.mark.parametrize(
    ("part", "units"),
    [
        (None, ["shop@*.service", "shop.*.service", "shop-release-command.service", "shop-build.service"]),
        ("web", ["shop@*.service"]),
        ("deploy", ["shop-release-command.service", "shop-build.service"]),
        ("backup", ["shop.backup.service", "shop.verify.service"]),
        ("rq", ["shop.rq@*.service", "shop.rq.*@*.service"]),
        ("tidy", ["shop.tidy.job@*.service", "shop.tidy.job.service"]),
    ],
)
def test_a_part_has_its_units(part: str | None, units: list[str]) -> None:
    assert list_units(SHOP, RECORD, part) == units


def test_another_part_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(UserError, match="shop has no part rqq; it has backup, deploy, nginx, rq, tidy, web"):
        list_units(SHOP, RECORD, "rqq")


def test_what_is_asked_for_reaches_the_journal() -> None:
    call = list_log_call(SHOP, RECORD, Wanted("web", 7, follow=True, since="1 hour ago", grep="a b"))
    assert call[0] == "journalctl"
    assert {"--lines=7", "--follow", "--since=1 hour ago", "--grep=a b", "--unit=shop@*.service"} <= set(call)


def test_the_files_of_nginx_are_searched_and_a_pattern_is_no_shell_command() -> None:
    assert list_log_call(SHOP, RECORD, Wanted("nginx", 3))[-2:] == ["/var/log/nginx/shop.access.log", "/var/log/nginx/shop.error.log"]
    for follow in (False, True):
        call = list_log_call(SHOP, RECORD, Wanted("nginx", 3, follow=follow, grep="$(id)"))
        assert "$(id)" not in call[2]
        assert "$(id)" in call[3:]
    with pytest.raises(UserError, match="--since"):
        list_log_call(SHOP, RECORD, Wanted("nginx", since="today"))


def test_a_failure_is_told_with_its_reason_and_what_to_do() -> None:
    lines = list_failure("shop", ReleaseRecord("c", "b", "e", created=1, version="v2", failed=2, reason="one\ntwo"), "a")
    assert lines[:3] == ["release c of shop, version v2, has failed:", "one", "two"]
    assert "Users were left with release a" in lines[3]
