# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Variables of the environment that an app reads."""

from __future__ import annotations

import ast
import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ansible_collections.webstack.flask.plugins.plugin_utils._describe.code import Module, argument_of, text_of, walk_served
from ansible_collections.webstack.flask.plugins.plugin_utils._describe.context import Context
from ansible_collections.webstack.flask.plugins.plugin_utils._describe.findings import LIKELY, Findings
from ansible_collections.webstack.flask.plugins.plugin_utils._describe.values import list_settings

_GETTERS = frozenset(("os.getenv", "os.environ.get", "os.environ.setdefault", "os.environ.pop"))
_LIBRARIES = ("environs", "environ", "decouple", "starlette.config", "prettyconf")
_METHODS = frozenset(
    ("bool", "str", "int", "float", "list", "url", "path", "json", "db", "db_url", "cache", "cache_url", "dict", "tuple", "read")
)
_SECRET = re.compile(r"SECRET|PASSWORD|PASSWD|_PASS$|TOKEN|API_?KEY|PRIVATE|CREDENTIAL|SALT$|_KEY$|_DSN$|WEBHOOK")
_KEY = re.compile(r"(?:\w+_)?SECRET_KEY|(?:APP_|FLASK_|SESSION_|COOKIE_)?SECRET|JWT_(?:\w+_)?(?:KEY|SECRET)")
"""What signs cookies and tokens: one that others know lets them be anybody."""

_HAS_HERE = frozenset(
    (
        *("HOME", "PATH", "USER", "LOGNAME", "SHELL", "LANG", "TZ", "PWD", "TMPDIR", "HOSTNAME", "VIRTUAL_ENV", "PYTHONPATH"),
        *("PORT", "HOST", "DYNO", "FLASK_APP", "FLASK_DEBUG", "FLASK_ENV", "FLASK_RUN_PORT", "FLASK_RUN_HOST", "WEB_CONCURRENCY"),
        *("GUNICORN_CMD_ARGS", "WERKZEUG_RUN_MAIN", "DJANGO_SETTINGS_MODULE", "CI", "DEBUG", "RENDER_EXTERNAL_HOSTNAME"),
    )
)
"""What apps have anyway, or what is for development or for other platforms."""

_OF_OTHERS = ("WEBSTACK_FLASK_", "RENDER_", "HEROKU_", "FLY_", "RAILWAY_", "GITHUB_ACTIONS")
_OF_DATABASE = frozenset(("DATABASE_URL", "PGHOST", "PGDATABASE", "PGUSER", "PGPORT"))
_OF_REDIS = frozenset(("REDIS_URL", "REDIS_SOCKET"))

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_EXAMPLES = (
    ".env.example",
    ".env.sample",
    ".env.dist",
    ".env.template",
    "env.example",
    "example.env",
    ".env-example",
    "sample.env",
    ".example.env",
)
_EMPTY = re.compile(r"|<.*>|.*(?:your|change|xxx|todo|example|placeholder|secret|insert|replace|fill|\.\.\.).*", re.IGNORECASE)
_MOST_TOLD = 40


@dataclass(frozen=True)
class Reading:
    """A variable that is read somewhere."""

    name: str
    place: str
    is_required: bool
    """Whether the app does not start, or fails, without it."""

    has_default: bool
    is_field: bool = False
    """Whether it is a field of pydantic's settings, whose lists are JSON."""


def find_readings(context: Context) -> list[Reading]:
    """Return the variables that the app reads, each once, the most demanding place first."""
    found: dict[str, Reading] = {}
    settings = _list_settings_classes(context)
    for module in context.code.modules.values():
        for one in _find_in(module, settings):
            if _NAME.fullmatch(one.name) and len(one.name) <= 100:
                former = found.get(one.name)
                if former is None or (one.is_required, not one.has_default) > (former.is_required, not former.has_default):
                    found[one.name] = one
    return [found[name] for name in sorted(found)]


