"""How the apps of several hosts are told in one table."""

from __future__ import annotations

from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._webstack.status import AppStatus, Trouble, Weight
from ansible_collections.webstack.flask.plugins.plugin_utils._hosts_status import describe_hosts

_NOW = 1_000_000.0


def _status(app: str, **changes: Any) -> dict[str, Any]:  # noqa: ANN401 - fields of different types
    given = {"app": app, "release": "0123456789ab", "version": "v1", "since": _NOW - 7200, "health": "healthy"}
    return AppStatus(**{**given, **changes}).to_json()


_ILL = {"troubles": [Trouble(Weight.DOWN, "it is not healthy: GET / answered 502")], "health": "ill"}


def test_each_app_of_each_host_is_in_the_table_those_with_troubles_first() -> None:
    found = {"web1": [_status("blog"), _status("shop")], "web2": [_status("shop", **_ILL)]}
    lines = describe_hosts(found, {"web1": ["blog", "shop"], "web2": ["shop"]}, _NOW)
    assert [line.split()[:6] for line in lines[:4]] == [
        ["host", "app", "release", "version", "since", "health"],
        ["web2", "shop", "0123456789ab", "v1", "2", "h"],
        ["web1", "blog", "0123456789ab", "v1", "2", "h"],
        ["web1", "shop", "0123456789ab", "v1", "2", "h"],
    ]
    assert lines[4:] == ["shop on web2: it is not healthy: GET / answered 502"]


def test_since_when_an_app_is_closed_is_in_the_table() -> None:
    head, row = describe_hosts({"web1": [_status("shop", maintenance=_NOW - 300)]}, {"web1": ["shop"]}, _NOW)
    assert row[head.index("maintenance") :].split()[:2] == ["5", "min"]


def test_another_version_on_another_host_is_told() -> None:
    found = {"web1": [_status("shop")], "web2": [_status("shop")], "web3": [_status("shop", version="v0")]}
    lines = describe_hosts(found, {host: ["shop"] for host in found}, _NOW)
    assert lines[4:] == ["shop is not the same everywhere: v1 on web1, web2; v0 on web3"]


def test_what_a_terminal_would_obey_stands_as_an_escape() -> None:
    rude = "\x1b[2J\nand so on"
    found = {"web1": [_status("shop", version=rude, troubles=[Trouble(Weight.PART, rude)])], "web2": [_status("shop")]}
    assert all(line.isprintable() for line in describe_hosts(found, {host: ["shop"] for host in found}, _NOW))


def test_what_the_inventory_has_otherwise_is_told() -> None:
    lines = describe_hosts({"web1": [_status("shop")], "web2": []}, {"web1": ["blog"], "web2": []}, _NOW)
    assert lines[2:] == [
        "blog is described for web1, and is not there; run site.yml",
        "shop is on web1, and the inventory does not have it; remove.yml takes it away",
    ]


def test_hosts_without_any_app_need_no_table() -> None:
    assert describe_hosts({"web1": []}, {"web1": []}, _NOW) == []
