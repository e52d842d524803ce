# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an app says of its pages: where its health is asked for, which files nginx sends, how large an upload may be, and WebSockets."""

from __future__ import annotations

import ast
import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass

from ansible_collections.webstack.flask.plugins.plugin_utils._describe.code import Module, argument_of, text_of
from ansible_collections.webstack.flask.plugins.plugin_utils._describe.context import Context
from ansible_collections.webstack.flask.plugins.plugin_utils._describe.findings import LIKELY, Findings
from ansible_collections.webstack.flask.plugins.plugin_utils._describe.values import Evaluator, list_settings

_HEALTH = re.compile(r"/(?:api/)?(?:_?_?health(?:z|_check|-check|check)?|ping|up|status/health|livez|readyz|_status|heartbeat|alive)/?")
_UNFIT = re.compile(
    r"log-?out|delete|remove|stream|event|admin|export|download|/ws|socket|metrics|webhook|callback|static|favicon|robots", re.IGNORECASE
)
_METHODS = ("route", "get", "api_route", "view")
_ROUTE = re.compile(r"/[A-Za-z0-9/_~.-]*")
_ROUTERS = ("Blueprint", "APIRouter", "APIBlueprint")
_URL = re.compile(r"/[A-Za-z0-9/_~@+.-]*/|/")
_PLAIN = re.compile(r"[A-Za-z0-9_@+.-]+(?:/[A-Za-z0-9_@+.-]+)*", re.ASCII)
_USUAL_UPLOAD = 1 << 20
"""What nginx takes without being told."""


@dataclass(frozen=True)
class Route:
    """A page that is answered without arguments to a GET."""

    path: str
    place: str
    is_certain: bool
    """Whether nothing else can stand before its path."""


def list_routes(context: Context) -> list[Route]:
    """Return the pages of the app that take no arguments."""
    prefixed = {name for module in context.code.modules.values() for name in _list_prefixed(module)}
    return [route for module in context.code.modules.values() for route in _find_routes(module, prefixed)]


def _list_prefixed(module: Module) -> Iterator[str]:
    """Yield the names of what is mounted below a path, or made with one."""
    for name, call in module.calls:
        last = name.rpartition(".")[2] or (call.func.attr if isinstance(call.func, ast.Attribute) else "")
        if last in ("register_blueprint", "include_router", "mount", "add_namespace") and (call.keywords or last == "mount"):
            for one in call.args:
                yield module.name_of(one).rpartition(".")[2]
    for name, call in _list_routers(module):
        if any(one.arg in ("url_prefix", "prefix") for one in call.keywords):
            yield name


def _list_routers(module: Module) -> Iterator[tuple[str, ast.Call]]:
    """Yield the names of blueprints and routers, and the calls that make them."""
    for node in module.statements:
        value = node.value if isinstance(node, ast.Assign) else None
        if isinstance(node, ast.Assign) and isinstance(value, ast.Call) and module.name_of(value.func).rpartition(".")[2] in _ROUTERS:
            yield from ((one.id, value) for one in node.targets if isinstance(one, ast.Name))


def _find_routes(module: Module, prefixed: set[str]) -> Iterator[Route]:
    routers = {name for name, _call in _list_routers(module)}
    for node in ast.walk(module.body):
        for call in node.decorator_list if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) else ():
            if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute) or call.func.attr not in _METHODS:
                continue
            path = text_of(argument_of(call, "rule" if call.func.attr == "route" else "path", 0))
            owner = call.func.value.id if isinstance(call.func.value, ast.Name) else ""
            if path and _ROUTE.fullmatch(path) and owner and owner not in prefixed and _takes_get(call):
                yield Route(path, f"{module.path}, line {call.lineno}", owner not in routers)


def _takes_get(call: ast.Call) -> bool:
    methods = argument_of(call, "methods")
    if not isinstance(methods, (ast.List, ast.Tuple, ast.Set)):
        return methods is None
    return any(str(text_of(one)).upper() == "GET" for one in methods.elts)


def describe(context: Context, findings: Findings) -> None:
    """Add what nginx, gunicorn and the question for the app's health need to know."""
    _describe_health(context, findings)
    _describe_static(context, findings)
    _describe_uploads(context, findings)
    _describe_workers(context, findings)


def _describe_health(context: Context, findings: Findings) -> None:
    # Of one on a router nobody can tell what stands before it, unless nothing does.
    routes = sorted(list_routes(context), key=lambda route: not route.is_certain)
    health = next((route for route in routes if _HEALTH.fullmatch(route.path)), None)
    if health:
        findings.add("health.path", health.path, f"{health.path} is there for this question ({health.place})")
    elif routes and not any(route.path == "/" for route in routes) and "django" not in context.dependencies:
        fit = [route for route in routes if route.is_certain and not _UNFIT.search(route.path)]
        if fit:
            route = min(fit, key=lambda route: len(route.path))
            findings.add("health.path", route.path, f"no page was found at /, and one at {route.path} ({route.place})", LIKELY)


