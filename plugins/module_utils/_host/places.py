# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the data of an app really lie: an operator may have put them on another disk, by a symbolic link or by a mount."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._host.accounts import find_user
from ansible_collections.webstack.flask.plugins.module_utils._host.commands import TimedOut, run
from ansible_collections.webstack.flask.plugins.module_utils._host.files import (
    Access,
    ensure_file,
    read_text,
    require_closed_way,
)
from ansible_collections.webstack.flask.plugins.module_utils._host.ownership import MARKER
from ansible_collections.webstack.flask.plugins.module_utils._host.trees import Step, list_mounts, open_directory, walk
from ansible_collections.webstack.flask.plugins.module_utils._layout import AppLayout

_SYSTEM = ("/bin", "/boot", "/dev", "/etc", "/lib", "/lib32", "/lib64", "/libx32", "/proc", "/run", "/sbin", "/sys", "/usr")
"""What is never an app's, nor anything below it."""

_SHARED_BY_MANY = ("/", "/home", "/media", "/mnt", "/opt", "/srv", "/var", "/var/lib", "/var/log", "/var/www", "/var/cache", "/var/backups")
"""What belongs to more than one app: not to be given to one."""

_HIDDEN = {"/home": "ProtectHome", "/root": "ProtectHome", "/tmp": "PrivateTmp", "/var/tmp": "PrivateTmp"}  # noqa: S108
"""What an app has its own, empty one of, by which directive."""

_MOST_FOLLOWED = 1000
"""Links in an app's data that are followed."""

_TIMEOUT = 10
"""Seconds for a look at what a process sees; a disk in a network may not answer."""

_PLAIN = re.compile(r"[A-Za-z0-9/_@+.,:=-]+")


@dataclass(frozen=True)
class Elsewhere:
    """A link in an app's data, and the app's own file or directory outside of them to which it leads."""

    link: Path
    target: Path


@dataclass(frozen=True)
class Data:
    """The data of an app that are on the host."""

    place: Path
    """The directory as it really is."""

    is_link: bool
    is_mount: bool

    @property
    def stays(self) -> bool:
        """Whether the place itself outlives the data in it."""
        return self.is_link or self.is_mount


def find_data(layout: AppLayout) -> Path:
    """Return where an app's data really lie: an operator may have put a link to another disk in the place of `shared`.

    Raise UserError if what the link leads to is not the app's to have, or others could exchange it.
    """
    if not layout.shared.is_symlink():
        return layout.shared
    data = Path(os.path.realpath(layout.shared))
    if problem := find_problem(layout, data):
        raise UserError(
            f"{layout.shared} is a link to {data}, and {problem}. Nothing was changed there. Let it lead to a directory that is the app's "
            f"alone, such as /srv/{layout.name}: `ln -sfn /srv/{layout.name} {layout.shared}`"
        )
    require_closed_way(data.parent)
    return data


def find_problem(layout: AppLayout, place: Path) -> str | None:
    """Return why a place cannot be where an app's data lie, None if it can. It need not be there yet."""
    ways = [str(path) for path in (place, *place.parents)]
    root = Path(os.path.realpath(layout.root))
    user = find_user(layout.name)
    problem = None
    if str(place) in _SHARED_BY_MANY or any(way in _SYSTEM for way in ways):
        problem = "that is the system's, or for more than one app"
    elif hidden := [way for way in ways if way in _HIDDEN]:
        problem = f"an app does not see {hidden[0]}, by {_HIDDEN[hidden[0]]}= of its service"
    elif root in (place, *place.parents):
        problem = f"that is in {layout.root}, where the collection keeps what it makes"
    elif other := _find_owner(place, layout.name):
        problem = f"that is in {other}, which is another app's"
    elif place.exists() and not place.is_dir():
        problem = "that is no directory"
    elif place.is_dir():
        problem = _find_foreigner(place, {0} | ({user.pw_uid} if user else set()))
    return problem


def _find_owner(place: Path, name: str) -> Path | None:
    """Return the directory of another app in which a place is."""
    for path in (place, *place.parents):
        marked = read_text(path / MARKER) if (path / MARKER).is_file() else None
        if marked is not None and marked.strip() != name:
            return path
    return None


