from __future__ import annotations

import re

import pytest
from ansible_collections.webstack.flask.plugins.plugin_utils._gunicorn.workers import gets_threads_unasked, list_worker_packages


@pytest.mark.parametrize(
    ("worker_class", "packages"),
    [
        ("gevent", ["gevent", "packaging"]),
        ("gunicorn.workers.ggevent.GeventWorker", ["gevent", "packaging"]),
        ("eventlet", ["eventlet", "gunicorn"]),
        ("tornado", ["tornado"]),
        ("uvicorn.workers.UvicornWorker", ["uvicorn", "websockets"]),
        ("uvicorn_worker.UvicornH11Worker", ["uvicorn-worker", "uvicorn", "websockets"]),
        *(
            (own, [])
            for own in ("", "sync", "gthread", "asgi", "gunicorn.workers.gthread.ThreadWorker", "shop.workers.Own", None, 5, ["x"])
        ),
    ],
)
def test_a_class_of_workers_brings_what_it_needs_each_in_one_version(worker_class: object, packages: list[str]) -> None:
    found = list_worker_packages(worker_class)
    assert [package.partition("==")[0] for package in found] == packages
    assert all(re.fullmatch(r"[\w-]+==[\d.]+", package) for package in found)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, True),
        ({"workers": 1, "timeout": 90}, True),
        ({"config": "none"}, True),
        ({"config": "gunicorn.conf.py"}, False),
        ({"worker_class": "sync"}, False),
        ({"worker_class": "gthread"}, False),
        ({"worker_class": "asgi"}, False),
        ({"threads": 1}, False),
        ({"threads": 8}, False),
    ],
)
def test_threads_are_unasked_where_nothing_is_said_of_them(settings: dict[str, object], *, expected: bool) -> None:
    assert gets_threads_unasked(settings) is expected