def _describe_static(context: Context, findings: Findings) -> None:
    found: list[tuple[str, str, str]] = []
    has_own = False
    for module in context.code.modules.values():
        evaluator = Evaluator(context.code, module)
        for name, call in module.calls:
            last = name.rpartition(".")[2]
            if last in ("Flask", "APIFlask", "Quart", "OpenAPI") and any(
                one.arg in ("static_folder", "static_url_path") for one in call.keywords
            ):
                url, folder = _read_flask(call, module, evaluator)
                has_own = has_own or bool(folder)
                found.append((url, folder, f"the static folder of the app in {module.path}"))
            elif last == "StaticFiles":
                found += [(url, folder, f"StaticFiles in {module.path}") for url, folder in _read_mount(call, module, evaluator)]
            elif last == "Blueprint" and text_of(argument_of(call, "static_folder")) and text_of(argument_of(call, "url_prefix")):
                folder = posixpath.join(posixpath.dirname(module.path), str(text_of(argument_of(call, "static_folder"))))
                inner = text_of(argument_of(call, "static_url_path")) or posixpath.basename(folder)
                found.append((f"{text_of(argument_of(call, 'url_prefix'))}/{inner.strip('/')}/", folder, f"the blueprint in {module.path}"))
    mappings = [
        (url, posixpath.normpath(folder), why)
        for url, folder, why in found
        if _URL.fullmatch(url) and url != "/" and _PLAIN.fullmatch(folder)
    ]
    mappings = [one for one in mappings if context.tree.has_directory(one[1]) and not one[1].startswith("..")]
    if not mappings or all(url == "/static/" and folder in _usual_folders(context) for url, folder, _why in mappings):
        return
    if not has_own and not any(url == "/static/" for url, _folder, _why in mappings):
        usual = [folder for folder in _usual_folders(context) if context.tree.has_directory(folder)]
        mappings += [("/static/", folder, "where Flask has them") for folder in usual]
    for url in dict.fromkeys(url for url, _folder, _why in mappings):
        folders = list(dict.fromkeys(folder for one, folder, _why in mappings if one == url))
        findings.add("static", [{"url": url, "paths": folders}], next(why for one, _folder, why in mappings if one == url))


def _usual_folders(context: Context) -> list[str]:
    """Return where nginx looks for files below /static/ without being told."""
    package = posixpath.dirname(context.entry.path)
    return list(dict.fromkeys([posixpath.join(context.entry.chdir, "static"), posixpath.join(package, "static")]))


def _read_flask(call: ast.Call, module: Module, evaluator: Evaluator) -> tuple[str, str]:
    folder_node, url_node = argument_of(call, "static_folder"), argument_of(call, "static_url_path")
    value = evaluator.value(folder_node) if folder_node is not None else "static"
    if not isinstance(value, str):
        return "", ""
    folder = evaluator.path(folder_node) if value.startswith("//") else posixpath.join(posixpath.dirname(module.path), value)
    url = evaluator.value(url_node) if url_node is not None else f"/{posixpath.basename(value.rstrip('/'))}"
    return (f"/{url.strip('/')}/".replace("//", "/") if isinstance(url, str) else ""), folder


def _read_mount(files: ast.Call, module: Module, evaluator: Evaluator) -> Iterator[tuple[str, str]]:
    """Yield the address and the directory of `app.mount(URL, StaticFiles(directory=…))`."""
    for _name, call in module.calls:
        if files in call.args or any(one.value is files for one in call.keywords):
            url, folder = text_of(call.args[0]) if call.args else None, evaluator.path(argument_of(files, "directory", 0))
            if url and folder and url.strip("/"):
                yield f"/{url.strip('/')}/", folder


def _describe_uploads(context: Context, findings: Findings) -> None:
    for key, value, module in list_settings(context.code):
        if key != "MAX_CONTENT_LENGTH":
            continue
        size = Evaluator(context.code, module).value(value)
        if isinstance(size, int) and _USUAL_UPLOAD < size < 1 << 40:
            text = f"{-(-size // (1 << 20))}m"
            findings.add("nginx.client_max_body_size", text, f"MAX_CONTENT_LENGTH in {module.path} allows uploads of {size} bytes")
            return


def _describe_workers(context: Context, findings: Findings) -> None:
    own = findings.value("gunicorn") or {}
    path = posixpath.join(context.entry.chdir, "gunicorn.conf.py")
    if "config" not in own and context.tree.has(path):
        findings.add("gunicorn", {"config": path}, f"{path} is gunicorn's own configuration")
    names = {name for module in context.code.modules.values() for name, _call in module.calls}
    if "flask_socketio.SocketIO" in names or "flask-socketio" in context.dependencies:
        if "worker_class" not in own:
            findings.add(
                "gunicorn",
                {"worker_class": "gthread", "workers": 1, "threads": 50},
                "Socket.IO has one process, with a thread for each client",
            )
    elif {"socketio.AsyncServer", "socketio.ASGIApp"} & names:
        findings.add("gunicorn", {"workers": 1}, "Socket.IO has one process")
    elif "flask_sock.Sock" in names and "threads" not in own:
        findings.add("gunicorn", {"threads": 50}, "each WebSocket of flask-sock takes a thread")
