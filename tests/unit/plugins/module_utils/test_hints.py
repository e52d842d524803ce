"""What to do is told from an app's last words."""

from __future__ import annotations

import pytest
from ansible_collections.webstack.flask.plugins.module_utils.hints import find_hints

ROOT = "/var/www/shop"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("OSError: [Errno 30] Read-only file system: '/var/www/shop/builds/0123/instance'", "`shared: {directories: [instance]}`"),
        ("OSError: [Errno 30] Read-only file system: '/var/www/shop/builds/0123/var/log/app.log'", "`shared: {directories: [var/log]}`"),
        ("OSError: [Errno 30] Read-only file system: '/var/www/shop/builds/0123/var/log/app.log'", "'var/log/app.log' is in the source"),
        ("PermissionError: [Errno 13] Permission denied: '/srv/data/x'", "`service: {ReadWritePaths: [/srv/data]}`"),
        (
            "OSError: [Errno 30] Read-only file system: '/var/www/other/builds/0123/x'",
            "`service: {ReadWritePaths: [/var/www/other/builds/0123]}`",
        ),
        ("sqlite3.OperationalError: unable to open database file", "put the database below /var/www/shop/shared"),
        ("ModuleNotFoundError: No module named 'redis'", "'redis' is neither installed nor a module where the app starts"),
        ("ModuleNotFoundError: No module named 'pkg_resources'", "'setuptools<81'"),
        ("Error: class uri 'asgi' invalid or not found: ", "`gunicorn: {worker_class: uvicorn_worker.UvicornWorker}`"),
        ("Failed to find attribute 'ap' in 'wsgi'.", "`wsgi` names 'ap', which the module 'wsgi' does not have"),
    ],
)
def test_a_known_end_has_its_hint(line: str, words: str) -> None:
    (hint,) = find_hints(["before", f"  {line}", line], ROOT)
    assert words in hint


def test_other_ends_have_none() -> None:
    assert find_hints(["ImportError: the import of bad went wrong", "Permission denied"], ROOT) == []
