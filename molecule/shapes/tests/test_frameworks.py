"""Frameworks answer as Flask does; what is theirs is the same on either Debian."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from scenario_tests import http_get
from scenario_tests.releases import read_app

if TYPE_CHECKING:
    from testinfra.host import Host

testinfra_hosts = ["debian13"]


PAGES = {
    "bottled": ("/", "bottled\n"),
    "falcon": ("/things", json.dumps({"things": []})),
    "django": ("/", "django\n"),
    "pyramid": ("/", "pyramid\n"),
    "fastapi": ("/", '"fastapi"'),
    "quart": ("/", "quart\n"),
}


@pytest.mark.parametrize("app", PAGES)
def test_the_framework_answers(host: Host, app: str) -> None:
    path, page = PAGES[app]
    answer = http_get(host, f"{app}.test", path)
    assert (answer.status, answer.body) == (200, page)
    assert read_app(host, app).find_untidiness() == []


def test_what_an_asgi_app_raises_is_in_the_journal_and_it_knows_its_visitor(host: Host) -> None:
    assert json.loads(http_get(host, "fastapi.test", "/visitor").body)[0] == "http"
    assert http_get(host, "fastapi.test", "/boom").status == 500
    unit = f"fastapi@{read_app(host, 'fastapi').current}.service"
    assert "RuntimeError: the reason of the 500" in host.check_output("journalctl -u %s", unit)
