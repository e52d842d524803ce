"""The configuration and the unit of an app's Redis."""

from __future__ import annotations

import hashlib

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._redis.address import RedisLayout, list_variables
from ansible_collections.webstack.flask.plugins.module_utils._redis.config import (
    find_fixed,
    format_config,
    format_unit,
    known_settings,
    list_settings,
)
from ansible_collections.webstack.flask.plugins.module_utils._redis.size import parse_size

SHOP = RedisLayout.of("shop")
SETTINGS = list_settings({"max_memory": "128M", "eviction": "noeviction", "persistence": "everysec"})
OTHERS = list_settings({"max_memory": "1G", "eviction": "allkeys-lru", "persistence": "snapshots"})


def test_it_listens_on_a_socket_and_its_administrator_s_password_is_not_in_the_file() -> None:
    lines = format_config(SHOP, SETTINGS, "secret").splitlines()
    assert {"port 0", "unixsocket /run/webstack-flask/redis/shop/redis.sock", "unixsocketperm 660"} <= set(lines)
    assert not [line for line in lines if "secret" in line]
    assert f"user webstack on #{hashlib.sha256(b'secret').hexdigest()} ~* &* +@all" in lines


def test_the_settings_of_a_file_are_read_as_they_were_written() -> None:
    assert known_settings(format_config(SHOP, OTHERS, "x"), SETTINGS) == OTHERS


def test_where_there_is_no_file_or_one_that_we_would_not_write_the_settings_are_those_that_are_wanted() -> None:
    assert known_settings(None, SETTINGS) == SETTINGS
    assert known_settings("maxmemory 100mb\nappendonly yes\n", OTHERS) == {**OTHERS, "appendonly": "yes"}


def test_other_settings_need_no_restart_and_all_else_does() -> None:
    config, unit = format_config(SHOP, SETTINGS, "x"), format_unit(SHOP, SETTINGS)
    assert find_fixed(config) == find_fixed(format_config(SHOP, OTHERS, "x"))
    assert find_fixed(unit) == find_fixed(format_unit(SHOP, OTHERS))
    assert unit != format_unit(SHOP, OTHERS)
    assert find_fixed(config) != find_fixed(format_config(SHOP, SETTINGS, "y"))
    assert find_fixed(config) != find_fixed(f"{config}port 6379\n")


def test_the_unit_has_twice_the_memory_of_the_data_and_no_network() -> None:
    lines = format_unit(SHOP, SETTINGS).splitlines()
    assert f"MemoryMax={(2 * 128 + 64) << 20}" in lines
    assert [line for line in lines if line.startswith("RestrictAddressFamilies=")] == ["RestrictAddressFamilies=AF_UNIX"]
    assert [line for line in lines if line.startswith("User=")] == ["User=_redis-shop"]


def test_an_account_of_the_longest_name_is_one_that_debian_takes() -> None:
    assert len(RedisLayout.of("a" * 25).account) == 32


@pytest.mark.parametrize(("size", "count"), [("8M", 8 << 20), ("128M", 128 << 20), ("2G", 2 << 30)])
def test_a_size_is_in_mib_or_gib(size: str, count: int) -> None:
    assert parse_size(size) == count


@pytest.mark.parametrize("size", ["", "128", "128MB", "128m", "0M", "-1M", "1.5G", "50%", "1T", "128M\n"])
def test_what_is_no_size_is_refused(size: str) -> None:
    with pytest.raises(UserError, match="allowed is a whole number with M"):
        parse_size(size)


def test_each_scheme_makes_the_url_of_its_libraries() -> None:
    socket = "/run/webstack-flask/redis/shop/redis.sock"
    assert list_variables("shop", "unix") == {"REDIS_URL": f"unix://{socket}?db=0", "REDIS_SOCKET": socket}
    assert list_variables("shop", "redis+socket")["REDIS_URL"] == f"redis+socket://{socket}?virtual_host=0"
    assert list_variables("shop", "redis+unix")["REDIS_URL"] == f"redis+unix://{socket}?db=0"
