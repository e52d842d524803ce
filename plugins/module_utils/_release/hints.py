# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What to do about the commonest ends of an app, told from its last words.

Whoever has broken into an app writes its log. So no path or name of a log is repeated in what people are told to open or install, unless
it is the app's own and can be nothing else than what it looks like.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator, Sequence

from ansible_collections.webstack.flask.plugins.module_utils._release.host_parts import describe_package, find_missing_parts
from ansible_collections.webstack.flask.plugins.module_utils._release.source import Source

_DENIED = re.compile(r"(?:Read-only file system|Permission denied): '(?P<path>/[^']+)'")
_NO_MODULE = re.compile(r"No module named '(?P<module>[^']+)'")
_PLAIN_PATH = re.compile(r"[A-Za-z0-9_.-]+(?:/[A-Za-z0-9_.-]+)*", re.ASCII)
_DOTTED_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*", re.ASCII)
_LONGEST = 100
_LONGEST_LINE = 2000
"""Characters of a line that are searched."""

_MOST_HINTS = 6
_FENCES: tuple[tuple[re.Pattern[str], str], ...] = (
    # What an app says that met a fence of its unit or the end of something, and what helps. docs/security.md lists the fences.
    (
        re.compile(r"No such file or directory: b?['\"]/proc/\d|psutil\.(?:NoSuchProcess|AccessDenied|ZombieProcess)"),
        "the processes of others are hidden from the app (ProtectProc=invisible); if it is to see them: `service: {ProtectProc: default}`",
    ),
    (
        re.compile(r"No such file or directory: b?['\"]/proc/"),
        "a file below /proc that is no process's is hidden where `service` says ProcSubset=pid: `service: {ProcSubset: all}`",
    ),
    (
        re.compile(r"\[?Errno 97\b|Address family not supported by protocol"),
        (
            "the unit lets the app use IPv4, IPv6 and unix sockets alone; what asks for network interfaces or routes needs netlink: "
            "`service: {RestrictAddressFamilies: AF_NETLINK}`, which adds it"
        ),
    ),
    (
        re.compile(r"(?:No such file or directory|could not open|cannot open|[Cc]an't open).{0,40}['\" ]/dev/"),
        "devices are hidden from the app; one that it needs is shown by `service: {PrivateDevices: false, DeviceAllow: /dev/NAME rw}`",
    ),
    (
        re.compile(r"Read-only file system: b?['\"]/(?:proc|sys)/"),
        "settings of the kernel are closed to the app; whoever must set one does so on the host (`/etc/sysctl.d`), not in the app",
    ),
    (
        re.compile(r"PermissionError: \[Errno 1\] Operation not permitted|Bad system call"),
        (
            "the unit refuses the app a system call: those that change owners, clocks, mounts or namespaces, and raw sockets, are closed; "
            "docs/security.md lists the fences, and the line of `service` that opens each"
        ),
    ),
    (
        re.compile(r"(?:Errno 28\b|No space left on device)"),
        (
            "the disk is full, or has no inodes left: `df -h` and `df -i` tell for /tmp, /var/tmp and the app's directory; large temporary "
            "files go below the app's HOME with `env: {TMPDIR: ...}`"
        ),
    ),
    (
        re.compile(r"(?:Errno 122\b|Disk quota exceeded)"),
        "the quota of the app's account or directory is used up: `quota -u` or `repquota -a` tells; raise it, or free some space",
    ),
    (
        re.compile(r"(?:Errno 24\b|Too many open files)"),
        "the app has more files and connections open than it may: close what is not used, or `service: {LimitNOFILE: 65536}`",
    ),
    (
        re.compile(r"can't start new thread|(?:Errno 11\b|BlockingIOError).{0,40}Resource temporarily unavailable"),
        "the app may not start another process or thread: fewer workers or threads in `gunicorn`, or a higher `service: {TasksMax: ...}`",
    ),
    (
        re.compile(r"Errno 12\b|Cannot allocate memory|\bMemoryError\b|result 'oom-kill'|was sent SIGKILL! Perhaps out of memory"),
        "there was not enough memory: fewer workers in `gunicorn`, a higher `service: {MemoryMax: ...}` if it sets one, or a larger host",
    ),
    (
        re.compile(r"failed to map segment from shared object"),
        (
            "a library cannot be loaded because the file system in which it lies is mounted noexec: `findmnt -T` tells which; mount it "
            "with exec, or set `env: {TMPDIR: ...}` if it is a directory for temporary files"
        ),
    ),
    (
        re.compile(r"Failed at step EXEC spawning .{1,300}: Permission denied"),
        (
            "the app's user may not run its interpreter: it lies in a home directory (closed by ProtectHome; put it below /opt, or "
            "`service: {ProtectHome: read-only}`), or on a file system that is mounted noexec (`findmnt -T`)"
        ),
    ),
    (
        re.compile(r"version `GLIBC(?:XX)?_[\d.]+' not found"),
        "a package was built for a newer Debian than this one: ask for an older version of it, or upgrade the host",
    ),
)

