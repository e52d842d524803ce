"""What to do is told from an app's last words."""

from __future__ import annotations

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._release.hints import find_hints

ROOT = "/var/www/shop"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("OSError: [Errno 30] Read-only file system: '/var/www/shop/builds/0123/instance'", "`shared: {directories: [instance]}`"),
        ("OSError: [Errno 30] Read-only file system: '/var/www/shop/builds/0123/var/log/app.log'", "`shared: {directories: [var/log]}`"),
        ("OSError: [Errno 30] Read-only file system: '/var/www/shop/builds/0123/var/log/app.log'", "'var/log/app.log' is in the source"),
        ("PermissionError: [Errno 13] Permission denied: '/srv/data/x'", "`service: {ReadWritePaths: [...]}`"),
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


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("pkg/uploads/a.png", "directories: [pkg/uploads]"),
        ("pkg/data.json", "files: [pkg/data.json]"),
        ("pkg/uploads", "directories: [pkg/uploads]"),
        ("app.db", "files: [app.db]"),
        ("instance", "directories: [instance]"),
    ],
)
def test_a_directory_that_holds_code_is_never_named(path: str, words: str) -> None:
    line = f"OSError: [Errno 30] Read-only file system: '{ROOT}/builds/0123/{path}'"
    (hint,) = find_hints([line], ROOT, {"pkg": True, "pkg/uploads": False}.__getitem__)
    assert f"`shared: {{{words}}}`" in hint


def test_other_ends_have_none() -> None:
    assert find_hints(["ImportError: the import of bad went wrong", "Permission denied"], ROOT) == []


@pytest.mark.parametrize("path", ["/etc/shadow", "/var/www/other/builds/0123/x", "/var/www/shop2/builds/0123/x", "/etc/\x1b[2Jx"])
def test_no_place_outside_the_apps_own_source_is_named_for_it_may_be_the_wish_of_whoever_writes_the_log(path: str) -> None:
    (hint,) = find_hints([f"PermissionError: [Errno 13] Permission denied: '{path}'"], ROOT)
    assert "look at it first" in hint
    assert path not in hint


@pytest.mark.parametrize(
    "path",
    ["../../../etc/x", "a/../../b", "a], ReadWritePaths: [/etc", "a b/c", "a\x1b[2J/c", "é/c", "./x", "a/./b", "a//b", "x" * 101],
)
def test_a_place_in_the_source_is_named_only_if_it_is_what_it_looks_like(path: str) -> None:
    (hint,) = find_hints([f"OSError: [Errno 30] Read-only file system: '{ROOT}/builds/0123/{path}'"], ROOT)
    assert path not in hint
    assert "`shared: {directories: [...]}`" in hint


@pytest.mark.parametrize("name", ["os; rm -rf /", "x --index-url http://evil.test", "1x", "a..b", "a.", "\x1b[2J", "é", "x" * 101, "a-b"])
def test_a_module_is_named_only_if_it_can_be_one(name: str) -> None:
    (missing,) = find_hints([f"No module named '{name}'"], ROOT)
    assert name not in missing
    assert missing.startswith("what it asks for is neither installed nor")
    for line in (f"Failed to find attribute '{name}' in 'wsgi'.", f"Failed to find attribute 'app' in '{name}'."):
        (hint,) = find_hints([line], ROOT)
        assert name not in hint
        assert hint.startswith("`wsgi` names what the module does not have")


def test_a_module_of_a_package_is_named() -> None:
    assert find_hints(["No module named 'shop.models_2'"], ROOT)[0].startswith("'shop.models_2' is neither installed")
