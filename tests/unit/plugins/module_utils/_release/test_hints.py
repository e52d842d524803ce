"""What to do is told from an app's last words."""

from __future__ import annotations

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._release.hints import explain_status, find_hints

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


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("FileNotFoundError: [Errno 2] No such file or directory: '/proc/meminfo'", "`service: {ProcSubset: all}`"),
        ("FileNotFoundError: [Errno 2] No such file or directory: '/proc/1/stat'", "`service: {ProtectProc: default}`"),
        ("psutil.NoSuchProcess: process PID not found (pid=1)", "`service: {ProtectProc: default}`"),
        ("OSError: [Errno 97] Address family not supported by protocol", "`service: {RestrictAddressFamilies: AF_NETLINK}`"),
        ("FileNotFoundError: [Errno 2] No such file or directory: '/dev/video0'", "PrivateDevices: false"),
        ("PermissionError: [Errno 1] Operation not permitted", "docs/security.md lists the fences"),
        ("OSError: [Errno 28] No space left on device", "`df -i`"),
        ("OSError: [Errno 122] Disk quota exceeded: 'x'", "quota"),
        ("OSError: [Errno 24] Too many open files: 'x'", "LimitNOFILE"),
        ("RuntimeError: can't start new thread", "TasksMax"),
        ("ImportError: /tmp/x.so: failed to map segment from shared object", "noexec"),
        ("shop@1.service: Failed at step EXEC spawning /var/www/shop/x: Permission denied", "`service: {ProtectHome: read-only}`"),
        ("PermissionError: [Errno 13] Permission denied: '/home/me/data'", "`service: {ProtectHome: read-only}`"),
        ("OSError: [Errno 30] Read-only file system: '/proc/sys/net/core/somaxconn'", "/etc/sysctl.d"),
        ("ImportError: /lib/x: version `GLIBC_2.38' not found (required by x)", "built for a newer Debian"),
    ],
)
def test_each_fence_that_an_app_meets_names_the_line_that_opens_it(line: str, words: str) -> None:
    (hint,) = find_hints([line], ROOT)
    assert words in hint


@pytest.mark.parametrize(
    ("line", "package"),
    [
        ("ImportError: failed to find libmagic.  Check your installation", "libmagic1"),
        ("ImportError: libGL.so.1: cannot open shared object file: No such file or directory", "libgl1"),
        ("ImportError: libgthread-2.0.so.0: cannot open shared object file: No such file or directory", "libglib2.0-0"),
        ("ImportError: libxcb.so.1: cannot open shared object file: No such file or directory", "libxcb1"),
        ("OSError: libgomp.so.1: cannot open shared object file: No such file or directory", "libgomp1"),
        ("ImportError: libmariadb.so.3: cannot open shared object file: No such file or directory", "libmariadb3"),
        ("ImportError: libodbc.so.2: cannot open shared object file: No such file or directory", "libodbc2"),
        ("ImportError: libxslt.so.1: cannot open shared object file: No such file or directory", "libxslt1.1"),
        ("ImportError: libpq.so.5: cannot open shared object file: No such file or directory", "libpq5"),
        ("ImportError: no pq wrapper available. - couldn't import psycopg 'python' implementation: libpq library not found", "libpq5"),
        ("OSError: cannot load library 'libgobject-2.0-0': libgobject-2.0-0: cannot open shared object file: No such file", "libglib2.0-0"),
        ("OSError: cannot load library 'pango-1.0-0': error 0x7e", ""),
        ("OSError: cannot load library 'libpangoft2-1.0-0': libpangoft2-1.0-0: cannot open", "libpangoft2-1.0-0"),
        ('OSError: no library called "cairo-2" was found', "libcairo2"),
        ("OSError: cannot load library 'libcairo.so.2': libcairo.so.2: cannot open shared object file", "libcairo2"),
        ("ImportError: Unable to find zbar shared library", "libzbar0"),
        ('django.core.exceptions.ImproperlyConfigured: Could not find the GDAL library (tried "gdal")', "libgdal-dev"),
        ("OSError: sndfile library not found using ctypes.util.find_library", "libsndfile1"),
        ("OSError: PortAudio library not found", "libportaudio2"),
        ("ImportError: The 'enchant' C library was not found and maybe needs to be installed.", "libenchant-2-2"),
        ("ImportError: MagickWand shared library not found.", "libmagickwand-6.q16-6"),
        ("FileNotFoundError: [Errno 2] No such file or directory: 'ffmpeg'", "ffmpeg"),
        ("FileNotFoundError: [Errno 2] No such file or directory: b'gs'", "ghostscript"),
        ("OSError: No wkhtmltopdf executable found: \"b''\"", "wkhtmltopdf"),
        ("pytesseract.TesseractNotFoundError: tesseract is not installed or it's not in your PATH.", "tesseract-ocr"),
        ("pdf2image.PDFInfoNotInstalledError: Unable to get page count. Is poppler installed and in PATH?", "poppler-utils"),
        ("ExecutableNotFound: failed to execute PosixPath('dot'), make sure the Graphviz executables are", "graphviz"),
        ("/bin/sh: 1: pg_dump: not found", "postgresql-client"),
        ("locale.Error: unsupported locale setting", "locales-all"),
    ],
)
def test_what_an_app_misses_of_the_host_is_told_by_the_name_of_a_debian_package(line: str, package: str) -> None:
    hints = find_hints([line], ROOT)
    assert [package in hint for hint in hints] == ([True] if package else [])
    if package:
        assert f"`dependencies: {{build_packages: [{package}]}}`" in hints[0]


def test_a_package_that_debian_13_calls_otherwise_is_named_as_there_too() -> None:
    (hint,) = find_hints(["ImportError: failed to find libmagic.  Check your installation"], ROOT)
    assert "(Debian 13: `[libmagic1t64]`)" in hint
    (hint,) = find_hints(["OSError: No wkhtmltopdf executable found"], ROOT)
    assert "(Debian 13: has no such package)" in hint


def test_an_unknown_library_is_looked_up_by_its_own_name_alone() -> None:
    (hint,) = find_hints(["ImportError: libfoo-3.so.7: cannot open shared object file: No such file or directory"], ROOT)
    assert "`apt-file search libfoo-3.so`" in hint
    assert find_hints(["ImportError: libx;rm -rf.so.1: cannot open shared object file"], ROOT) == []
    assert find_hints(["FileNotFoundError: [Errno 2] No such file or directory: 'config.yml'"], ROOT) == []


def test_a_log_full_of_hints_shows_a_few() -> None:
    assert len(find_hints([f"ImportError: libx{number}.so.7: cannot open shared object file" for number in range(50)], ROOT)) == 6


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (401, "`satisfy any;`, `allow 127.0.0.1;`"),
        (403, "`allow 127.0.0.1;` before `deny`"),
        (429, "Raise `limit_requests`"),
        (502, "`user www-data;`"),
    ],
)
def test_what_the_web_server_itself_answers_is_explained_with_the_line_to_write(status: int, words: str) -> None:
    assert words in explain_status(status)


@pytest.mark.parametrize("status", [0, 400])
def test_a_site_that_does_not_understand_the_proxy_protocol_is_explained_where_it_was_spoken(status: int) -> None:
    assert "`nginx.trusted_header`" in explain_status(status, proxy_protocol=True)
    assert explain_status(status) == ""
    assert explain_status(403, proxy_protocol=True) == explain_status(403)


def test_an_answer_that_may_be_anything_is_not_explained() -> None:
    assert [explain_status(status) for status in (0, 200, 404, 500)] == [""] * 4
