# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The metrics of the apps of a host, as text that Prometheus reads. Nothing here looks at the host."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ansible_collections.webstack.flask.plugins.module_utils._webstack.status import AppStatus, Weight

_WEIGHTS = {weight: weight.name.lower() for weight in Weight}


@dataclass(frozen=True)
class JobStatus:
    """How a job is. Times are seconds since the epoch, None where there is none."""

    app: str
    name: str
    suspended: bool = False
    ended: float | None = None
    """When its last run ended."""

    failed: bool = False
    """Whether that run has failed."""

    succeeded: float | None = None
    """When its last good run ended."""


@dataclass(frozen=True)
class Family:
    """A metric with its samples: pairs of labels and a value."""

    name: str
    kind: str
    text: str
    samples: Sequence[tuple[Mapping[str, str], float]]


def describe_host(
    statuses: Sequence[AppStatus], jobs: Sequence[JobStatus], requests: Mapping[str, Mapping[str, int]], now: float
) -> list[Family]:
    """Return the metrics of a host, given the requests of each app by the class of their status. What is not known has no sample."""
    return [
        Family("webstack_metrics_written_timestamp_seconds", "gauge", "When this file was written.", [({}, now)]),
        Family(
            "webstack_app_release_info",
            "gauge",
            "The release that users reach; always 1.",
            [({"app": each.app, "release": each.release, "version": each.version}, 1) for each in statuses if each.release],
        ),
        _of_apps("webstack_app_release_switched_timestamp_seconds", "When users came to this release.", ((s, s.since) for s in statuses)),
        _of_apps(
            "webstack_app_healthy",
            "Whether the web process answers well on its health path; apps without a web process have none.",
            ((s, float(s.health == "healthy") if s.health else None) for s in statuses),
        ),
        _of_apps(
            "webstack_app_restarts_total",
            "How often systemd has started the web process again.",
            ((s, s.restarts) for s in statuses),
            "counter",
        ),
        _of_apps("webstack_app_memory_bytes", "Memory of the processes of the live release.", ((s, s.memory or None) for s in statuses)),
        _of_apps("webstack_app_last_deploy_failed", "Whether the last deploy has failed.", ((s, float(s.deploy_failed)) for s in statuses)),
        _of_apps("webstack_app_backup_timestamp_seconds", "When the last good backup was made.", ((s, s.backup) for s in statuses)),
        _of_apps(
            "webstack_app_backup_verified_timestamp_seconds",
            "When a backup was last restored and found good.",
            ((s, s.verified) for s in statuses),
        ),
        _of_apps(
            "webstack_app_certificate_ends_timestamp_seconds", "When the certificate ends.", ((s, s.certificate_ends) for s in statuses)
        ),
        Family(
            "webstack_app_troubles",
            "gauge",
            "What is wrong with the app, as the command webstack tells it. down: users get no answer. part: a part does not work.",
            [
                ({"app": each.app, "weight": word}, sum(trouble.weight == weight for trouble in each.troubles))
                for each in statuses
                for weight, word in _WEIGHTS.items()
            ],
        ),
        Family(
            "webstack_app_requests_total",
            "counter",
            "Requests that nginx has answered for the app, by the class of their status.",
            [({"app": app, "status": name}, number) for app, counts in requests.items() for name, number in counts.items()],
        ),
        _of_jobs("webstack_job_suspended", "Whether somebody has suspended the job.", ((job, float(job.suspended)) for job in jobs)),
        _of_jobs("webstack_job_last_run_timestamp_seconds", "When the last run ended.", ((job, job.ended) for job in jobs)),
        _of_jobs(
            "webstack_job_last_run_failed",
            "Whether the last run that has ended has failed.",
            ((job, None if job.ended is None else float(job.failed)) for job in jobs),
        ),
        _of_jobs("webstack_job_last_success_timestamp_seconds", "When the last good run ended.", ((job, job.succeeded) for job in jobs)),
    ]


def _of_apps(name: str, text: str, values: Iterable[tuple[AppStatus, float | None]], kind: str = "gauge") -> Family:
    return Family(name, kind, text, [({"app": status.app}, value) for status, value in values if value is not None])


def _of_jobs(name: str, text: str, values: Iterable[tuple[JobStatus, float | None]]) -> Family:
    return Family(name, "gauge", text, [({"app": job.app, "schedule": job.name}, value) for job, value in values if value is not None])


def format_families(families: Iterable[Family]) -> str:
    """Return metrics in Prometheus' text format; those without a sample are left out."""
    return "".join(_format_family(family) for family in families if family.samples)


def _format_family(family: Family) -> str:
    lines = [f"# HELP {family.name} {family.text}", f"# TYPE {family.name} {family.kind}"]
    return "".join(f"{line}\n" for line in (*lines, *(f"{family.name}{_format_labels(told)} {value!r}" for told, value in family.samples)))


def _format_labels(labels: Mapping[str, str]) -> str:
    return "{" + ",".join(f'{name}="{_escape(value)}"' for name, value in labels.items()) + "}" if labels else ""


def _escape(text: str) -> str:
    """Return a value as it stands in quotes. A version is whatever a source calls itself, and bytes that are no text spoil the file."""
    plain = text.encode(errors="replace").decode()
    return plain.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
