"""nginx serves files by itself, those alone, and leaves the rest to the upstream."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from scenario_tests import Answer, http_get, http_request

if TYPE_CHECKING:
    from testinfra.host import Host

CSS = "/static/styles/site.css"
OPTIONS_PORT = 8080


def get_option(host: Host, path: str) -> Answer:
    """Ask the site with many options."""
    return http_get(host, "options.test", path, port=OPTIONS_PORT)


def asked_path(answer: Answer) -> str:
    """Return the path that the upstream was asked for."""
    path: str = json.loads(answer.body)["path"]
    return path


def test_a_file_is_served_with_its_type_and_age(host: Host) -> None:
    answer = http_get(host, "static.test", CSS)
    assert answer.body.startswith("body { margin: 0 }")
    assert answer.headers["content-type"] == "text/css; charset=utf-8"
    assert answer.headers["cache-control"] == "max-age=60"


@pytest.mark.parametrize(
    ("path", "kind"),
    [("module.mjs", "text/javascript; charset=utf-8"), ("site.webmanifest", "application/manifest+json; charset=utf-8")],
)
def test_types_that_debian_does_not_know_are_right(host: Host, path: str, kind: str) -> None:
    assert http_get(host, "static.test", f"/static/{path}").headers["content-type"] == kind


def test_head_range_and_conditions_work(host: Host) -> None:
    head = http_request(host, "static.test", "HEAD", CSS)
    assert (head.status, head.body, head.headers["content-length"]) == (200, "", "3800")
    part = http_request(host, "static.test", "GET", CSS, headers={"Range": "bytes=0-3"})
    assert (part.status, part.body) == (206, "body")
    for header, value in (("If-Modified-Since", head.headers["last-modified"]), ("If-None-Match", head.headers["etag"])):
        assert http_request(host, "static.test", "GET", CSS, headers={header: value}).status == 304


def test_text_is_compressed(host: Host) -> None:
    answer = http_request(host, "static.test", "GET", CSS, headers={"Accept-Encoding": "gzip"})
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers["vary"] == "Accept-Encoding"


def test_a_file_that_was_compressed_before_is_sent_as_it_is(host: Host) -> None:
    """It is too short for nginx to compress it by itself."""
    answer = http_request(host, "static.test", "GET", "/static/zipped.css", headers={"Accept-Encoding": "gzip"})
    assert answer.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in http_get(host, "static.test", "/static/zipped.css").headers


@pytest.mark.parametrize("name", ["below.test", "together.test"])
def test_files_of_the_former_release_stay_reachable(host: Host, name: str) -> None:
    former = http_get(host, name, "/shop/static/former.css")
    assert (former.status, former.body) == (200, "/srv/static/release-0/app/static/former.css")
    assert "release-1" in http_get(host, name, "/shop/static/with%20space.txt").body


@pytest.mark.parametrize("path", ["/static/none.css", "/static/styles", "/static/styles/", "/static/", "/static", "/other"])
def test_what_is_no_file_is_left_to_the_upstream(host: Host, path: str) -> None:
    assert asked_path(http_get(host, "static.test", path)) == path


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_what_is_no_reading_is_left_to_the_upstream(host: Host, method: str) -> None:
    asked = json.loads(http_request(host, "static.test", method, CSS, body="a=1").body)
    assert (asked["method"], asked["path"], asked["body"]) == (method, CSS, "a=1")


def test_a_name_with_a_space_is_found(host: Host) -> None:
    assert http_get(host, "static.test", "/static/with%20space.txt").body.endswith("with space.txt")


@pytest.mark.parametrize("path", ["/static/.env", "/static/%2eenv", "/static/%2Eenv", "/static//.env", "/static/styles/../.env"])
def test_hidden_files_are_not_served(host: Host, path: str) -> None:
    assert http_get(host, "static.test", path).status == 404


@pytest.mark.parametrize("path", ["/static/views.py", "/static/views.p%79", "/static/__pycache__/views.cpython-313.pyc"])
def test_source_is_not_served_but_asked_of_the_upstream(host: Host, path: str) -> None:
    assert asked_path(http_get(host, "static.test", path)) == path


def test_a_file_that_nginx_may_not_read_stays_private(host: Host) -> None:
    assert http_get(host, "static.test", "/static/private.txt").status == 403


@pytest.mark.parametrize("target", ["secret.py", "../secret.txt", "../../../../../etc/passwd"])
@pytest.mark.parametrize(
    "prefix",
    [
        "/static/../",
        "/static../",
        "/static/%2e%2e/",
        "/static/..%2f",
        "/static/%2e%2e%2f",
        "/static/styles/..%2f..%2f",
        "/static//../",
        "/static/./../",
        "/static/..;/",
        "/static/..%5c",
        "/static/%252e%252e/",
        "/static/..%00/",
        "/static/%2f../",
        "//static/../",
        "/static/styles/%2e%2e/%2e%2e/",
    ],
)
def test_no_way_leads_out_of_the_directory(host: Host, prefix: str, target: str) -> None:
    answer = http_get(host, "static.test", prefix + target)
    assert not answer.body.startswith(("/srv/", "root:"))
    assert answer.status in {400, 404} or asked_path(answer).endswith(target)


def test_the_first_of_several_directories_wins(host: Host) -> None:
    assert get_option(host, "/assets/both.txt").body == "/srv/options/assets/both.txt"
    assert get_option(host, "/assets/second.txt").body == "/srv/options/package/assets/second.txt"


def test_the_longest_address_wins(host: Host) -> None:
    answer = get_option(host, "/assets/vendor/library.js")
    assert (answer.body, answer.headers["cache-control"]) == ("/srv/options/vendor-1.0/library.js", "no-cache")
    assert get_option(host, "/assets/both.txt").headers["cache-control"] == "max-age=315360000"


def test_files_may_be_at_the_top(host: Host) -> None:
    answer = get_option(host, "/robots.txt")
    assert (answer.body, answer.headers["cache-control"]) == ("/srv/options/public/robots.txt", "max-age=3600")
    assert asked_path(get_option(host, "/no-file")) == "/no-file"
    assert get_option(host, "/.well-known/security.txt").body == "/srv/options/public/.well-known/security.txt"


def test_another_release_needs_no_reload(host: Host) -> None:
    try:
        host.check_output(
            "cp -r /srv/static/release-1 /srv/static/release-2 && echo new > /srv/static/release-2/app/static/styles/site.css"
        )
        host.check_output("ln -sfn release-2 /srv/static/current")
        assert http_get(host, "static.test", CSS).body == "new\n"
    finally:
        host.check_output("ln -sfn release-1 /srv/static/current")
