# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What in the Python files of a repository could be the app that a web server runs."""

from __future__ import annotations

import ast
import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass

from ansible_collections.webstack.flask.plugins.plugin_utils._describe.code import Code, Module, text_of

_WSGI, _ASGI = "wsgi", "asgi"

CLASSES = {
    "apiflask.APIFlask": _WSGI,
    "bottle.Bottle": _WSGI,
    "bottle.app": _WSGI,
    "bottle.default_app": _WSGI,
    "cherrypy.Application": _WSGI,
    "connexion.FlaskApp": _WSGI,
    "django.core.wsgi.get_wsgi_application": _WSGI,
    "falcon.API": _WSGI,
    "falcon.App": _WSGI,
    "flask.Flask": _WSGI,
    "flask_api.FlaskAPI": _WSGI,
    "flask_openapi3.OpenAPI": _WSGI,
    "socketio.WSGIApp": _WSGI,
    "werkzeug.middleware.dispatcher.DispatcherMiddleware": _WSGI,
    "blacksheep.Application": _ASGI,
    "channels.routing.ProtocolTypeRouter": _ASGI,
    "connexion.AsyncApp": _ASGI,
    "django.core.asgi.get_asgi_application": _ASGI,
    "falcon.asgi.App": _ASGI,
    "fastapi.FastAPI": _ASGI,
    "fasthtml.FastHTML": _ASGI,
    "fasthtml.common.FastHTML": _ASGI,
    "fasthtml.common.fast_app": _ASGI,
    "fasthtml.fast_app": _ASGI,
    "litestar.Litestar": _ASGI,
    "quart.Quart": _ASGI,
    "quart_trio.QuartTrio": _ASGI,
    "sanic.Sanic": _ASGI,
    "socketio.ASGIApp": _ASGI,
    "starlette.applications.Starlette": _ASGI,
}
"""What makes an app, and by which protocol it is served."""

_OTHERS = {
    "aiohttp.web.Application": "aiohttp",
    "tornado.web.Application": "Tornado",
    "streamlit": "Streamlit",
    "gradio.Interface": "Gradio",
    "gradio.Blocks": "Gradio",
}
"""What serves itself, and is neither a WSGI nor an ASGI app."""

_SUFFIXES = ("wsgi_app", "server", "app")
"""Attributes of a wrapper that are the app within."""

_FACTORY = re.compile(r"(?:create|make|build|get|init)_?(?:\w+_)?app(?:lication)?|app(?:lication)?_factory|create_wsgi|create_asgi")
_SERVER_MODULE = re.compile(r"(?:.*_)?[aw]sgi(?:_.*)?")
_DEEPEST = 4
"""How many functions and modules away from a name its app may be made."""


@dataclass(frozen=True)
class Candidate:
    """Something that could be the app."""

    path: str
    """The file in which it is."""

    name: str
    """What it is called there."""

    kind: str
    """`wsgi` or `asgi`."""

    maker: str = ""
    """What makes it, in the words of the file."""

    is_factory: bool = False
    demands: tuple[str, ...] = ()
    """Arguments without which a factory cannot be called."""

    wraps: str = ""
    """Another name of the same file that it is made of."""

    @property
    def callable(self) -> str:
        """What stands behind the colon of `wsgi` or `asgi`."""
        return f"{self.name}()" if self.is_factory else self.name

    @property
    def is_for_servers(self) -> bool:
        """Whether its file is called as files are that are there for web servers alone."""
        return _SERVER_MODULE.fullmatch(posixpath.basename(self.path)[:-3]) is not None


def find_candidates(code: Code) -> list[Candidate]:
    """Return all that could be the app, in the order of their files."""
    return [found for module in code.modules.values() for found in find_in(module, code)]


def find_in(module: Module, code: Code) -> list[Candidate]:
    """Return what in one file could be the app."""
    found: dict[str, Candidate] = {}
    for node in module.statements:
        for name, value in _assigned(node):
            if candidate := _read_value(name, value, module, code, found):
                found[name] = candidate
        if isinstance(node, ast.ImportFrom) and _SERVER_MODULE.fullmatch(posixpath.basename(module.path)[:-3]):
            found.update({one.name: one for one in _find_imported(node, module, code)})
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            candidate = _read_function(node, module, code)
            if candidate:
                found[node.name] = candidate
    return list(found.values())


def find_others(code: Code) -> dict[str, str]:
    """Return the frameworks that serve themselves, and the first file of each."""
    found: dict[str, str] = {}
    for module in code.modules.values():
        names = {name for name, _call in module.calls} | set(module.imports.values())
        for name, framework in _OTHERS.items():
            if name in names:
                found.setdefault(framework, module.path)
    return found


