"""Frameworks answer as Flask does; what is theirs is the same on either Debian."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from scenario_tests import http_get
from scenario_tests.releases import read_app

if TYPE_CHECKING:
    from testinfra.host import Host

testinfra_hosts = ["debian13"]


@pytest.mark.parametrize(
    ("app", "page"), {"django": "django\n", "pyramid": "pyramid\n", "fastapi": '"fastapi"', "quart": "quart\n"}.items()
)
def test_the_framework_answers(host: Host, app: str, page: str) -> None:
    answer = http_get(host, f"{app}.test")
    assert (answer.status, answer.body) == (200, page)
    assert read_app(host, app).find_untidiness() == []
