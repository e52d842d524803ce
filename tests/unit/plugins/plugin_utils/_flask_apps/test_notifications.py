"""`notify` of an entry."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.webstack.flask.plugins.filter.notifications import notification_parameters
from ansible_collections.webstack.flask.plugins.module_utils._encoding import decode
from ansible_collections.webstack.flask.plugins.plugin_utils._flask_apps.checks import check_apps
from ansible_collections.webstack.flask.plugins.plugin_utils._flask_apps.inputs import release_inputs
from ansible_collections.webstack.flask.plugins.plugin_utils._flask_apps.notifications import notification_inputs, summarise_notifications
from unit.flask_entries import find_problems

URL = "slack://secret-T1/secret-A1/secret-x"
NO_LIST = "notify must be a list of who is told, each with an `url`, such as `[{url: "


def describe(**changes: Any) -> dict[str, Any]:  # noqa: ANN401
    return {"name": "shop", "source": {"path": "/x"}, "wsgi": "shop:app", "server_names": ["shop.test"], **changes}


@pytest.mark.parametrize(
    ("target", "kinds"),
    [
        ({"url": URL}, ["failure", "recovery"]),
        ({"url": URL, "on": ["failure"]}, ["failure"]),
        # As YAML reads `on: recovery`.
        ({"url": URL, True: "recovery"}, ["recovery"]),
    ],
)
def test_an_url_is_enough_and_on_may_be_written_as_it_is(target: dict[Any, Any], kinds: list[str]) -> None:
    (app,) = notification_inputs(check_apps([describe(notify=[target])]))
    assert app == {"name": "shop", "notify": [{"url": URL, "on": kinds}]}
    (parameters,) = notification_parameters([app])
    assert set(parameters) == {"name", "targets"}
    assert decode(parameters["targets"]) == app["notify"]


def test_of_apps_without_it_those_of_which_the_host_tells_still_end() -> None:
    apps = check_apps([describe(), describe(name="blog", server_names=["blog.test"], notify=[])])
    assert notification_inputs(apps) == []
    assert notification_inputs(apps, ["blog", "another"]) == [{"name": "blog", "state": "absent"}]


def test_another_url_makes_no_other_release() -> None:
    made = {"shop": {"id": "0"}}
    with_url, without = (release_inputs(check_apps([describe(**more)]), made, made) for more in ({"notify": [{"url": URL}]}, {}))
    assert with_url == without


@pytest.mark.parametrize(
    ("notify", "problem"),
    [
        (URL, NO_LIST),
        ([URL], NO_LIST),
        ({"url": URL}, NO_LIST),
        (None, NO_LIST),
        ([{"on": ["failure"]}], "notify[0].url is missing"),
        ([{"url": URL, "when": ["failure"]}], ".notify: 'when' is not a key. Allowed are on, url"),
        ([{"url": URL, "on": ["all"]}], "value of on must be one or more of: failure, recovery"),
        ([{"url": URL, "on": []}], "notify[0].on is empty"),
        ([{"url": URL}, {"url": "secret.example.com"}], "notify[1].url is no URL of apprise; it is not shown"),
        ([{"url": "json://secret host"}], "notify[0].url is no URL of apprise"),
        ([{"url": "json://secret\n"}], "notify[0].url is no URL of apprise"),
        ([{"url": "json://secret\x1b[2J"}], "notify[0].url is no URL of apprise"),
        ([{"url": {"a": "secret"}}], "notify[0].url is no URL of apprise"),
        ([{"url": "file:///var/secret"}], "notify[0].url begins with file://, which reaches nobody"),
    ],
)
def test_what_is_wrong_is_told_and_no_url_is_shown(notify: object, problem: str) -> None:
    problems = find_problems(describe(notify=notify))
    assert any(problem in each for each in problems), problems
    assert len(problems) == 1
    assert not any("secret" in each.replace("it is a secret", "") for each in problems), problems


def test_each_run_tells_who_cannot_be_reached() -> None:
    assert summarise_notifications({}) == []
    outcome = {"changed": True, "notes": ["settings written"], "complaints": ["notify[0] (json://…): connection refused"]}
    assert summarise_notifications({"notifications": {"shop": outcome}}) == [
        "ATTENTION, shop: notifications cannot be sent: notify[0] (json://…): connection refused",
        "shop, its notifications: settings written",
    ]
