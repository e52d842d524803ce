"""The metrics of the apps, as Prometheus reads them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._metrics.exposition import Family, JobStatus, describe_host, format_families
from ansible_collections.webstack.flask.plugins.module_utils._metrics.reading import describe_job
from ansible_collections.webstack.flask.plugins.module_utils._systemd.journal import Run
from ansible_collections.webstack.flask.plugins.module_utils._webstack.status import AppStatus, Trouble, Weight

ROOT = Path(__file__).parents[5]
WELL = AppStatus("shop", release="abc", version="v1", since=10.5, health="healthy", memory=1000, restarts=2, backup=20.0, verified=30.0)


def read(*statuses: AppStatus, jobs: tuple[JobStatus, ...] = ()) -> list[str]:
    return [
        line
        for line in format_families(describe_host(statuses, jobs, {"shop": {"2xx": 7, "5xx": 0}}, 99.0)).splitlines()
        if not line.startswith("#")
    ]


def test_an_app_that_is_well() -> None:
    assert read(WELL) == [
        "webstack_metrics_written_timestamp_seconds 99.0",
        'webstack_app_release_info{app="shop",release="abc",version="v1"} 1',
        'webstack_app_release_switched_timestamp_seconds{app="shop"} 10.5',
        'webstack_app_healthy{app="shop"} 1.0',
        'webstack_app_restarts_total{app="shop"} 2',
        'webstack_app_memory_bytes{app="shop"} 1000',
        'webstack_app_last_deploy_failed{app="shop"} 0.0',
        'webstack_app_backup_timestamp_seconds{app="shop"} 20.0',
        'webstack_app_backup_verified_timestamp_seconds{app="shop"} 30.0',
        'webstack_app_troubles{app="shop",weight="soon"} 0',
        'webstack_app_troubles{app="shop",weight="part"} 0',
        'webstack_app_troubles{app="shop",weight="down"} 0',
        'webstack_app_requests_total{app="shop",status="2xx"} 7',
        'webstack_app_requests_total{app="shop",status="5xx"} 0',
    ]


def test_what_is_not_known_has_no_sample() -> None:
    lines = read(AppStatus("worker"))
    assert not any("worker" in line and "restarts" not in line and "troubles" not in line and "deploy" not in line for line in lines)


def test_troubles_are_counted_by_weight() -> None:
    troubles = [Trouble(Weight.DOWN, "secret words"), Trouble(Weight.PART, "b"), Trouble(Weight.PART, "c")]
    lines = read(AppStatus("shop", health="ill", deploy_failed=True, certificate_ends=5.0, troubles=troubles))
    assert 'webstack_app_troubles{app="shop",weight="down"} 1' in lines
    assert 'webstack_app_troubles{app="shop",weight="part"} 2' in lines
    assert 'webstack_app_healthy{app="shop"} 0.0' in lines
    assert 'webstack_app_last_deploy_failed{app="shop"} 1.0' in lines
    assert 'webstack_app_certificate_ends_timestamp_seconds{app="shop"} 5.0' in lines
    assert "secret" not in "".join(lines)


@pytest.mark.parametrize(("version", "shown"), [('a"b', r"a\"b"), ("a\\b", r"a\\b"), ("a\nb", r"a\nb"), ("a\udcffb", "a?b"), ("č", "č")])
def test_a_version_may_be_anything(version: str, shown: str) -> None:
    assert f'version="{shown}"}} 1' in read(AppStatus("shop", release="abc", version=version))[1]


def test_each_metric_says_what_it_is() -> None:
    assert format_families([Family("x", "gauge", "Words.", [({}, 1)]), Family("y", "gauge", "None.", [])]) == (
        "# HELP x Words.\n# TYPE x gauge\nx 1\n"
    )


GOOD, BAD, GOES_ON = Run("u", "1", 10.0, ended=11.0), Run("u", "2", 20.0, ended=22.0, failed=True), Run("u", "3", 30.0)


@pytest.mark.parametrize(
    ("runs", "expected"),
    [
        ([], JobStatus("shop", "tidy")),
        ([GOOD], JobStatus("shop", "tidy", ended=11.0, succeeded=11.0)),
        ([BAD, GOOD], JobStatus("shop", "tidy", ended=22.0, failed=True, succeeded=11.0)),
        ([BAD], JobStatus("shop", "tidy", ended=22.0, failed=True)),
        ([GOES_ON, GOOD], JobStatus("shop", "tidy", ended=11.0, succeeded=11.0)),
    ],
)
def test_a_job_is_what_its_last_run_was_that_has_ended(runs: list[Run], expected: JobStatus) -> None:
    assert describe_job("shop", "tidy", runs, suspended=False) == expected


def test_jobs_have_labels_that_prometheus_does_not_use_itself() -> None:
    lines = read(jobs=(JobStatus("shop", "tidy", suspended=True, ended=5.0, failed=True),))
    assert lines[-3:] == [
        'webstack_job_suspended{app="shop",schedule="tidy"} 1.0',
        'webstack_job_last_run_timestamp_seconds{app="shop",schedule="tidy"} 5.0',
        'webstack_job_last_run_failed{app="shop",schedule="tidy"} 1.0',
    ]


def test_the_documentation_has_each_metric_with_its_labels_and_the_alerts_ask_for_no_other() -> None:
    ill = AppStatus("shop", release="a", since=1, health="ill", memory=1, backup=1, verified=1, certificate_ends=1)
    job = JobStatus("shop", "tidy", ended=1, succeeded=1)
    families = describe_host([ill], [job], {"shop": {"2xx": 1}}, 1)
    page = (ROOT / "docs/metrics.md").read_text(encoding="utf-8")
    told = {name: re.findall(r"`(\w+)`", labels) for name, labels in re.findall(r"(?m)^\| `(webstack_\w+)` \| ([^|]*)\|", page)}
    assert told == {family.name: list(family.samples[0][0]) for family in families}
    rules = (ROOT / "roles/metrics/files/webstack-flask.rules.yml").read_text(encoding="utf-8")
    assert set(re.findall(r"webstack_\w+", rules)) <= told.keys()