_CALLED_AS_APP = re.compile(r"TypeError: (?:\w+\.)*(?P<function>\w+)\(\) takes .{1,60} positional arguments? but [23] (?:was|were) given")
_NO_ATTRIBUTE = re.compile(r"Failed to find attribute '(?P<name>[^']+)' in '(?P<module>[^']+)'")


HoldsCode = Callable[[str], bool]
"""Tells of a directory of the source, by its path there, whether there is code in it."""


_STATUSES = {
    401: (
        "; the web server itself asks for a password (`auth_basic`?), of the host's own question, too. Let that through, in `nginx.extra`: "
        "`satisfy any;`, `allow 127.0.0.1;` and `deny all;` beside `auth_basic`"
    ),
    403: (
        "; the web server itself refuses (`deny`?) the host's own question, too. Let that through, in `nginx.extra`: `allow 127.0.0.1;` "
        "before `deny`"
    ),
    429: (
        "; the web server itself refuses it for a limit. Raise `limit_requests`, `limit_requests_burst` or `limit_connections` below "
        "`nginx`"
    ),
    502: (
        '; the web server itself does not reach the app\'s socket. /var/log/nginx has why; for "Permission denied", what `user` in '
        "/etc/nginx/nginx.conf names must be in the socket's group: `user www-data;` as Debian's nginx has it"
    ),
}
"""What a status means that the web server itself gave, and not the app behind it."""


_SILENCE = (
    "; the web server itself has closed the connection, as `return 444` does, for names that no site has or in a file of somebody else's: "
    "`nginx -T` shows who has the name and the port. A site that does not have them yet gets them from site.yml"
)

_NOT_UNDERSTOOD = (0, 400)
"""What the web server answers to a line of the PROXY protocol that it does not expect: 400, or on an encrypted port nothing that is one."""


def explain_status(status: int, *, proxy_protocol: bool = False, is_silent: bool = False) -> str:
    """Return what helps when the web server gives an answer that is no release's; empty when the status does not tell.

    `status` is 0 where there was no answer, `proxy_protocol` whether it was told by the PROXY protocol who asks, and `is_silent` whether it
    has closed the connection.
    """
    if proxy_protocol and status in _NOT_UNDERSTOOD:
        return (
            "; the host has spoken the PROXY protocol (`nginx.trusted_header`), which a site that does not have it yet gets from site.yml"
        )
    return _SILENCE if is_silent else _STATUSES.get(status, "")


def find_hints(log: Sequence[str], root: str, holds_code: HoldsCode = lambda _path: False, source: Source | None = None) -> list[str]:
    """Return what helps against what the lines of a log tell, each hint once; `root` is the app's directory, `source` what it runs."""
    found = (hint for line in log for hint in _find_hints(line[:_LONGEST_LINE], root, holds_code, source))
    return list(dict.fromkeys(found))[:_MOST_HINTS]


