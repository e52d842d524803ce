# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""nginx's files on the host: read, tried out as a copy, changed, and put back."""

from __future__ import annotations

import grp
import hashlib
import os
import platform
import pwd
import shutil
import socket
import stat
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._host.files import (
    Access,
    point_link,
    read_text,
    sync_directory,
    write_atomically,
)
from ansible_collections.webstack.flask.plugins.module_utils._nginx.config import (
    Complaint,
    find_certificates,
    includes_sites,
    is_ours,
    move_main,
    parse_complaints,
    parse_version,
)
from ansible_collections.webstack.flask.plugins.module_utils._nginx.plan import (
    Change,
    Entry,
    File,
    Link,
    NginxLayout,
    Observed,
    Plan,
    Site,
)

LOG_ROOT = Path("/var/log/nginx")
_INCLUDED = {"conf.d": "*.conf", "sites-enabled": "*"}
_PACKAGED = {"12": (1, 22, 1)}
_LATEST = (1, 26)
_TEST_TIMEOUT = 60.0


def is_installed(layout: NginxLayout) -> bool:
    """Return whether nginx and its configuration are installed."""
    return layout.main.exists() and shutil.which("nginx", path=os.defpath + ":/usr/sbin:/sbin") is not None


def find_version() -> tuple[int, ...]:
    """Return the version of nginx, or that of Debian's package if it is not installed."""
    try:
        shown = subprocess.run(["/usr/sbin/nginx", "-v"], capture_output=True, text=True, check=False).stderr
    except FileNotFoundError:
        return _PACKAGED.get(platform.freedesktop_os_release().get("VERSION_ID", ""), _LATEST)
    return parse_version(shown)


def read_certificates(texts: Iterable[str]) -> dict[str, str]:
    """Return the content of each certificate that our files among these texts name; empty if it does not exist."""
    paths = {path for text in texts if is_ours(text) for path in find_certificates(text)}
    return {path: read_text(Path(path)) or "" for path in paths}


def find_missing_certificates(texts: Iterable[str]) -> list[str]:
    """Return the certificates that our files among these texts name, and that do not exist."""
    return sorted(path for path, text in read_certificates(texts).items() if not text)


def has_ipv6() -> bool:
    """Return whether the kernel lets a program listen on IPv6; where it does not, nginx refuses `listen [::]:80`."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
            probe.bind(("::", 0))
    except OSError:
        return False
    return True


def foresee(layout: NginxLayout) -> Observed:
    """Return what Debian's package will bring, for the plan of a host that has no nginx yet."""
    entries: dict[Path, Entry] = {layout.default_link: Link(str(layout.default_file))}
    return Observed(entries, texts={}, has_pristine_default=True)


def observe(layout: NginxLayout, sites: Iterable[Site]) -> Observed:
    """Return the state of /etc/nginx."""
    main = read_text(layout.main) or ""
    if not includes_sites(main):
        raise UserError(
            f"{layout.main} does not include {layout.etc}/sites-enabled/*, as Debian's does, so no site would be served; "
            f"add `include {layout.etc}/sites-enabled/*;` to its http block"
        )
    paths = [layout.http, layout.default_link, layout.default_file]
    for site in sites:
        paths += [layout.file_of(site.name), layout.proof_of(site.name), layout.callers_of(site.name), layout.link_of(site.name)]
    texts = {}
    for path in _list_active(layout):
        text = read_text(path) if path.is_file() else None
        if text is not None:
            texts[path] = text
    return Observed({path: _read_entry(path) for path in paths}, texts, main, _has_pristine_default(layout))


def _list_active(layout: NginxLayout) -> list[Path]:
    """Return the paths that nginx reads by Debian's include directives; like a shell it skips hidden ones."""
    paths = [path for name, pattern in _INCLUDED.items() for path in sorted((layout.etc / name).glob(pattern))]
    return [path for path in paths if not path.name.startswith(".")]


def _read_entry(path: Path) -> Entry:
    try:
        status = path.lstat()
    except FileNotFoundError:
        return None
    if stat.S_ISLNK(status.st_mode):
        return Link(os.readlink(path))
    if not stat.S_ISREG(status.st_mode):
        raise UserError(f"{path} is neither a file nor a link; move it away")
    return File(read_text(path) or "", Access(status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)))


def _has_pristine_default(layout: NginxLayout) -> bool:
    """Return whether the default site is enabled, and is Debian's page, unchanged."""
    if layout.default_link.resolve() != layout.default_file or not layout.default_file.is_file():
        return False
    command = ["dpkg-query", "--show", "--showformat=${Conffiles}", "nginx-common"]
    known = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    digest = hashlib.md5(layout.default_file.read_bytes(), usedforsecurity=False).hexdigest()
    return f"{layout.default_file} {digest}" in known