def _list_settings_classes(context: Context) -> set[str]:
    """Return the names of the classes that are made of pydantic's settings."""
    classes = [node for module in context.code.modules.values() for node in module.statements if isinstance(node, ast.ClassDef)]
    bases = {node.name: {getattr(base, "id", getattr(base, "attr", "")) for base in node.bases} for node in classes}
    known = {"BaseSettings"}
    while more := {name for name, own in bases.items() if own & known} - known:
        known |= more
    return known


def _find_in(module: Module, settings: set[str]) -> Iterator[Reading]:
    guarded = {id(inner) for node in ast.walk(module.body) if isinstance(node, ast.Try) for part in node.body for inner in ast.walk(part)}
    for node in walk_served(module.body):
        where = f"{module.path}, line {getattr(node, 'lineno', 0)}"
        if isinstance(node, ast.Subscript) and module.name_of(node.value) == "os.environ" and isinstance(node.ctx, ast.Load):
            if name := text_of(node.slice):
                yield Reading(name, where, id(node) not in guarded, has_default=False)
        elif isinstance(node, ast.Call) and module.name_of(node.func) == "dj_database_url.config":
            yield Reading(text_of(argument_of(node, "env", 0)) or "DATABASE_URL", where, is_required=False, has_default=True)
        elif isinstance(node, ast.Call) and node.args and (name := text_of(node.args[0])):
            called = module.name_of(node.func)
            if called in _GETTERS:
                if called != "os.environ.setdefault":
                    yield Reading(name, where, is_required=False, has_default=len(node.args) > 1 or bool(node.keywords))
            elif _is_library(called, node.func, module):
                has_default = len(node.args) > 1 or any(one.arg in ("default", "missing") for one in node.keywords)
                yield Reading(name, where, is_required=not has_default, has_default=has_default)
        elif isinstance(node, ast.ClassDef) and any(getattr(base, "id", getattr(base, "attr", "")) in settings for base in node.bases):
            yield from _find_fields(node, module)


def _is_library(called: str, function: ast.expr, module: Module) -> bool:
    """Return whether a call is one of environs, django-environ, decouple and their like."""
    name = called.partition(".")[0]
    origin = module.imports.get(name, "") or called
    if origin.startswith(("decouple.config", "decouple.")) or called == "decouple.config":
        return True
    if isinstance(function, ast.Attribute):
        if function.attr not in _METHODS or not isinstance(function.value, ast.Name):
            return False
        name = function.value.id
    elif isinstance(function, ast.Name):
        name = function.id
    else:
        return False
    for node in module.statements:
        if isinstance(node, ast.Assign) and any(isinstance(one, ast.Name) and one.id == name for one in node.targets):
            return isinstance(node.value, ast.Call) and module.name_of(node.value.func).startswith(_LIBRARIES)
    return False


def _find_fields(node: ast.ClassDef, module: Module) -> Iterator[Reading]:
    """Yield the fields of pydantic's settings, by the names of their variables."""
    prefix = ""
    for inner in ast.walk(node):
        is_setting = isinstance(inner, ast.Assign) and any(isinstance(one, ast.Name) and one.id == "env_prefix" for one in inner.targets)
        if isinstance(inner, (ast.keyword, ast.Assign)) and (is_setting or getattr(inner, "arg", "") == "env_prefix"):
            prefix = text_of(inner.value) or ""
    for field in node.body:
        if (
            isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and not field.target.id.startswith(("_", "model_config"))
        ):
            value = field.value
            if isinstance(value, ast.Call) and not any(one.arg in ("default", "default_factory") for one in value.keywords):
                given = value.args[0] if value.args else None
                value = None if given is None or (isinstance(given, ast.Constant) and given.value is Ellipsis) else value
            yield Reading(
                f"{prefix}{field.target.id}".upper(), f"{module.path}, line {field.lineno}", value is None, value is not None, is_field=True
            )


def read_examples(context: Context) -> dict[str, str]:
    """Return the values that the repository shows for variables."""
    found: dict[str, str] = {}
    for path in context.tree.named(*_EXAMPLES):
        for line in context.tree.read(path).splitlines():
            name, equals, value = line.strip().removeprefix("export ").partition("=")
            if equals and _NAME.fullmatch(name.strip()) and not _EMPTY.fullmatch(value.strip().strip("\"'")):
                found.setdefault(name.strip(), value.strip().strip("\"'"))
    return found


