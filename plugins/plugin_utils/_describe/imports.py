# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the code imports: packages that no file asks for, and directories in which Python has to look."""

from __future__ import annotations

import posixpath
import sys
from collections.abc import Iterator, Mapping

from ansible_collections.webstack.flask.plugins.plugin_utils._describe.code import Module
from ansible_collections.webstack.flask.plugins.plugin_utils._describe.context import Context
from ansible_collections.webstack.flask.plugins.plugin_utils._describe.dependencies import normalise
from ansible_collections.webstack.flask.plugins.plugin_utils._describe.findings import LIKELY, Findings

_PACKAGES: Mapping[str, str] = {
    "PIL": "pillow",
    "aiohttp": "aiohttp",
    "apiflask": "apiflask",
    "bcrypt": "bcrypt",
    "bottle": "bottle",
    "bs4": "beautifulsoup4",
    "celery": "celery",
    "connexion": "connexion",
    "cv2": "opencv-python",
    "dash": "dash",
    "django": "django",
    "dotenv": "python-dotenv",
    "falcon": "falcon",
    "fastapi": "fastapi",
    "flask": "flask",
    "flask_bcrypt": "flask-bcrypt",
    "flask_cors": "flask-cors",
    "flask_login": "flask-login",
    "flask_mail": "flask-mail",
    "flask_migrate": "flask-migrate",
    "flask_restful": "flask-restful",
    "flask_socketio": "flask-socketio",
    "flask_sock": "flask-sock",
    "flask_sqlalchemy": "flask-sqlalchemy",
    "flask_wtf": "flask-wtf",
    "httpx": "httpx",
    "jinja2": "jinja2",
    "jwt": "pyjwt",
    "litestar": "litestar",
    "markdown": "markdown",
    "matplotlib": "matplotlib",
    "numpy": "numpy",
    "openai": "openai",
    "pandas": "pandas",
    "psutil": "psutil",
    "psycopg": "psycopg[binary]",
    "psycopg2": "psycopg2-binary",
    "pydantic": "pydantic",
    "pymongo": "pymongo",
    "pymysql": "pymysql",
    "pyramid": "pyramid",
    "quart": "quart",
    "redis": "redis",
    "requests": "requests",
    "rq": "rq",
    "sanic": "sanic",
    "scipy": "scipy",
    "sklearn": "scikit-learn",
    "sqlalchemy": "sqlalchemy",
    "starlette": "starlette",
    "tornado": "tornado",
    "werkzeug": "werkzeug",
    "wtforms": "wtforms",
    "yaml": "pyyaml",
}
"""Packages by what is imported of them. Others are not guessed: whoever likes may have the name on an index."""

_STANDARD = frozenset(getattr(sys, "stdlib_module_names", ()))
"""What comes with Python; empty where Ansible runs on Python 3.9, which cannot tell."""

_MOST_DIRECTORIES = 3


def describe(context: Context, findings: Findings) -> None:
    """Add the packages where no file says what to install, and the directories of modules that are imported from elsewhere."""
    names = {name: path for path, module in context.code.modules.items() for name in _list_names(module)}
    if not context.dependencies.file:
        _describe_packages(context, names, findings)
    _describe_places(context, findings)


def _list_names(module: Module) -> Iterator[str]:
    for dotted in module.imports.values():
        if not dotted.startswith("."):
            yield dotted.partition(".")[0]


def _describe_packages(context: Context, names: Mapping[str, str], findings: Findings) -> None:
    foreign = [name for name in sorted(names) if not _is_own(name, context) and name not in _STANDARD]
    known = [_PACKAGES[name] for name in foreign if name in _PACKAGES]
    if known:
        findings.add("dependencies.packages", known, "no file says what to install; the code imports these", LIKELY)
    elif not foreign:
        findings.add(
            "dependencies.file", "none", "no file says what to install, and the code imports nothing that would have to be", LIKELY
        )
    unknown = [name for name in foreign if name not in _PACKAGES] if _STANDARD else []
    if unknown:
        findings.remarks.append(
            f"no file says what to install, and the code imports {', '.join(unknown[:20])}; add to `dependencies.packages` what has them"
        )


def _is_own(name: str, context: Context) -> bool:
    start = context.entry.chdir
    roots = ["", "src", start, *context.entry.python_path, *(posixpath.dirname(path) for path in context.code.modules)]
    return any(_has_module(context, root, name) for root in dict.fromkeys(roots))


def _has_module(context: Context, root: str, name: str) -> bool:
    path = posixpath.join(root, name)
    return f"{path}.py" in context.code.modules or any(file.startswith(f"{path}/") for file in context.code.modules)


def _describe_places(context: Context, findings: Findings) -> None:
    """Add directories in which lies what the app's own files import, where Python does not look."""
    entry = context.entry
    if entry.path not in context.code.modules or context.dependencies.is_project:
        return
    looked = [entry.chdir, *entry.python_path]
    home = posixpath.dirname(entry.path)
    near = [module for path, module in context.code.modules.items() if path == entry.path or (home and path.startswith(f"{home}/"))]
    added: dict[str, str] = {}
    for module in near:
        for name in _list_names(module):
            if name in _STANDARD or name in _PACKAGES or normalise(name) in context.dependencies or added.get(name):
                continue
            if any(_has_module(context, root, name) for root in looked):
                continue
            folders = {posixpath.dirname(path) for path in context.code.modules}
            roots = folders | {posixpath.dirname(folder) for folder in folders if folder}
            found = sorted(root for root in roots if root and _has_module(context, root, name))
            top = [""] if _has_module(context, "", name) else []
            if len(found) == 1 and not top:
                added[name] = found[0]
    for folder in list(dict.fromkeys(added.values()))[:_MOST_DIRECTORIES]:
        wanted = ", ".join(name for name, place in added.items() if place == folder)
        findings.add("python_path", [folder], f"{wanted} is imported, and lies in {folder}", LIKELY)
