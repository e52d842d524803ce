"""Apps whose code, or whose pages, lie elsewhere than usual; that is the same on either Debian."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scenario_tests import http_get
from scenario_tests.releases import read_app

if TYPE_CHECKING:
    from testinfra.host import Host

testinfra_hosts = ["debian12"]


def test_an_app_whose_modules_lie_in_several_directories_answers(host: Host) -> None:
    answer = http_get(host, "layered.test")
    assert (answer.status, answer.body) == (200, "found beside\n")
    assert read_app(host, "layered").find_untidiness() == []


def test_an_app_that_is_nothing_but_packages_is_installed_from_its_lock(host: Host) -> None:
    assert http_get(host, "locked.test").status == 404
    assert read_app(host, "locked").find_untidiness() == []


def test_an_app_below_a_path_makes_its_links_so(host: Host) -> None:
    assert http_get(host, "mounted.test", "/shop/").body == "hello\n"
    assert http_get(host, "mounted.test", "/shop/link").body == "/shop/"
    assert http_get(host, "mounted.test", "/shop/static/style.css").body == "body { color: teal }\n"
    assert http_get(host, "mounted.test", "/").status == 404
    assert http_get(host, "live.test", "/live/").body == "async\n"
