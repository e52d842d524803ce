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

_DENIED = re.compile(r"(?:Read-only file system|Permission denied): '(?P<path>/[^']+)'")
_NO_MODULE = re.compile(r"No module named '(?P<module>[^']+)'")
_PLAIN_PATH = re.compile(r"[A-Za-z0-9_.-]+(?:/[A-Za-z0-9_.-]+)*", re.ASCII)
_DOTTED_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*", re.ASCII)
_LONGEST = 100
_NO_ATTRIBUTE = re.compile(r"Failed to find attribute '(?P<name>[^']+)' in '(?P<module>[^']+)'")


HoldsCode = Callable[[str], bool]
"""Tells of a directory of the source, by its path there, whether there is code in it."""


def find_hints(log: Sequence[str], root: str, holds_code: HoldsCode = lambda _path: False) -> list[str]:
    """Return what helps against what the lines of a log tell, each hint once; `root` is the app's directory."""
    return list(dict.fromkeys(hint for line in log for hint in _find_hints(line, root, holds_code)))


def _find_hints(line: str, root: str, holds_code: HoldsCode) -> Iterator[str]:
    if match := _DENIED.search(line):
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
            "`gunicorn: {worker_class: uvicorn_worker.UvicornWorker}`, for which uvicorn is installed"
        )
    if match := _NO_MODULE.search(line):
        yield _explain_missing_module(match["module"])
    if match := _NO_ATTRIBUTE.search(line):
        name, module = match.groups()
        which = f"{name!r}, which the module {module!r}" if _is_name(name) and _is_name(module) else "what the module"
        yield f"`wsgi` names {which} does not have; it must be the app or a call that makes it"


def _explain_denial(path: str, root: str, holds_code: HoldsCode) -> str:
    inside = re.fullmatch(rf"{re.escape(root)}/(?:builds/[^/]+|releases/[^/]+/app|current/app)/(?P<path>.+)", path)
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


def _explain_missing_module(module: str) -> str:
    if module == "pkg_resources":
        return "a package that is older than the host's Python needs setuptools: `dependencies: {packages: ['setuptools<81']}`"
    which = repr(module) if _is_name(module) else "what it asks for"
    return (
        f"{which} is neither installed nor a module where the app starts: add the package that you know to bring it to the app's "
        "dependency file or to `dependencies: {packages: […]}`; a module of the source is found when `chdir` names its directory"
    )
