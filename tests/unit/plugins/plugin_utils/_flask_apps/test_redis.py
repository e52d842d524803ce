"""The key `redis`: what it may say, and what becomes of it."""

from __future__ import annotations

import pytest
from ansible_collections.webstack.flask.plugins.plugin_utils._flask_apps.checks import check_apps
from ansible_collections.webstack.flask.plugins.plugin_utils._flask_apps.inputs import find_failures, release_inputs
from ansible_collections.webstack.flask.plugins.plugin_utils._flask_apps.redis import redis_inputs, summarise_redis
from ansible_collections.webstack.flask.plugins.plugin_utils._flask_apps.summary import summarise_removal
from unit.flask_entries import describe, find_problem, find_problems

NONE = {"shop": {"id": "1"}}
SOCKET = "/run/webstack-flask/redis/shop/redis.sock"


def test_true_is_one_that_loses_no_job() -> None:
    (short,), (long,) = check_apps([describe(redis=True)]), check_apps([describe(redis={})])
    assert short == long
    assert redis_inputs([short]) == [{"name": "shop", "max_memory": "128M", "eviction": "noeviction", "persistence": "everysec"}]


def test_an_app_without_one_and_one_that_is_absent_ask_for_none() -> None:
    gone = {**describe(name="gone"), "state": "absent", "redis": True}
    assert redis_inputs(check_apps([describe(), gone])) == redis_inputs(check_apps([describe(redis=False)])) == []


def test_the_app_is_told_of_it_and_starts_after_it() -> None:
    (release,) = release_inputs(check_apps([describe(redis=True, database="postgresql")]), NONE, NONE)
    assert (release["env"]["REDIS_URL"], release["env"]["REDIS_SOCKET"]) == (f"unix://{SOCKET}?db=0", SOCKET)
    assert release["after"] == ["postgresql.service", "shop.redis.service"]


def test_an_app_without_one_has_the_release_that_it_had() -> None:
    (release,) = release_inputs(check_apps([describe()]), NONE, NONE)
    assert release["env"] == {"FLASK_APP": "wsgi:app"}
    assert "after" not in release


def test_celery_gets_its_own_url() -> None:
    (release,) = release_inputs(check_apps([describe(redis={"scheme": "redis+socket"})]), NONE, NONE)
    assert release["env"]["REDIS_URL"] == f"redis+socket://{SOCKET}?virtual_host=0"


@pytest.mark.parametrize(
    ("redis", "problem"),
    [
        ({"max_memory": "64"}, "redis.max_memory is '64'; allowed is a whole number with M (MiB) or G (GiB), such as 128M or 2G"),
        ({"max_memory": "1M"}, "redis.max_memory is '1M'; it must be 8M or more"),
        (
            {"persistence": "sometimes"},
            "value of persistence must be one of: always, everysec, snapshots, none, got: sometimes found in redis",
        ),
        ({"eviction": "lru"}, "value of eviction must be one of: noeviction, allkeys-lru"),
        ({"scheme": "redis"}, "value of scheme must be one of: unix, redis+socket, redis+unix, got: redis found in redis"),
    ],
)
def test_what_is_wrong_with_it_is_told(redis: object, problem: str) -> None:
    assert problem in find_problem(redis=redis)


def test_a_misspelt_key_is_told_with_the_right_one() -> None:
    assert any("did you mean 'max_memory'" in problem for problem in find_problems(describe(redis={"maxmemory": "64M"})))


@pytest.mark.parametrize("variable", ["REDIS_URL", "REDIS_SOCKET"])
def test_what_tells_the_app_of_it_is_given_by_nobody_else(variable: str) -> None:
    assert f"env.{variable} is given, and tells the app of its `redis` already" in find_problem(redis=True, env={variable: "x"})
    check_apps([describe(env={variable: "x"})])


def test_an_app_whose_redis_has_failed_is_held() -> None:
    assert find_failures([{"instances": {"shop": {"error": "down"}, "blog": {"notes": []}}}]) == {"shop": "down"}


def test_the_summary_tells_what_was_done_and_of_debian_s_own() -> None:
    done: dict[str, object] = {"shop": {"notes": ["made"]}}
    nothing: dict[str, object] = {"shop": {"notes": []}}
    assert summarise_redis({"instances": done}) == ["shop, its Redis: made"]
    assert summarise_redis({}) == summarise_redis({"instances": nothing, "debians": "left"}) == []
    assert "is stopped for good" in summarise_redis({"instances": nothing, "debians": "stopped"})[0]
    assert "`systemctl disable --now redis-server`" in summarise_redis({"instances": done, "debians": "left"})[1]


def test_the_summary_of_a_removal_tells_of_the_data_that_stay() -> None:
    outcome = {"changed": True, "removed": ["x"], "redis": "/var/lib/webstack-flask/redis/shop"}
    (line,) = summarise_removal({"apps": {"shop": outcome}})
    assert line.endswith("the data of its Redis are still in /var/lib/webstack-flask/redis/shop")
