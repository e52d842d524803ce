# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Places that an app writes to, which outlive its releases: `shared`."""

from __future__ import annotations

import ast
import posixpath
import re
from collections.abc import Iterator

from ansible_collections.webstack.flask.plugins.plugin_utils._describe.code import Module, walk_served
from ansible_collections.webstack.flask.plugins.plugin_utils._describe.context import Context
from ansible_collections.webstack.flask.plugins.plugin_utils._describe.findings import LIKELY, SURE, Findings
from ansible_collections.webstack.flask.plugins.plugin_utils._describe.values import Evaluator, inside, list_settings

_SQLITE = re.compile(r"sqlite(?:\+\w+)?:///(?P<path>[^?#\s]*)")
_FOLDER_SETTINGS = re.compile(
    r"(?:UPLOAD(?:S|ED)?(?:_\w+)?_(?:FOLDER|DIR|DIRECTORY|PATH|DEST|ROOT)|UPLOADS?|MEDIA_ROOT|\w+_UPLOAD_FOLDER|DATA_DIR|DATA_FOLDER)"
)
_DEFAULT_DEST = re.compile(r"UPLOAD(?:ED|S)_\w+_DEST")
_FRAMEWORK_FOLDERS = ("SESSION_FILE_DIR", "CACHE_DIR", "WHOOSH_BASE")
_CONNECT = frozenset(("sqlite3.connect", "aiosqlite.connect", "shelve.open", "dbm.open", "TinyDB", "tinydb.TinyDB", "duckdb.connect"))
_LOGS = ("FileHandler", "RotatingFileHandler", "TimedRotatingFileHandler", "WatchedFileHandler")
_MAKES_DIRECTORY = ("os.makedirs", "os.mkdir")
_PLAIN = re.compile(r"[\w.@+ -]+(?:/[\w.@+ -]+)*", re.ASCII)
_DATABASE_FILE = re.compile(r"\.(?:db3?|sqlite3?)$")


def describe(context: Context, findings: Findings) -> None:
    """Add the directories and files that the app writes to."""
    _Finder(context, findings).run()


def find_instance(context: Context) -> str:
    """Return the directory that Flask takes for the app's instance: beside its module or package."""
    path = context.entry.path
    for one in context.code.modules.values():
        if any(name.endswith("flask.Flask") for name, _call in one.calls):
            path = one.path
            break
    folder = posixpath.dirname(path)
    while folder and context.tree.has(posixpath.join(folder, "__init__.py")):
        folder = posixpath.dirname(folder)
    return posixpath.join(folder, "instance")


