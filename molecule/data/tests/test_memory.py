"""The settings for the machine's memory: chosen, in force, and never before what somebody has set himself."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import pytest
from scenario_tests import run_playbook, run_role

from .conftest import SITE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from testinfra.host import Host

    from .conftest import Postgres

testinfra_hosts = ["debian12", "debian13"]

NAMES = ("shared_buffers", "effective_cache_size", "work_mem", "maintenance_work_mem")
OF_A_GIB = {"effective_cache_size": "2GB", "work_mem": "10MB", "maintenance_work_mem": "128MB"}
"""What follows from 1G, but for shared_buffers, which wait for a restart."""


def show(postgres: Postgres) -> dict[str, str]:
    return {name: postgres.ask(f"SHOW {name}") for name in NAMES}


def tune(host: Host, memory: str) -> Any:  # noqa: ANN401
    databases = [{"name": "notices", "extensions": ["citext"], "connection_limit": 40}]
    return run_role(host, "postgresql", {"postgresql_databases": databases, "postgresql_memory": memory}).succeeded()


def words(output: str) -> str:
    return " ".join(output.split())


@pytest.fixture
def directory(postgres: Postgres) -> str:
    """Return the directory of the server's settings."""
    return str(PurePosixPath(postgres.ask("SHOW config_file")).parent)


@pytest.fixture
def settings_as_they_were(host: Host, directory: str) -> Iterator[None]:
    host.check_output(f"rm -rf /root/settings && cp -a {directory} /root/settings")
    yield
    host.check_output(f"cp -a /root/settings/postgresql.conf {directory}/ && rm -f {directory}/conf.d/*")
    host.check_output("runuser -u postgres -- psql -Xqc 'ALTER SYSTEM RESET ALL'")
    host.check_output(f"cp -a /root/settings/conf.d/. {directory}/conf.d/ && systemctl restart postgresql")


def test_a_new_server_has_the_settings_for_its_machine_and_waits_for_no_restart(host: Host, postgres: Postgres) -> None:
    machine = -(-int(host.check_output("sed -n 's/^MemTotal: *\\([0-9]*\\) kB/\\1/p' /proc/meminfo")) // (256 * 1024)) * 256
    assert postgres.ask("SELECT setting::int8 * 8192 >> 20 FROM pg_settings WHERE name = 'shared_buffers'") == str(min(16384, machine // 8))
    assert postgres.ask("SELECT count(*) FROM pg_settings WHERE pending_restart") == "0"
    assert postgres.ask("SELECT count(*) FROM pg_settings WHERE sourcefile LIKE '%/conf.d/00-webstack-flask.conf'") == str(len(NAMES))


@pytest.mark.any_debian("debian13")
@pytest.mark.usefixtures("settings_as_they_were")
def test_a_server_in_use_is_not_restarted_and_each_run_tells_what_waits(host: Host, postgres: Postgres, apps: dict[str, Any]) -> None:
    started, before = postgres.started, show(postgres)
    said = "shared_buffers will be as written after a restart, which no run does"
    for changed in (["webstack.flask.postgresql : Keep | Give each app its database"], []):
        run = run_playbook(host, SITE, {"flask_apps": [apps["notices"]], "postgresql_memory": "1G"}).succeeded()
        assert run.changed_tasks == changed
        assert said in words(run.output)
        assert show(postgres) == {**OF_A_GIB, "shared_buffers": before["shared_buffers"]}
    assert postgres.started == started
    host.check_output("systemctl restart postgresql")
    assert show(postgres) == {**OF_A_GIB, "shared_buffers": "512MB"}
    assert tune(host, "1G").changed == 0


@pytest.mark.any_debian("debian12")
@pytest.mark.usefixtures("settings_as_they_were")
def test_what_somebody_has_set_himself_counts_wherever_it_stands_until_he_takes_it_back(
    host: Host, postgres: Postgres, directory: str
) -> None:
    own = {"work_mem": "7MB", "maintenance_work_mem": "99MB", "effective_cache_size": "333MB"}
    postgres.ask("ALTER SYSTEM SET work_mem = '7MB'")
    host.check_output(f"sed -i 's/^#maintenance_work_mem = .*/maintenance_work_mem = 99MB/' {directory}/postgresql.conf")
    host.check_output(f"echo 'effective_cache_size = 333MB' > {directory}/conf.d/own.conf")
    assert tune(host, "1G").changed == 1
    assert show(postgres).items() >= own.items()
    assert tune(host, "1G").changed == 0
    postgres.ask("ALTER SYSTEM RESET work_mem")
    assert tune(host, "1G").changed == 1
    assert show(postgres).items() >= {**own, "work_mem": "10MB"}.items()


@pytest.mark.any_debian("debian12")
@pytest.mark.usefixtures("settings_as_they_were")
def test_debian_s_settings_come_back(host: Host, postgres: Postgres, directory: str) -> None:
    assert tune(host, "debian").changed == 1
    assert postgres.ask("SHOW work_mem") == "4MB"
    assert not host.file(f"{directory}/conf.d/00-webstack-flask.conf").exists
    assert tune(host, "debian").changed == 0
    host.check_output("systemctl restart postgresql")
    assert show(postgres) == {"shared_buffers": "128MB", "effective_cache_size": "4GB", "work_mem": "4MB", "maintenance_work_mem": "64MB"}


@pytest.mark.any_debian("debian13")
@pytest.mark.usefixtures("settings_as_they_were")
def test_settings_that_the_server_would_not_take_are_taken_back(
    host: Host, postgres: Postgres, directory: str, apps: dict[str, Any]
) -> None:
    ours = f"{directory}/conf.d/00-webstack-flask.conf"
    before, in_force = host.file(ours).content_string, show(postgres)
    host.check_output(f"echo \"work_mem = '12 bananas'\" > {directory}/conf.d/own.conf")
    run = run_playbook(host, SITE, {"flask_apps": [apps["notices"]], "postgresql_memory": "1G"}).succeeded()
    assert run.changed == 0
    assert "its settings were left as they are, for it does not understand some of them" in words(run.output)
    assert f"{directory}/conf.d/own.conf, line 1: " in words(run.output)
    host.check_output(f"rm {directory}/conf.d/own.conf && sed -i /^include_dir/d {directory}/postgresql.conf")
    assert tune(host, "1G").changed == 0
    assert host.file(ours).content_string == before
    assert show(postgres) == in_force


@pytest.mark.any_debian("debian12")
def test_what_is_no_amount_of_memory_is_refused_before_anything_is_changed(host: Host, postgres: Postgres) -> None:
    run = run_playbook(host, SITE, {"postgresql_memory": "lots"})
    assert (run.status != 0, run.changed) == (True, 0)
    assert "postgresql_memory is 'lots'; allowed are a share of the machine's memory up to 75%" in words(run.output)
    refused = run_role(host, "postgresql", {"postgresql_databases": [{"name": "late"}], "postgresql_memory": "9000G"})
    assert "of which PostgreSQL may have 75% at most" in words(refused.output)
    assert not postgres.has("late")