def _find_hints(line: str, root: str, holds_code: HoldsCode, source: Source | None) -> Iterator[str]:
    if (match := _DENIED.search(line)) and not match["path"].startswith(("/proc/", "/sys/", "/dev/")):
        yield _explain_denial(match["path"], root, holds_code)
    if "unable to open database file" in line:
        yield (
            f"SQLite cannot create a file in the source, which is read-only: put the database below {root}/shared, which is the "
            "app's HOME, or name the file, such as `shared: {files: [app.db]}`, or its directory if that holds nothing but data, such as "
            "`shared: {directories: [instance]}`"
        )
    if "class uri 'asgi' invalid or not found" in line:
        yield (
            "the app brings a gunicorn before 24, which has no worker class for ASGI: let it ask for a newer one, or set "
            "`gunicorn: {worker_class: uvicorn_worker.UvicornWorker}`, for which uvicorn is installed (with gunicorn 20.1, "
            "`uvicorn.workers.UvicornWorker`)"
        )
    if match := _NO_MODULE.search(line):
        yield _explain_missing_module(match["module"], source)
    if source and (match := _CALLED_AS_APP.search(line)) and source.attribute in (match["function"], "") and source.attribute:
        yield source.explain_factory()
    if fence := next((hint for pattern, hint in _FENCES if pattern.search(line)), None):
        yield fence
    for part, package in find_missing_parts(line):
        yield _explain_missing_part(part, package)
    if match := _NO_ATTRIBUTE.search(line):
        name, module = match.groups()
        which = f"{name!r}, which the module {module!r}" if _is_name(name) and _is_name(module) else "what the module"
        has = source.describe_callables(module) if source and _is_name(module) else ""
        yield f"`wsgi` names {which} does not have; it must be the app or a call that makes it{has}"


def _explain_denial(path: str, root: str, holds_code: HoldsCode) -> str:
    inside = re.fullmatch(rf"{re.escape(root)}/(?:builds/[^/]+|releases/[^/]+/app|current/app)/(?P<path>.+)", path)
    if inside is None and path.startswith(("/home/", "/root/", "/run/user/")):
        return (
            "home directories are closed to the app: move what it needs below its HOME or /srv, or, if there is no other way, "
            "`service: {ProtectHome: read-only}`"
        )
    if inside is None:
        return (
            f"the app may write below {root}/shared, which is its HOME, and to a /tmp of its own; if it needs another place, look at it "
            "first, and then allow that directory: `service: {ReadWritePaths: [...]}`"
        )
    if not _is_plain(inside["path"]):
        return (
            "the source is read-only; data that outlives a release is declared: `shared: {directories: [...]}`, or `files:` for a "
            "single file"
        )
    return (
        f"{inside['path']!r} is in the source, which is read-only; data that outlives a release is declared, "
        f"such as `shared: {{{_choose_place(inside['path'], holds_code)}}}`. Never name a directory that holds code: it would be kept, too"
    )


def _explain_missing_part(part: str, package: str) -> str:
    if not package:
        return (
            f"the app needs a library of the host, {part}: `apt-file search {part}.so` tells which Debian package has it; name that in "
            "`dependencies: {build_packages: [...]}`, and run site.yml, which installs it"
        )
    what = f"{part}, which the host lacks" if part else "something of the host that it lacks"
    return f"the app needs {what}: {describe_package(package)}, and run site.yml, which installs it"


def _choose_place(path: str, holds_code: HoldsCode) -> str:
    """Return what to share for something that the app has tried to write: the directory in which it lies, if that is one of data.

    Else it is the thing itself: what has an ending is taken for a file.
    """
    directory, name = posixpath.split(path)
    if directory and not holds_code(directory):
        return f"directories: [{directory}]"
    return f"files: [{path}]" if posixpath.splitext(name)[1] else f"directories: [{path}]"


def _is_plain(path: str) -> bool:
    """Return whether a relative path leads to no other place than it seems to."""
    return len(path) <= _LONGEST and _PLAIN_PATH.fullmatch(path) is not None and not {".", ".."} & set(path.split("/"))


def _is_name(text: str) -> bool:
    """Return whether a text is the name of a module or of something in one."""
    return len(text) <= _LONGEST and _DOTTED_NAME.fullmatch(text) is not None


def _explain_missing_module(module: str, source: Source | None) -> str:
    if module == "pkg_resources":
        return "a package that is older than the host's Python needs setuptools: `dependencies: {packages: ['setuptools<81']}`"
    which = repr(module) if _is_name(module) else "what it asks for"
    if source and _is_name(module) and (place := source.find_directory_of(module.partition(".")[0])):
        return (
            f"{which} is in the directory {place!r} of the source, where Python does not look for it: `python_path: [{place}]` adds that "
            f"directory, `chdir: {place}` starts the app there, and `source: {{subdirectory: {place}}}` takes it for the source"
        )
    return (
        f"{which} is neither installed nor a module where the app starts: add the package that you know to bring it to the app's "
        "dependency file or to `dependencies: {packages: […]}`; a module of the source is found when `chdir` names its directory"
    )