def try_out(plan: Plan, layout: NginxLayout) -> tuple[bool, list[Complaint]]:
    """Let nginx test the configuration as it would be after the plan, on a copy; return its verdict and complaints.

    Nothing untested is ever below /etc/nginx, so that a host that loses power meanwhile comes back.
    """
    removed = {change.path for change in plan.changes if change.after is None}
    with tempfile.TemporaryDirectory(prefix="nginx-candidate-", dir="/run") as directory:
        stage = Path(directory)
        for path in layout.etc.iterdir():
            if path.name not in (*_INCLUDED, layout.main.name):
                (stage / path.name).symlink_to(path)
        for name in _INCLUDED:
            (stage / name).mkdir()
        for path in {*_list_active(layout), *plan.texts} - removed:
            staged = stage / path.relative_to(layout.etc)
            text = plan.texts.get(path)
            if text is None:
                staged.symlink_to(path)
                continue
            # The logs of a site that is refused would stay behind.
            text = text.replace(f"{LOG_ROOT}/", f"{stage}/") if is_ours(text) else text
            staged.write_text(text, encoding="utf-8", errors="surrogateescape")
        main = move_main(read_text(layout.main) or "", str(layout.etc), str(stage))
        (stage / layout.main.name).write_text(main, encoding="utf-8", errors="surrogateescape")
        passed, output = _run_test("-c", str(stage / layout.main.name))
        return passed, parse_complaints(output, stage=str(stage), etc=str(layout.etc))


def try_present() -> tuple[bool, list[Complaint]]:
    """Let nginx test the configuration that is in place."""
    passed, output = _run_test()
    return passed, parse_complaints(output)


def _run_test(*arguments: str) -> tuple[bool, str]:
    command = ["/usr/sbin/nginx", "-t", *arguments]
    try:
        result = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=_TEST_TIMEOUT, check=False)
    except subprocess.TimeoutExpired as error:
        raise UserError(f"`{' '.join(command)}` took more than {_TEST_TIMEOUT:g} s; is a name server away?") from error
    return result.returncode == 0, result.stderr


def apply(changes: Sequence[Change]) -> None:
    """Make the changes; on any failure put back what was there, then raise."""
    done: list[Change] = []
    try:
        for change in changes:
            _put(change)
            done.append(change)
    except OSError:
        restore(done)
        raise


def restore(changes: Sequence[Change]) -> None:
    """Undo the changes, the last one first."""
    for change in reversed(changes):
        _put(change.undo)


def _put(change: Change) -> None:
    if isinstance(change.after, File):
        write_atomically(change.path, change.after.text, change.after.access)
    elif isinstance(change.after, Link):
        point_link(change.path, change.after.target)
    else:
        change.path.unlink(missing_ok=True)
        sync_directory(change.path.parent)


def find_logs(name: str) -> list[Path]:
    """Return the log files of a site, rotated ones too."""
    return sorted(path for kind in ("access", "error") for path in LOG_ROOT.glob(f"{name}.{kind}.log*"))


def find_own_logs(name: str, texts: Iterable[str]) -> list[Path]:
    """Return the log files of a site, unless somebody else's configuration among the texts writes to files of these names."""
    return [] if any(f"{LOG_ROOT}/{name}." in text for text in texts if not is_ours(text)) else find_logs(name)


def find_open_logs(sites: Iterable[Site]) -> list[Path]:
    """Return the logs of sites that do not exist yet, and those that are readable by all, rotated ones too.

    nginx itself would make them readable by all. Anything but a regular file, such as an administrator's link, is left alone.
    """
    sites = list(sites)
    texts = [site.text for site in sites if site.text]
    found = []
    for site in sites:
        names = [LOG_ROOT / f"{site.name}.{kind}.log" for kind in ("access", "error")] if LOG_ROOT.is_dir() else []
        found += [path for path in names if any(str(path) in text for text in texts) and not os.path.lexists(path)]
        found += [path for path in find_logs(site.name) if _is_open(path.lstat())]
    return found


def _is_open(status: os.stat_result) -> bool:
    return stat.S_ISREG(status.st_mode) and status.st_nlink == 1 and bool(status.st_mode & stat.S_IRWXO)


def close_logs(paths: Iterable[Path]) -> list[Path]:
    """Give logs the owner and mode that Debian's logrotate gives them, creating those that are missing; return the created ones."""
    uid, gid = _find_log_access()
    made = []
    for path in paths:
        is_new = not os.path.lexists(path)
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_NONBLOCK | (os.O_CREAT | os.O_EXCL if is_new else 0), 0o600)
        except OSError as error:
            raise UserError(f"cannot keep the log {path} from being read by everybody: {error.strerror}; move it away") from error
        try:
            if is_new or _is_open(os.fstat(descriptor)):
                os.fchown(descriptor, uid, gid)
                os.fchmod(descriptor, 0o640)
        finally:
            os.close(descriptor)
        made += [path] if is_new else []
    return made


def _find_log_access() -> tuple[int, int]:
    """Return the owner and the group of nginx's logs; not every host has Debian's group of those who read logs."""
    try:
        readers = grp.getgrnam("adm").gr_gid
    except KeyError:
        readers = 0
    return pwd.getpwnam("www-data").pw_uid, readers