def _find_foreigner(place: Path, own: set[int]) -> str | None:
    """Return a sentence if a directory, or something right in it, is another account's than one of these numbers'."""
    for path in (place, *(place / name for name in sorted(os.listdir(place)))):
        with suppress(FileNotFoundError):
            uid = path.lstat().st_uid
            if uid not in own:
                return f"{path} belongs to somebody else, the user with the number {uid}"
    return None


def find_elsewhere(top: Path, uid: int) -> list[Elsewhere]:
    """Return the links in a tree that lead to what an account has outside of it. What a link leads to that is others' is not the app's.

    The tree may be another account's, and change meanwhile: raise trees.Moved where that makes it impossible.
    """
    found: list[Elsewhere] = []
    real = os.path.realpath(top)
    with open_directory(Path(real)) as descriptor, closing(walk(descriptor)) as visits:
        for visit in visits:
            if visit.step is not Step.ITEM or not stat.S_ISLNK(visit.status.st_mode) or len(found) >= _MOST_FOLLOWED:
                continue
            link = Path(real, visit.path)
            target = _follow(link, real)
            if target and _is_of(target, uid) and target not in [each.target for each in found]:
                found.append(Elsewhere(link, target))
    return found


def _follow(link: Path, top: str) -> Path | None:
    """Return where a link leads, if that is there, and outside of the tree."""
    try:
        target = os.path.realpath(link, strict=True)
    except (OSError, ValueError):  # to nothing, in a circle, or longer than a path may be
        return None
    if target == top or target.startswith(f"{top}/") or any(target == way or target.startswith(f"{way}/") for way in _SYSTEM):
        return None
    return Path(target)


def _is_of(path: Path, uid: int) -> bool:
    with suppress(OSError):
        return path.lstat().st_uid == uid
    return False


HEAD = "# Written by webstack.flask.\n[Unit]\n"
"""How the unit file of the places begins, by which they are found in others to which they were added."""


def format_places(layout: AppLayout, declared: Iterable[str]) -> str:
    """Return the unit file that has an app's releases wait for each place that they read or write, and write where links of theirs lead.

    `declared` are the paths below `shared` that the description names. Besides these, what is a link right in `shared`, and what is
    mounted in the app's directory, counts. A link is followed to what belongs to the app's account, and to nothing else: a link in its
    data is the app's own, and must not open anything to it.
    """
    user = find_user(layout.name)
    waited, written = _find_places(layout, declared, user.pw_uid if user else None)
    lines = [
        *HEAD.splitlines(),
        *(f"RequiresMountsFor={_quote(place)}" for place in waited),
        *(["[Service]", *(f"ReadWritePaths=-{_quote(place)}" for place in written)] if written else []),
    ]
    return "".join(f"{line}\n" for line in lines)


def _find_places(layout: AppLayout, declared: Iterable[str], uid: int | None) -> tuple[list[str], list[str]]:
    """Return the places that an app needs, and those beside `shared` to which it writes, each as it really is."""
    own = [layout.builds, layout.environments, layout.releases, layout.shared]
    inside = sorted({layout.shared / path for path in declared} | set(_list_links(layout.shared)))
    mounted = [Path(place) for place in list_mounts(os.path.realpath(layout.root))]
    data = os.path.realpath(layout.shared)
    waited = {str(path) for path in (*own, *inside)} | {os.path.realpath(path) for path in own}
    written = []
    for path in inside:
        target = Path(os.path.realpath(path))
        outside = str(target) != data and not str(target).startswith(f"{data}/")
        # To wait for a place can be to mount it, which root alone may ask for: by a link of its own, or by what it has given to the app.
        if _is_of(path, 0) or (uid is not None and _is_of(target, uid)):
            waited.add(str(target))
        if outside and uid is not None and _is_of(target, uid) and not find_problem(layout, target if target.is_dir() else target.parent):
            # What is written beside a database, its journal, is in the same directory.
            written.append(str(target if target.is_dir() or not _is_of(target.parent, uid) else target.parent))
    waited |= set(map(str, mounted)) | set(written)
    return sorted(filter(_fits_into_units, waited)), sorted(set(filter(_fits_into_units, written)))


def _list_links(directory: Path) -> list[Path]:
    with suppress(OSError):
        return [directory / name for name in os.listdir(directory) if (directory / name).is_symlink()]
    return []


def _fits_into_units(place: str) -> bool:
    """Return whether a path can stand in a unit file: one with a line end, or bytes that are no text, cannot."""
    return place.isprintable()