def _list_committed(context: Context) -> dict[str, list[str]]:
    """Return files of variables that come with the source, and the names in them."""
    found = {}
    for path in (".env", ".flaskenv"):
        place = posixpath.join(context.entry.chdir, path)
        lines = [line.strip().removeprefix("export ").partition("=")[0].strip() for line in context.tree.read(place).splitlines()]
        if names := [name for name in lines if _NAME.fullmatch(name)]:
            found[place] = names
    return found


def describe(context: Context, findings: Findings) -> None:
    """Add what the app has to be told: values to fill in, and secrets from a vault."""
    told = (_OF_DATABASE if findings.has("database") else frozenset()) | (_OF_REDIS if findings.has("redis") else frozenset())
    known = _HAS_HERE | told | {name for item in findings.items if item.key == "env" for name in item.value}
    for path, names in _list_committed(context).items():
        if set(names) - _HAS_HERE:
            findings.add("env_files", [path], f"{path} comes with the source, and does not count unless it is named")
            known |= set(names)
    for key, value, module in list_settings(context.code):
        if key == "SECRET_KEY" and text_of(value):
            findings.remarks.append(
                f"SECRET_KEY is written into {module.path}, line {value.lineno}, where everybody knows it who reads the source: "
                "let it read a variable, and put that into a vault"
            )
    examples = read_examples(context)
    readings = [one for one in find_readings(context) if one.name not in known and not one.name.startswith(_OF_OTHERS)]
    signing = _list_signing(context)
    optional = [one.name for one in readings if not _describe_reading(one, context, examples, signing, findings)]
    if optional:
        more = f" and {len(optional) - _MOST_TOLD} more" if len(optional) > _MOST_TOLD else ""
        findings.remarks.append(f"the app reads these as well, and goes on without them: {', '.join(optional[:_MOST_TOLD])}{more}")


def _list_signing(context: Context) -> set[str]:
    """Return the variables from which the setting SECRET_KEY is taken."""
    values = [value for key, value, _module in list_settings(context.code) if key == "SECRET_KEY"]
    return {
        text for value in values for node in ast.walk(value) if isinstance(node, ast.Call) and node.args and (text := text_of(node.args[0]))
    }


def _describe_reading(one: Reading, context: Context, examples: Mapping[str, str], signing: set[str], findings: Findings) -> bool:
    """Add a variable that the app has to be told; return whether it has to be."""
    name, word = one.name.upper(), context.name.replace("-", "_")
    is_secret, read = _SECRET.search(name) is not None, f"{one.name} is read in {one.place}"
    if "ALLOWED_HOSTS" in name and not one.is_field:
        hosts = ",".join(context.server_names)
        findings.add("env", {one.name: hosts}, f"{one.name}: the names under which Django answers ({one.place})")
    elif name == "SERVER_NAME" and one.is_required:
        findings.add("env", {one.name: context.server_names[0]}, f"{read}: the name under which Flask answers")
    elif _KEY.fullmatch(name) or one.name in signing or (is_secret and one.is_required):
        why = "and fails without it" if one.is_required else "and no visitor may know it"
        findings.add("env", {one.name: f"{{{{ vault_{_prefixed(word, one.name)} }}}}"}, f"{read}, {why}", is_own=True)
    elif one.is_required and one.name in examples and not is_secret:
        findings.add("env", {one.name: examples[one.name]}, f"{read}; the value is that of the repository's example", LIKELY)
    elif one.is_required:
        findings.add("env", {one.name: f"{{{{ {_prefixed(word, one.name)} }}}}"}, f"{read}, and fails without it", is_own=True)
    else:
        return False
    return True


def _prefixed(word: str, name: str) -> str:
    name = name.lower()
    return name if name.startswith(f"{word}_") else f"{word}_{name}"