def _assigned(node: ast.stmt) -> Iterator[tuple[str, ast.expr]]:
    if isinstance(node, ast.Assign):
        for target in node.targets:
            first = target.elts[0] if isinstance(target, ast.Tuple) and target.elts else target
            if isinstance(first, ast.Name):
                yield first.id, node.value
    elif isinstance(node, ast.AnnAssign) and node.value is not None and isinstance(node.target, ast.Name):
        yield node.target.id, node.value


def _read_value(name: str, value: ast.expr, module: Module, code: Code, known: dict[str, Candidate]) -> Candidate | None:
    if isinstance(value, ast.Await):
        value = value.value
    if isinstance(value, ast.Name) and value.id in known:
        return Candidate(module.path, name, known[value.id].kind, value.id, wraps=value.id)
    if isinstance(value, ast.Attribute) and value.attr in _SUFFIXES and isinstance(value.value, ast.Name):
        inner = known.get(value.value.id)
        is_dash = value.attr == "server" and inner is None and _is_made_by(value.value.id, "dash.Dash", module)
        return Candidate(module.path, name, _WSGI, f"{value.value.id}.{value.attr}") if inner or is_dash else None
    if not isinstance(value, ast.Call):
        return None
    if kind := kind_of_call(value, module, code):
        inner_names = [one.id for one in value.args if isinstance(one, ast.Name) and one.id in known]
        return Candidate(module.path, name, kind, f"{_shown(value)}(…)", wraps=inner_names[0] if inner_names else "")
    inner = next((known[one.id] for one in value.args if isinstance(one, ast.Name) and one.id in known), None)
    if inner and inner.name == name:
        return inner  # app = Middleware(app)
    return None


def _is_made_by(name: str, maker: str, module: Module) -> bool:
    return any(
        target == name and isinstance(value, ast.Call) and module.name_of(value.func) == maker
        for node in module.statements
        for target, value in _assigned(node)
    )


def _shown(call: ast.Call) -> str:
    parts: list[str] = []
    node: ast.AST = call.func
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id if isinstance(node, ast.Name) else "…", *reversed(parts)])


def kind_of_call(call: ast.Call, module: Module, code: Code, depth: int = 0) -> str:
    """Return by which protocol what a call makes is served; nothing if it is no app."""
    if isinstance(call.func, ast.Attribute) and call.func.attr in ("make_wsgi_app", "wsgifunc"):
        return _WSGI  # Pyramid, web.py
    name = module.name_of(call.func)
    kind = _kind_of_name(name, module) if name else ""
    where, bare = _locate(name, module, code) if name and not kind and depth <= _DEEPEST else (None, "")
    if where is None:
        return kind
    if function := where.functions.get(bare):
        return kind_of_result(function, where, code, depth + 1)
    for node in where.statements:
        if isinstance(node, ast.ClassDef) and node.name == bare:
            return next((kind for base in node.bases if (kind := _kind_of_name(where.name_of(base), where))), "")
    return ""


def _kind_of_name(name: str, module: Module) -> str:
    if name in CLASSES:
        return CLASSES[name]
    stars = module.imports.get("*", "")
    return CLASSES.get(f"{stars[:-2]}.{name}", "") if stars.endswith(".*") else ""


def _locate(name: str, module: Module, code: Code, depth: int = 0) -> tuple[Module | None, str]:
    """Return the module in which something lies that a dotted name means in another one, and what it is called there."""
    place, _dot, bare = name.rpartition(".")
    if not place:
        return module, bare
    if not place.strip("."):
        return code.find(place, module.path), bare
    found = code.find(place, module.path)
    if found and bare not in found.functions and bare in found.imports and "." in found.imports[bare] and depth < _DEEPEST:
        return _locate(found.imports[bare], found, code, depth + 1)
    return found, bare


def kind_of_result(function: ast.FunctionDef | ast.AsyncFunctionDef, module: Module, code: Code, depth: int = 0) -> str:
    """Return by which protocol what a function returns is served; nothing if that is no app."""
    if kind := _kind_of_name(module.name_of(function.returns), module):
        return kind
    made: dict[str, str] = {}
    for node in ast.walk(function):
        for name, value in _assigned(node) if isinstance(node, ast.stmt) else ():
            if isinstance(value, ast.Call) and (kind := kind_of_call(value, module, code, depth + 1)):
                made.setdefault(name, kind)
    returned = [node.value for node in ast.walk(function) if isinstance(node, ast.Return)]
    return next((kind for value in returned if (kind := _kind_of_returned(value, made, module, code, depth))), "")