def _quote(place: str) -> str:
    """Return a path as a unit file has it: systemd.syntax(7)."""
    escaped = place.replace("%", "%%")
    if _PLAIN.fullmatch(place):
        return escaped
    escaped = escaped.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _read_places(text: str) -> tuple[list[str], list[str]]:
    """Return from what `format_places` wrote the places that are needed, and those that are written to."""
    found: dict[str, list[str]] = {"RequiresMountsFor": [], "ReadWritePaths": []}
    for line in text.splitlines():
        name, _equals, value = line.partition("=")
        value = value.removeprefix("-")
        if value.startswith('"'):
            value = value[1:-1].replace('\\"', '"').replace("\\\\", "\\")
        if name in found:
            found[name].append(value.replace("%%", "%"))
    return found["RequiresMountsFor"], found["ReadWritePaths"]


def ensure_places(layout: AppLayout, declared: Iterable[str], *, check: bool) -> bool:
    """Write the unit file of an app's places; return whether it differed. systemd has to read its units again then."""
    path, text = layout.places, format_places(layout, declared)
    if read_text(path) == text:
        return False
    if not check:
        path.parent.mkdir(mode=0o755, exist_ok=True)
    return ensure_file(path, text, Access(0, 0, 0o644), check=check)


def find_unseen(layout: AppLayout, pid: int, processes: Path = Path("/proc")) -> list[str]:
    """Return what is mounted for the host, and not for a process of an app; and where it may not write, though its unit says so by now.

    A service with a file system of its own keeps what was mounted when it started. What cannot be told is no difference. Only mount points
    count: that a directory is another one for the app than for the host, its own `BindPaths` may want so.
    """
    waited, written = _read_places(read_text(layout.places) or "")
    mounted = {mount for place in waited if (mount := _find_mount(os.path.realpath(place), list_mounts("/")))}
    is_late = bool(written) and _started(pid, processes) < layout.places.stat().st_mtime
    questions = [*(("same", mount) for mount in sorted(mounted)), *(("open", place) for place in (written if is_late else ()))]
    return _ask_process(pid, questions, processes) if questions else []


def _find_mount(place: str, mounts: Iterable[str]) -> str | None:
    """Return the mount point on which a place is, None for that of the whole system, and for what an app sees otherwise by its unit."""
    found = max((mount for mount in mounts if place == mount or place.startswith(f"{mount}/")), key=len, default=None)
    hidden = any(found == way or str(found).startswith(f"{way}/") for way in (*_SYSTEM, *_HIDDEN))
    return None if hidden else found


def _started(pid: int, processes: Path) -> float:
    """Return when a process has started, in seconds since 1970; 0 where that cannot be told: proc_pid_stat(5)."""
    with suppress(OSError, ValueError, IndexError):
        ticks = int((processes / str(pid) / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[19])
        booted = re.search(r"^btime (\d+)$", (processes / "stat").read_text(encoding="ascii"), re.MULTILINE)
        return int(booted[1]) + ticks / os.sysconf("SC_CLK_TCK") if booted else 0
    return 0


_COMPARE = """
root=$1; shift
[ -e "$root/." ] || exit 0
while [ $# -gt 0 ]; do
    here=$(stat --dereference --format=%d:%i -- "$2") || here=
    there=$(stat --dereference --format=%d:%i -- "$root$2") || there=
    case $1 in
        same) [ -z "$here" ] || [ "$here" = "$there" ] || printf '%s\\0' "$2" ;;
        open) ! [ -w "$2" ] || [ -w "$root$2" ] || printf '%s\\0' "$2" ;;
    esac
    shift 2
done
"""


def _ask_process(pid: int, questions: Iterable[tuple[str, str]], processes: Path) -> list[str]:
    """Return the places of which a process, by its own account, has another view than the host.

    Root itself may not look there in a container without CAP_SYS_PTRACE.
    """
    process = processes / str(pid)
    try:
        owner = process.stat()
    except FileNotFoundError:
        return []
    words = [word for kind, place in questions for word in (kind, place)]
    with suppress(TimedOut):
        ended = run(
            ["/bin/sh", "-c", _COMPARE, "sh", f"{process}/root", *words],
            timeout=_TIMEOUT,
            cwd=Path("/"),
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
            user=owner.st_uid,
            group=owner.st_gid,
            extra_groups=[],
        )
        asked = words[1::2]
        return [place for place in ended.output.split("\0") if place in asked]
    return []
