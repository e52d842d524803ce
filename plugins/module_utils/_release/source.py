# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the source of a release has, for hints: where a module lies, and what in it could be the app. It is read, never run or parsed."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ansible_collections.webstack.flask.plugins.module_utils._release.seam import Host

_WSGI = re.compile(r"(?m)^wsgi_app = (?P<value>['\"].{1,300}['\"])$")
_CHDIR = re.compile(r"(?m)^chdir = .*\"app\", (?P<value>['\"].{0,300}['\"])\)\)$")
_FACTORY = re.compile(r"(?m)^(?:async )?def (?P<name>(?:create|make|build|get|init)_?\w{0,40}|\w{0,40}factory)\(", re.ASCII)
_APP = re.compile(
    r"(?m)^(?P<name>[A-Za-z_]\w{0,40})(?:: \w+)? = (?:\w+\.)?(?:Flask|Quart|FastAPI|Starlette|APIFlask|create_\w+|make_\w+)\(", re.ASCII
)
_PLAIN = re.compile(r"[A-Za-z0-9_.-]+(?:/[A-Za-z0-9_.-]+)*", re.ASCII)
_NOT_SOURCE = {"node_modules", "site-packages", "venv", "env", "__pycache__", "tests", "test"}
_LARGEST = 256 << 10
_DEEPEST = 3
"""How many directories down a module is looked for."""


@dataclass(frozen=True)
class Source:
    """The source of one release, as root has written it."""

    host: Host
    app: Path
    wsgi: str = ""
    chdir: str = ""

    @classmethod
    def of(cls, host: Host, release: Path) -> Source:
        """Return the source of the release in a directory, with what its gunicorn.conf.py says of it."""
        conf = host.files.read_text(release / "gunicorn.conf.py") or ""
        wsgi, chdir = (ast.literal_eval(found["value"]) if (found := pattern.search(conf)) else "" for pattern in (_WSGI, _CHDIR))
        return cls(host, release / "app", wsgi, chdir)

    @property
    def attribute(self) -> str:
        """What `wsgi` names in its module, if it is no call."""
        name = self.wsgi.partition(":")[2]
        return name if name.isidentifier() else ""

    def explain_factory(self) -> str:
        """Return the hint for a function that `wsgi` names as if it were the app."""
        return f"`wsgi: {self.wsgi}` names a function that makes the app, and is not the app: write `wsgi: {self.wsgi}()`"

    def describe_callables(self, module: str) -> str:
        """Return what in a module could be the app, as the end of a hint; nothing if that is not known."""
        path = self.app / self.chdir / module.replace(".", "/")
        text = next((text for file in (path.with_name(f"{path.name}.py"), path / "__init__.py") if (text := self._read(file))), "")
        apps = [match["name"] for match in _APP.finditer(text)]
        found = [*apps, *(f"{match['name']}()" for match in _FACTORY.finditer(text))][:5]
        return f"; {module} has {', '.join(f'`{module}:{name}`' for name in found)}" if found else ""

    def find_directory_of(self, module: str) -> str:
        """Return the directory of the source that has a top-level module, the nearest one; nothing if it is where Python looks already."""
        patterns = [f"{'*/' * depth}{module}{end}" for depth in range(_DEEPEST + 1) for end in (".py", "/__init__.py")]
        for pattern in patterns:
            for file in self.host.files.glob(self.app, pattern):
                directory = (file.parent if file.name != "__init__.py" else file.parent.parent).relative_to(self.app).as_posix()
                if directory in (".", self.chdir.strip("/") or "."):
                    return ""
                parts = PurePosixPath(directory).parts
                if _PLAIN.fullmatch(directory) and not any(part in _NOT_SOURCE or part.startswith(".") for part in parts):
                    return directory
        return ""

    def _read(self, file: Path) -> str:
        if not self.host.files.is_file(file) or self.host.files.size(file) > _LARGEST:
            return ""
        return self.host.files.read_text(file) or ""
