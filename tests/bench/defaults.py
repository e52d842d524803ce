"""What the defaults of gunicorn and nginx are worth, beside other settings."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.process import say

from bench.figures import tidy
from bench.load import fetch_bytes
from bench.place import NAME, SITE, Bench, Served
from bench.serving import weigh_unit

if TYPE_CHECKING:
    from bench.load import Generator, Traffic

WORKERS: dict[str, dict[str, object]] = {
    "sync 2": {"worker_class": "sync", "workers": 2},
    "sync 3": {"worker_class": "sync", "workers": 3},
    "sync 5": {"worker_class": "sync", "workers": 5},
    "sync 5, preload_app": {"worker_class": "sync", "workers": 5, "preload_app": True},
    "sync 8": {"worker_class": "sync", "workers": 8},
    "gthread 2 x 8": {"workers": 2, "threads": 8},
    "gthread 3 x 4": {"workers": 3, "threads": 4},
    "gthread 3 x 8": {"workers": 3, "threads": 8},
    "gthread 5 x 4": {"workers": 5, "threads": 4},
}
"""What is tried for the workers: name -> settings of gunicorn."""

_FILE = f"/etc/nginx/sites-available/{NAME}.conf"
_SECONDS = 4
_BURST = 300
"""Clients that come at the same moment."""


@dataclass(frozen=True)
class Trial:
    """One value of a setting, and what it is tried with."""

    setting: str
    value: str
    """What the page calls it; the first trial of a setting is the default."""
    edit: str = ""
    """A script for sed that makes it so in the site's file."""
    backlog: int = 0
    """Of the socket; 0 leaves what the collection has chosen."""
    page: str = "/large"
    gzip: bool = False
    burst: bool = False
    """Whether many come at once, instead of 20 clients that ask as fast as answers come."""


TRIALS = (
    Trial("compression", "gzip_comp_level 5", gzip=True),
    Trial("compression", "gzip_comp_level 1", "s/gzip_comp_level 5/gzip_comp_level 1/", gzip=True),
    Trial("compression", "gzip_comp_level 9", "s/gzip_comp_level 5/gzip_comp_level 9/", gzip=True),
    Trial("compression", "gzip off", "s/gzip on;/gzip off;/", gzip=True),
    Trial("buffers", "proxy_buffers 8 16k, proxy_buffer_size 16k"),
    Trial("buffers", "nginx's own, 8 4k and 4k", "/proxy_buffer/d"),
    Trial("buffers", "proxy_buffers 8 32k", "s/proxy_buffers 8 16k/proxy_buffers 8 32k/"),
    Trial("keep-alive", "keepalive_timeout 30s", page="/"),
    Trial("keep-alive", "keepalive_timeout 0", "s/keepalive_timeout 30s/keepalive_timeout 0/", page="/"),
    Trial("backlog", "Backlog=2048", page="/wait", burst=True),
    Trial("backlog", "Backlog=128", page="/wait", backlog=128, burst=True),
)


def try_workers(bench: Bench) -> list[dict[str, Any]]:
    """Serve the app by various workers; return what each is worth for a page that computes and for one that waits."""
    served, generator, found = bench.served, bench.generator, []
    for setting, settings in WORKERS.items():
        served.app["gunicorn"] = settings
        served.play("deploy")
        quick = [generator.press("http://served:80/", SITE, seconds=_SECONDS) for _round in range(bench.rounds(3))]
        waiting = [generator.press("http://served:80/wait", SITE, clients=50, seconds=_SECONDS) for _round in range(bench.rounds(2))]
        found.append(
            {
                "setting": setting,
                "quick": _summarise(quick),
                "waiting": _summarise(waiting),
                "memory": round(weigh_unit(served, _unit(served, "service"))),
            }
        )
        say(f"      {setting}: {found[-1]}")
    served.app.pop("gunicorn")
    served.play("deploy")
    return found


def try_settings(bench: Bench) -> list[dict[str, Any]]:
    """Serve the app with other settings of nginx and of its socket; return what became of the traffic with each."""
    served, generator, found = bench.served, bench.generator, []
    served.fleet.forget_closed_connections()
    generator.fleet.forget_closed_connections()
    for trial in TRIALS:
        served.play("site")  # puts the file back
        _apply(served, trial)
        traffic = [_press(generator, trial) for _round in range(bench.rounds(3))]
        found.append(
            {
                "setting": trial.setting,
                "value": trial.value,
                "traffic": f"{_BURST} at once" if trial.burst else "20 connections",
                **_summarise(traffic),
                "failed": sum(one.failed for one in traffic) // len(traffic),
                "page": len(fetch_bytes(served.port, SITE, trial.page, gzip=trial.gzip)[1]),
            }
        )
        say(f"      {trial.setting}, {trial.value}: {found[-1]}")
    _set_backlog(served, 0)
    served.play("site")
    return found


def _apply(served: Served, trial: Trial) -> None:
    served.fleet.ask(f"sed -i '{trial.edit}' {_FILE} && nginx -t -q && systemctl reload nginx.service")
    _set_backlog(served, trial.backlog)


def _set_backlog(served: Served, backlog: int) -> None:
    """Give the socket of the current release another backlog, until the next boot."""
    service, socket = (_unit(served, kind) for kind in ("service", "socket"))
    place = f"/run/systemd/system/{socket}.d"
    change = f"mkdir -p {place} && printf '[Socket]\\nBacklog={backlog}\\n' > {place}/backlog.conf" if backlog else f"rm -rf {place}"
    served.fleet.ask(f"{change} && systemctl daemon-reload && systemctl stop {service} {socket} && systemctl start {socket} {service}")


def _press(generator: Generator, trial: Trial) -> Traffic:
    url = f"http://served:80{trial.page}"
    if trial.burst:
        return generator.rush(url, SITE, clients=_BURST)
    return generator.press(url, SITE, seconds=_SECONDS, headers=["Accept-Encoding: gzip"] if trial.gzip else [])


def _unit(served: Served, kind: str) -> str:
    return f"{NAME}@{served.fleet.ask(f'basename $(readlink /var/www/{NAME}/current)')}.{kind}"


def _summarise(traffic: list[Traffic]) -> dict[str, float]:
    return {
        "requests": round(statistics.median(one.rate for one in traffic)),
        "p99": tidy(statistics.median(one.p99 for one in traffic)),
    }
