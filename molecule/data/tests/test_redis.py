"""A Redis of the role redis: who opens it, what is changed while it runs, and what a run finds that somebody or a cut-off run has left."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from scenario_tests import as_user, run_role, take_fingerprint

from .conftest import ask_redis

if TYPE_CHECKING:
    from collections.abc import Mapping

    from testinfra.host import Host

testinfra_hosts = ["debian12", "debian13"]

SWITCHBOARD = "/run/webstack-flask/redis/switchboard/redis.sock"
OPEN = "import socket; s = socket.socket(socket.AF_UNIX); s.connect('{}'); s.sendall(b'PING\\r\\n'); print(s.recv(99).decode())"
DEBIANS = "redis-server.service"
SNAPSHOTS = {"persistence": "snapshots"}


def give(host: Host, *, check: bool = False, **wanted: str) -> Any:  # noqa: ANN401
    return give_each(host, {"tuned": wanted}, check=check)


def give_each(host: Host, instances: Mapping[str, Mapping[str, str]], *, check: bool = False) -> Any:  # noqa: ANN401
    wanted = [{"name": name, **settings} for name, settings in instances.items()]
    return run_role(host, "redis", {"redis_instances": wanted}, check=check)


@pytest.fixture(scope="module")
def given(host: Host) -> None:
    """Let there be the instances of all tests."""
    first = {"tuned": {}, "tight": {"max_memory": "32M"}, "stopped": {"persistence": "always"}}
    give_each(host, {**first, "stripped": SNAPSHOTS, "opened": SNAPSHOTS}).succeeded()


def process(host: Host) -> str:
    return str(host.check_output("systemctl show --property MainPID --value tuned.redis"))


def restart(host: Host, *, kill: bool = False) -> None:
    host.check_output(f"{'systemctl kill --signal=KILL tuned.redis && ' if kill else ''}systemctl restart tuned.redis")


def test_the_app_opens_it(host: Host) -> None:
    assert "PONG" in as_user(host, "switchboard", f'python3 -c "{OPEN.format(SWITCHBOARD)}"').stdout


@pytest.mark.parametrize("intruder", ["notices", "smallest", "_build-switchboard", "www-data", "nobody", "admin", "postgres"])
def test_nobody_else_opens_it(host: Host, intruder: str) -> None:
    refused = as_user(host, intruder, f'python3 -c "{OPEN.format(SWITCHBOARD)}"')
    assert "Permission denied" in refused.stderr


@pytest.mark.parametrize("intruder", ["switchboard", "notices", "nobody"])
@pytest.mark.parametrize(
    "path",
    ["/etc/webstack-flask/redis/switchboard.conf", "/var/lib/webstack-flask/redis/switchboard/appendonlydir/appendonly.aof.manifest"],
)
def test_nobody_else_reads_its_files_not_even_the_app(host: Host, intruder: str, path: str) -> None:
    assert "Permission denied" in as_user(host, intruder, f"head --bytes=1 {path}").stderr


def test_no_redis_listens_on_a_port_and_debian_s_own_does_not_come_back_at_boot(host: Host) -> None:
    assert "redis" not in host.check_output("ss -Hltnp")
    assert host.run(f"systemctl is-active {DEBIANS}").stdout.strip() == "inactive"
    assert host.run(f"systemctl is-enabled {DEBIANS}").stdout.strip() == "disabled"


@pytest.mark.any_debian("debian12")
@pytest.mark.usefixtures("given")
def test_debian_s_own_redis_goes_on_if_somebody_has_used_it(host: Host) -> None:
    host.check_output(f"systemctl enable --now {DEBIANS}")
    assert give(host).succeeded().changed == 1, "nobody has used it"
    assert host.run(f"systemctl is-active {DEBIANS}").stdout.strip() == "inactive"
    host.check_output(f"systemctl enable --now {DEBIANS} && redis-cli PING")
    give(host).succeeded()
    assert host.check_output(f"systemctl is-active {DEBIANS}; systemctl is-enabled {DEBIANS}").split() == ["active", "enabled"]
    host.check_output(f"systemctl stop {DEBIANS}")
    assert give(host).succeeded().changed == 0
    assert host.check_output(f"systemctl is-enabled {DEBIANS}") == "enabled", "it has left data"
    host.check_output(f"systemctl disable {DEBIANS}; rm -f /var/lib/redis/*")


@pytest.mark.any_debian("debian13")
@pytest.mark.usefixtures("given")
def test_settings_are_changed_while_it_runs_and_a_restart_finds_the_data_wherever_they_are_written(host: Host) -> None:
    before = process(host)
    for number, persistence in enumerate(("snapshots", "always", "snapshots", "everysec")):
        ask_redis(host, f"SET row{number} {persistence}")
        assert give(host, persistence=persistence, max_memory=f"{64 + number}M", eviction="volatile-ttl").succeeded().changed == 1
        assert process(host) == before
        assert ask_redis(host, "--raw CONFIG GET maxmemory").split() == ["maxmemory", str((64 + number) << 20)]
        assert host.check_output("systemctl show --property MemoryMax --value tuned.redis") == str((2 * (64 + number) + 64) << 20)
        restart(host, kill=True)
        before = process(host)
        assert ask_redis(host, "DBSIZE").split()[-1] == str(number + 1)
    give(host, persistence="none").succeeded()
    assert give(host, persistence="none").succeeded().changed == 0
    assert process(host) == before
    restart(host)
    assert ask_redis(host, "DBSIZE").split()[-1] == "0", "nothing that was written before comes back to life"


@pytest.mark.any_debian("debian12")
@pytest.mark.usefixtures("given")
def test_less_memory_than_the_data_take_is_refused_and_nothing_is_changed(host: Host) -> None:
    big = "head -c 12000000 /dev/zero | tr '\\0' x | redis-cli -s /run/webstack-flask/redis/tight/redis.sock -x SET big"
    ask_redis(host, f"SET big x && {big}", "tight")
    refused = give_each(host, {"tight": {"max_memory": "8M"}, "tuned": {"max_memory": "4000G"}})
    assert refused.status != 0
    said = " ".join(refused.output.split())
    assert "redis.max_memory would be 8M, and what is in this Redis takes" in said
    assert "and the host has" in said
    assert ask_redis(host, "CONFIG GET maxmemory", "tight").split()[-1] == str(32 << 20)
    assert give_each(host, {"tight": {"max_memory": "8M", "eviction": "allkeys-lru"}}).succeeded().changed == 1
    assert ask_redis(host, "EXISTS big", "tight") == "0"


@pytest.mark.any_debian("debian13")
@pytest.mark.usefixtures("given")
def test_what_a_cut_off_run_or_somebody_has_left_is_mended_with_the_data_that_were_there(host: Host) -> None:
    wanted = dict.fromkeys(("stopped", "stripped", "opened"), SNAPSHOTS)
    for name in wanted:
        ask_redis(host, "SET kept 1", name)
    host.check_output("systemctl disable --now stopped.redis")  # before its new files
    host.check_output("rm /etc/webstack-flask/redis/stripped.password && chmod 0755 /var/lib/webstack-flask/redis/stripped")
    host.check_output("echo 'port 6380' >> /etc/webstack-flask/redis/opened.conf && systemctl restart opened.redis")
    assert ask_redis(host, "CONFIG GET port", "opened").split()[-1] == "6380"
    assert give_each(host, wanted).succeeded().changed == 1
    assert {name: ask_redis(host, "GET kept", name) for name in wanted} == dict.fromkeys(wanted, "1")
    assert host.check_output("systemctl is-enabled stopped.redis") == "enabled"
    assert ask_redis(host, "CONFIG GET appendonly", "stopped").split()[-1] == "no", "its new settings are in force"
    assert host.file("/var/lib/webstack-flask/redis/stripped").mode == 0o700
    assert ask_redis(host, "CONFIG GET port", "opened").split()[-1] == "0"
    assert give_each(host, wanted).succeeded().changed == 0


@pytest.mark.any_debian("debian12")
@pytest.mark.usefixtures("given")
def test_a_plan_tells_and_changes_nothing(host: Host) -> None:
    before, running = take_fingerprint(host), ask_redis(host, "CONFIG GET save maxmemory")
    plan = give(host, check=True, persistence="snapshots", max_memory="64M").succeeded()
    assert plan.changed == 1
    assert '+save "300 1 60 10000"' in plan.output
    assert "user webstack" not in plan.output
    assert (take_fingerprint(host), ask_redis(host, "CONFIG GET save maxmemory")) == (before, running)