def _kind_of_returned(value: ast.expr | None, made: dict[str, str], module: Module, code: Code, depth: int) -> str:
    """Return by which protocol a value is served that a function returns, given what it has `made`."""
    if isinstance(value, ast.Name):
        return made.get(value.id, "")
    if isinstance(value, ast.Call):
        return kind_of_call(value, module, code, depth + 1)
    is_inner = isinstance(value, ast.Attribute) and value.attr in _SUFFIXES and isinstance(value.value, ast.Name)
    return _WSGI if is_inner and getattr(getattr(value, "value", None), "id", "") in made else ""


def _read_function(node: ast.FunctionDef | ast.AsyncFunctionDef, module: Module, code: Code) -> Candidate | None:
    names = [one.arg for one in (*node.args.posonlyargs, *node.args.args)]
    if isinstance(node, ast.FunctionDef) and len(names) == 2 and names[1] == "start_response":
        return Candidate(module.path, node.name, _WSGI, "a function of `environ` and `start_response`")
    if isinstance(node, ast.AsyncFunctionDef):
        if names == ["scope", "receive", "send"]:
            return Candidate(module.path, node.name, _ASGI, "a function of `scope`, `receive` and `send`")
        return None
    if node.name.startswith("_") or node.decorator_list or not (kind := kind_of_result(node, module, code)):
        return None
    optional = len(node.args.defaults)
    demands = [*names[: len(names) - optional], *(one.arg for one, value in zip(node.args.kwonlyargs, node.args.kw_defaults) if not value)]
    return Candidate(module.path, node.name, kind, f"def {node.name}(…)", is_factory=True, demands=tuple(demands))


def _find_imported(node: ast.ImportFrom, module: Module, code: Code) -> Iterator[Candidate]:
    """Yield what a file for servers imports to be served."""
    source = code.find("." * node.level + (node.module or ""), module.path)
    for one in node.names:
        where = source if source and source is not module else None
        if where is None:
            continue
        for found in find_in(where, code) if not _SERVER_MODULE.fullmatch(posixpath.basename(where.path)[:-3]) else ():
            if found.name == one.name and not found.is_factory:
                yield Candidate(module.path, one.asname or one.name, found.kind, f"imported from {where.path}")


def find_uvicorn_runs(code: Code) -> list[tuple[str, str]]:
    """Return what scripts of the repository give to `uvicorn.run`, and their files."""
    found = []
    for module in code.modules.values():
        for node in ast.walk(module.body):
            if isinstance(node, ast.Call) and module.name_of(node.func) == "uvicorn.run" and node.args:
                text = text_of(node.args[0])
                if text and re.fullmatch(r"[\w.]+:\w+", text):
                    is_factory = any(
                        one.arg == "factory" and isinstance(one.value, ast.Constant) and one.value.value for one in node.keywords
                    )
                    found.append((f"{text}()" if is_factory else text, module.path))
    return found


def prefer(candidates: list[Candidate], code: Code) -> list[Candidate]:
    """Return the candidates that are left when what is clearly not the one to serve has been taken away; one, if all is clear."""
    usable = [one for one in candidates if not one.demands]
    for keep in (_keep_for_servers, _keep_made, _keep_wrappers, _keep_well_named):
        usable = keep(usable) or usable
    return _keep_importers(usable, code) or usable


def _keep_for_servers(candidates: list[Candidate]) -> list[Candidate]:
    return [one for one in candidates if one.is_for_servers and not one.is_factory]


def _keep_made(candidates: list[Candidate]) -> list[Candidate]:
    return [one for one in candidates if not one.is_factory]


def _keep_wrappers(candidates: list[Candidate]) -> list[Candidate]:
    inner = {(one.path, one.wraps) for one in candidates if one.wraps}
    return [one for one in candidates if (one.path, one.name) not in inner]


def _keep_well_named(candidates: list[Candidate]) -> list[Candidate]:
    """Keep of each file what is called `app` or `application`, as servers look for it; of factories those with such a name."""
    kept = []
    for path in dict.fromkeys(one.path for one in candidates):
        here = [one for one in candidates if one.path == path]
        known = next(([one] for name in ("app", "application") for one in here if one.name == name), None)
        named = [one for one in here if _FACTORY.fullmatch(one.name)]
        kept += known or (named if len(named) == 1 else here)
    return kept


def _keep_importers(candidates: list[Candidate], code: Code) -> list[Candidate]:
    """Take away what another candidate's file imports: it is a part of that one."""
    paths = {one.path for one in candidates}
    imported = {
        found.path
        for path in paths
        for name in code.modules[path].imports.values()
        for found in (code.find(name, path), code.find(name.rpartition(".")[0] or ".", path))
        if found and found.path in paths and found.path != path
    }
    return [one for one in candidates if one.path not in imported]