class _Finder:
    def __init__(self, context: Context, findings: Findings) -> None:
        self.context, self.findings = context, findings
        self.instance = find_instance(context)
        self.found: dict[str, tuple[bool, str, str]] = {}
        """What is shared, by its path: whether it is a directory, why, and how certain that is."""

    def run(self) -> None:
        uses_sqlalchemy = "flask-sqlalchemy" in self.context.dependencies
        for module in self.context.code.modules.values():
            evaluator = Evaluator(self.context.code, module, self.instance)
            if not self.findings.has("database"):  # where there is one, SQLite is for development
                self._find_urls(module, evaluator, is_in_instance=uses_sqlalchemy)
            self._find_calls(module, evaluator)
        for key, value, module in list_settings(self.context.code):
            evaluator = Evaluator(self.context.code, module, self.instance)
            if _FOLDER_SETTINGS.fullmatch(key) or _DEFAULT_DEST.fullmatch(key) or key in _FRAMEWORK_FOLDERS:
                self._share(evaluator.path(value), f"{key} in {module.path}", is_directory=True)
        self._find_django()
        self._add()

    def _find_urls(self, module: Module, evaluator: Evaluator, *, is_in_instance: bool) -> None:
        for node in walk_served(module.body):
            if not isinstance(node, (ast.Constant, ast.JoinedStr, ast.BinOp)):
                continue
            text = evaluator.value(node)
            found = _SQLITE.fullmatch(text) if isinstance(text, str) else None
            if not found or found["path"] in ("", ":memory:"):
                continue
            path = found["path"]
            if re.match(r"/+source(/|$)", path):
                path = re.sub("^/+", "//", path)  # the top of the source, after a URL's slashes
            elif is_in_instance and not path.startswith("/"):
                path = posixpath.join(self.instance, posixpath.normpath(path))
            elif not path.startswith("/"):
                path = self._at_start(path)
            self._share(inside(path), f"the SQLite database in {module.path}", is_directory=False)

    def _at_start(self, path: str) -> str:
        """Return where a relative path leads: from the directory in which the app starts."""
        return posixpath.normpath(posixpath.join(self.context.entry.chdir, path))

    def _find_calls(self, module: Module, evaluator: Evaluator) -> None:
        for name, call in module.calls:
            last = name.rpartition(".")[2] or (call.func.attr if isinstance(call.func, ast.Attribute) else "")
            first = call.args[0] if call.args else None
            where = f"in {module.path}, line {call.lineno}"
            if name in _CONNECT:
                path = evaluator.path(first)
                self._share(self._resolve(path, evaluator.value(first)), f"the database that is opened {where}", is_directory=False)
            elif last in _LOGS:
                self._share(
                    self._resolve(evaluator.path(first), evaluator.value(first)), f"the log that is written {where}", is_directory=False
                )
            elif name in _MAKES_DIRECTORY:
                self._share(
                    self._resolve(evaluator.path(first), evaluator.value(first)), f"the directory that is made {where}", is_directory=True
                )
            elif last == "mkdir" and isinstance(call.func, ast.Attribute) and name not in _MAKES_DIRECTORY:
                value = evaluator.value(call.func.value)
                self._share(self._resolve(inside(value), value), f"the directory that is made {where}", is_directory=True)
            elif name in ("open", "io.open", "codecs.open") and self._is_writing(call, evaluator):
                self._share(
                    self._resolve(evaluator.path(first), evaluator.value(first)),
                    f"the file that is written {where}",
                    is_directory=False,
                    certainty=LIKELY,
                )
            elif last in ("write_text", "write_bytes") and isinstance(call.func, ast.Attribute):
                value = evaluator.value(call.func.value)
                self._share(self._resolve(inside(value), value), f"the file that is written {where}", is_directory=False, certainty=LIKELY)
            elif last == "save" and isinstance(first, (ast.Call, ast.BinOp)):
                self._share(*self._find_saved(first, evaluator), is_directory=True, where=where)

    def _resolve(self, path: str, value: object) -> str:
        """Return a path from the top: one that was relative begins where the app starts."""
        return path if not path or not isinstance(value, str) or value.startswith("//") else self._at_start(path)

    def _find_saved(self, node: ast.expr, evaluator: Evaluator) -> tuple[str, str]:
        """Return the directory below which something is saved whose own name is not known."""
        parts = node.args if isinstance(node, ast.Call) and evaluator.module.name_of(node.func) == "os.path.join" else []
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
            parts = [node.left]
        known = []
        for part in parts:
            value = evaluator.value(part)
            if not isinstance(value, str):
                break
            known.append(value)
        value = posixpath.join(*known) if known else ""
        if len(known) == len(parts) and isinstance(node, ast.Call):
            value = posixpath.dirname(value)
        return self._resolve(inside(value), value), "what is saved"

    @staticmethod
    def _is_writing(call: ast.Call, evaluator: Evaluator) -> bool:
        mode = next((one.value for one in call.keywords if one.arg == "mode"), call.args[1] if len(call.args) > 1 else None)
        text = evaluator.value(mode)
        return isinstance(text, str) and any(letter in text for letter in "wax+")

    def _find_django(self) -> None:
        for key, value, module in list_settings(self.context.code):
            if key != "DATABASES" or not isinstance(value, ast.Dict):
                continue
            for inner in value.values:
                pairs = dict(_list_pairs(inner))
                engine = getattr(pairs.get("ENGINE"), "value", "")
                if isinstance(engine, str) and engine.endswith("sqlite3"):
                    evaluator = Evaluator(self.context.code, module)
                    self._share(evaluator.path(pairs.get("NAME")), f"the SQLite database in {module.path}", is_directory=False)

    def _share(self, path: str, reason: str, *, is_directory: bool, certainty: str = SURE, where: str = "") -> None:
        if not path or path == "." or path.startswith("..") or not _PLAIN.fullmatch(path) or ".py" in path[-3:]:
            return
        if path.startswith(("tmp/", "var/log/", "dev/")) or path == "tmp":
            return
        if not is_directory:
            folder = posixpath.dirname(path)
            if folder and not self._holds_code(folder):
                path, is_directory = folder, True
        elif self._holds_code(path):
            self.findings.remarks.append(
                f"the app may write to {path} ({reason}), which has files of the source, and is read-only: let it have one "
                "of its own, and name that in `shared`"
            )
            return
        self.found.setdefault(path, (is_directory, f"{reason} {where}".strip(), certainty))

    def _holds_code(self, folder: str) -> bool:
        inner = (path for path in self.context.tree.files if path.startswith(f"{folder}/"))
        return any(path.endswith((".py", ".html", ".css", ".js")) and not path.startswith(f"{folder}/uploads/") for path in inner)

    def _add(self) -> None:
        for path in [path for path in self.context.tree.files if path.startswith(f"{self.instance}/")][:1]:
            if not self._holds_code(self.instance) and not path.endswith("config.py"):
                self.found.setdefault(self.instance, (True, "Flask's directory for what belongs to one installation", LIKELY))
        for path, (is_directory, reason, certainty) in sorted(self.found.items()):
            if any(path != other and path.startswith(f"{other}/") for other, (folder, _why, _sure) in self.found.items() if folder):
                continue
            self.findings.add("shared.directories" if is_directory else "shared.files", [path], f"{path}: {reason}", certainty)


def _list_pairs(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    if isinstance(node, ast.Dict):
        for key, value in zip(node.keys, node.values):
            if isinstance(key, ast.Constant) and isinstance(key.value, str):
                yield key.value, value
