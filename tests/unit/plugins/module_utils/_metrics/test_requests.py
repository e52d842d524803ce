"""Requests are counted once each, whatever becomes of the log meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._metrics.requests import CLASSES, count_classes, count_requests

if TYPE_CHECKING:
    from pathlib import Path

LINE = '192.0.2.1 - {user} [28/Nov/2026:15:14:36 +0000] "{request}" {status} 12 "-" "a browser"\n'


def line(status: int, request: str = "GET / HTTP/1.1", user: str = "-") -> str:
    return LINE.format(status=status, request=request, user=user)


class Host:
    def __init__(self, directory: Path) -> None:
        self.log, self.state = directory / "shop.access.log", directory / "state.json"
        self.log.touch()

    def write(self, text: str) -> None:
        with self.log.open("a", encoding="utf-8") as file:
            file.write(text)

    def rotate(self) -> None:
        self.log.rename(self.log.with_name(f"{self.log.name}.1"))
        self.log.touch()

    def count(self, *apps: str) -> dict[str, int]:
        found = count_requests(apps or ("shop",), self.log.parent, self.state)
        return {name: number for name, number in found["shop"].items() if number}


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


def test_what_is_new_is_counted_and_what_was_there_at_first_is_not(host: Host) -> None:
    host.write(line(200))
    assert host.count() == {}
    host.write(line(200) + line(503) + line(302))
    assert host.count() == {"2xx": 1, "3xx": 1, "5xx": 1}
    assert host.count() == {"2xx": 1, "3xx": 1, "5xx": 1}


def test_a_line_that_is_being_written_is_counted_when_it_is_whole(host: Host) -> None:
    host.count()
    host.write(line(404)[:-10])
    assert host.count() == {}
    host.write(line(404)[-10:])
    assert host.count() == {"4xx": 1}


def test_nothing_is_lost_when_a_log_is_rotated(host: Host) -> None:
    host.count()
    host.write(line(200))
    host.count()
    host.write(line(201))
    host.rotate()
    host.write(line(500))
    assert host.count() == {"2xx": 2, "5xx": 1}


def test_a_log_that_was_emptied_is_read_from_its_beginning(host: Host) -> None:
    host.write(line(200) * 3)
    host.count()
    host.log.write_text(line(500), encoding="utf-8")
    assert host.count() == {"5xx": 1}


def test_a_new_app_is_counted_from_its_first_request_on(host: Host) -> None:
    count_requests(["other"], host.log.parent, host.state)
    (host.log.parent / "other.access.log").write_text("", encoding="utf-8")
    count_requests(["other"], host.log.parent, host.state)
    host.write(line(200))
    assert host.count("other", "shop") == {"2xx": 1}


def test_an_app_without_a_log_has_no_counts(host: Host) -> None:
    assert count_requests(["worker"], host.log.parent, host.state) == {}


@pytest.mark.parametrize("state", ["", "{", "[]", '{"shop": 1}', '{"shop": {"unknown": 1}}'])
def test_a_state_that_cannot_be_read_is_a_new_beginning(host: Host, state: str) -> None:
    host.write(line(200))
    host.state.write_text(state, encoding="utf-8")
    assert host.count() == {}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (line(200, request=r"GET /\x22 500 HTTP/1.1"), {"2xx": 1}),
        (line(200, user=r"a\x22 500 b"), {"2xx": 1}),
        (line(400, request=""), {"4xx": 1}),
        ('{"status": 200, "request": "a"}\n', {}),
        (line(200) + "nonsense\n" + line(499), {"2xx": 1, "4xx": 1}),
    ],
)
def test_the_status_is_read_whatever_a_visitor_sends(text: str, expected: dict[str, int]) -> None:
    assert count_classes(text.encode()) == {name: expected.get(name, 0) for name in CLASSES}
