# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The database and the Redis that an app wants, and what it runs besides its web process."""

from __future__ import annotations

import ast
import posixpath
import re
from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._databases.address import PORT
from ansible_collections.webstack.flask.plugins.module_utils._databases.address import list_variables as list_database_variables
from ansible_collections.webstack.flask.plugins.module_utils._redis.address import list_variables as list_redis_variables
from ansible_collections.webstack.flask.plugins.plugin_utils._describe.code import text_of
from ansible_collections.webstack.flask.plugins.plugin_utils._describe.context import Context
from ansible_collections.webstack.flask.plugins.plugin_utils._describe.findings import LIKELY, Findings
from ansible_collections.webstack.flask.plugins.plugin_utils._describe.starts import read_processes
from ansible_collections.webstack.flask.plugins.plugin_utils._describe.values import Evaluator, list_settings
from ansible_collections.webstack.flask.plugins.plugin_utils._describe.variables import find_readings
from ansible_collections.webstack.flask.plugins.plugin_utils._flask_apps.procfile import translate

_POSTGRES = ("psycopg2", "psycopg2-binary", "psycopg", "psycopg-binary", "asyncpg", "pg8000", "psycopg-c", "aiopg")
_DRIVERS = {"psycopg": "psycopg", "psycopg-binary": "psycopg", "psycopg-c": "psycopg", "pg8000": "pg8000"}
"""What SQLAlchemy calls a driver that it does not take by itself."""

_MYSQL = ("mysqlclient", "pymysql", "mysql-connector-python", "aiomysql", "flask-mysqldb", "asyncmy")
_OTHER_STORES = {
    "pymongo": "MongoDB",
    "motor": "MongoDB",
    "flask-pymongo": "MongoDB",
    "mongoengine": "MongoDB",
    "elasticsearch": "Elasticsearch",
}
_ORM = ("sqlalchemy", "flask-sqlalchemy", "sqlmodel", "flask-migrate", "alembic", "databases")
_SAME_URL = re.compile(
    r"(?:SQLALCHEMY_)?DATABASE_(?:URL|URI)|(?:DB|POSTGRES(?:QL)?|PG|DATABASE|SQL)_(?:URL|URI|DSN|CONNECTION(?:_STRING)?)|ASYNC_DATABASE_URL"
)
_PART = re.compile(
    r"(?:\w+_)?(?:DB|DATABASE|POSTGRES(?:QL)?|PG|SQL|RDS)_?(?P<part>HOST|HOSTNAME|SERVER|NAME|DB|DATABASE|USER|USERNAME|PASSWORD|PASS|PORT)"
)
_PARTS = {"HOSTNAME": "HOST", "SERVER": "HOST", "DB": "NAME", "DATABASE": "NAME", "USERNAME": "USER", "PASS": "PASSWORD"}
_REDIS = ("redis", "rq", "flask-rq2", "django-redis", "arq", "huey", "channels-redis", "aioredis", "flask-redis", "django-rq")
_REDIS_URL = re.compile(
    r"(?:\w+_)?(?:REDIS|BROKER|CELERY\w*|RATELIMIT_STORAGE|CACHE_REDIS|RESULT_BACKEND)_?(?:URL|URI|BROKER_URL|RESULT_BACKEND|BACKEND)?"
)
_LOCAL_REDIS = re.compile(r"rediss?://(?:localhost|127\.0\.0\.1|redis)(?::\d+)?(?:/\d+)?")


_RUNNER = re.compile(r"^(?:exec )?(?:poetry|pipenv|uv|pdm|rye|hatch) run (?=[\w.]+(?: |$))")
"""A tool in front of a command. Here all commands run in the environment of the release."""

_NOT_HERE = ("PORT", "FLASK_APP", "PYTHONUNBUFFERED")
_LAST_RANK = 4
"""Of a README the name of the app is taken, and no more: it is for readers who try it."""


def describe(context: Context, findings: Findings) -> None:
    """Add the database, the Redis and the processes."""
    _describe_procfile(context, findings)
    _describe_database(context, findings)
    _describe_redis(context, findings)
    _describe_workers(context, findings)


def _describe_procfile(context: Context, findings: Findings) -> None:
    """Add what was said where the app is named: settings of gunicorn, variables, processes, commands."""
    start = context.entry.start
    procfile = next((one for one in context.starts if one.rank == 0 and one.keys), start)
    for key in ("processes", "schedules", "release_commands", "build_commands") if procfile is not start else ():
        if key in procfile.keys:
            findings.add(key, _tidy(key, procfile.keys[key], context), procfile.place)
    if start.rank > _LAST_RANK:
        return
    for key, value in start.keys.items():
        kept = _tidy(key, value, context)
        if kept and key not in ("wsgi", "asgi", "chdir", "python_path"):
            findings.add(key, kept, start.place)
    findings.remarks += [f"{start.place}: {remark}" for remark in start.remarks]


def _tidy(key: str, value: Any, context: Context) -> object:  # noqa: ANN401 - as YAML has them
    """Return the value of a key without what means nothing here."""
    if key == "env":
        return {name: one for name, one in value.items() if name not in _NOT_HERE and "$" not in str(one)}
    if key == "env_files":
        return [path for path in value if context.tree.has(path)]
    if key in ("release_commands", "build_commands"):
        return [_RUNNER.sub("", command) for command in value]
    if key == "processes":
        return {name: _as_here(one) for name, one in value.items()}
    return _tidy_settings(value, context) if key == "gunicorn" else value


def _tidy_settings(settings: dict[str, object], context: Context) -> dict[str, object]:
    """Return the settings of gunicorn without those that are for a terminal or a container."""
    aside = {"accesslog", "errorlog", "loglevel", "worker_tmp_dir", "capture_output", "proc_name", "keepalive"}
    config = str(settings.get("config", ""))
    path = posixpath.normpath(posixpath.join(context.entry.chdir, config))
    kept = {name: value for name, value in settings.items() if name not in aside and name != "config"}
    return {**kept, **({"config": path} if config and context.tree.has(path) else {})}


def _describe_database(context: Context, findings: Findings) -> None:
    asked = context.dependencies
    driver, readings = asked.any_of(*_POSTGRES), find_readings(context)
    engine = _find_engine(context)
    names = [one.name for one in readings]
    if (mysql := asked.any_of(*_MYSQL)) and not driver:
        findings.remarks.append(
            f"the app has a driver for MySQL ({mysql}); a database of that kind is not set up here, name one by its variables"
        )
    for package, store in _OTHER_STORES.items():
        if package in asked:
            findings.remarks.append(f"the app uses {store} ({package}), which is not set up here")
    if not driver and engine != "postgresql":
        return
    urls = [name for name in names if _SAME_URL.fullmatch(name)]
    parts = {name: found["part"] for name in names if (found := _PART.fullmatch(name)) and not _SAME_URL.fullmatch(name)}
    if not urls and not parts and engine != "postgresql":
        findings.remarks.append(
            f"the app has a driver for PostgreSQL ({driver}), and no variable says where the database is: see `database`"
        )
        return
    scheme = _choose_scheme(context, driver)
    value: object = {"engine": "postgresql", "scheme": scheme} if scheme != "postgresql" else "postgresql"
    what = f"{' and '.join(urls[:2]) or ', '.join(sorted(parts)) or 'its settings'} and {driver or 'its engine'}"
    findings.add("database", value, f"the app wants PostgreSQL, by {what}")
    variables = list_database_variables(context.name, scheme, PORT)
    for name in urls:
        if name != "DATABASE_URL":
            findings.add("env", {name: variables["DATABASE_URL"]}, f"{name} is what DATABASE_URL is here")
    said = {"HOST": variables["PGHOST"], "NAME": variables["PGDATABASE"], "USER": variables["PGUSER"], "PASSWORD": "", "PORT": "5432"}
    own = {name: said[_PARTS.get(part, part)] for name, part in parts.items() if name not in variables}
    if own and not ("DATABASE_URL" in urls and not any(one.is_required for one in readings if one.name in own)):
        findings.add("env", own, "the database is reached by a socket, without a password; its user is that of the app")


def _find_engine(context: Context) -> str:
    """Return which engine the settings of Django name, or the text of a URL."""
    for key, value, _module in list_settings(context.code):
        if key == "DATABASES":
            for node in ast.walk(value):
                if (
                    (text := text_of(node))
                    and text.startswith("django.")
                    and text.endswith(("postgresql", "postgresql_psycopg2", "postgis"))
                ):
                    return "postgresql"
    return ""


def _choose_scheme(context: Context, driver: str) -> str:
    """Return the beginning of the URL as the app's library wants it."""
    if "django" in context.dependencies and not context.dependencies.any_of("flask", "fastapi"):
        return "postgresql"
    calls = {name.rpartition(".")[2] for module in context.code.modules.values() for name, _call in module.calls}
    if "create_async_engine" in calls and "asyncpg" in context.dependencies:
        return "postgresql+asyncpg"
    name = _DRIVERS.get(driver, "") if context.dependencies.any_of(*_ORM) else ""
    return f"postgresql+{name}" if name else "postgresql"


def _describe_redis(context: Context, findings: Findings) -> None:
    asked = context.dependencies
    celery_redis = "celery" in asked and ("redis" in asked or "redis" in asked.names.get("celery", ""))
    package = asked.any_of(*_REDIS) or ("celery" if celery_redis else "")
    if not package:
        return
    names = [one.name for one in find_readings(context)]
    urls = [name for name in names if _REDIS_URL.fullmatch(name) and ("URL" in name or "URI" in name or "BACKEND" in name)]
    if not urls:
        if fixed := _find_local_redis(context):
            findings.remarks.append(
                f"the app looks for Redis at an address that is written into {fixed}; let it read REDIS_URL, and write `redis: true`"
            )
        elif any(name.startswith("REDIS") for name in names):
            findings.remarks.append("the app wants Redis by host and port; here it has one with `redis: true`, by a socket, in REDIS_URL")
        return
    takes_celery = [name for name in urls if "celery" in asked and ("CELERY" in name or "BROKER" in name or "RESULT" in name)]
    scheme = "unix"
    if "REDIS_URL" in urls and celery_redis and not takes_celery:
        scheme = "redis+socket"
    elif "REDIS_URL" in urls and "flask-limiter" in asked and not asked.any_of("rq", "huey", "arq"):
        scheme = "redis+unix"
    findings.add(
        "redis", True if scheme == "unix" else {"scheme": scheme}, f"the app wants Redis, by {' and '.join(urls[:2])} and {package}"
    )
    for name in urls:
        if name != "REDIS_URL":
            own = "redis+socket" if name in takes_celery else "redis+unix" if "RATELIMIT" in name else "unix"
            findings.add("env", {name: list_redis_variables(context.name, own)["REDIS_URL"]}, f"{name}: the app's own Redis")


def _find_local_redis(context: Context) -> str:
    for module in context.code.modules.values():
        evaluator = Evaluator(context.code, module)
        for node in ast.walk(module.body):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and _LOCAL_REDIS.fullmatch(str(evaluator.value(node))):
                return module.path
    return ""


def _describe_workers(context: Context, findings: Findings) -> None:
    if findings.has("processes"):
        return
    if named := translate(read_processes(context.tree)).keys.get("processes"):
        findings.add("processes", {name: _as_here(one) for name, one in named.items()}, "the services of the compose file", LIKELY)
        return
    celery = next(
        ((module, name) for module in context.code.modules.values() for name, _call in module.calls if name == "celery.Celery"), None
    )
    if celery and "celery" in context.dependencies:
        place = posixpath.relpath(celery[0].path, context.entry.chdir or ".")
        dotted = re.sub(r"(/__init__)?\.py$", "", place).replace("/", ".")
        dotted = dotted.removesuffix(".celery")
        findings.add(
            "processes", {"worker": {"command": f"celery -A {dotted} worker", "drain": 600}}, f"Celery in {celery[0].path}", LIKELY
        )
        text = context.tree.read(celery[0].path)
        if "beat_schedule" in text or any(
            key in ("CELERY_BEAT_SCHEDULE", "BEAT_SCHEDULE") for key, _value, _module in list_settings(context.code)
        ):
            beat = {"command": f'celery -A {dotted} beat --schedule "$HOME/celerybeat-schedule"', "exclusive": True}
            findings.add("processes", {"beat": beat}, "a schedule of Celery, of which there must never be two", LIKELY)
    elif "rq" in context.dependencies and findings.has("redis"):
        findings.add("processes", {"worker": {"command": 'rq worker --url "$REDIS_URL"', "drain": 600}}, "rq is installed", LIKELY)


def _as_here(process: object) -> object:
    """Return a process without what other places need: a file for its number, a tool that starts it in its environment."""
    if isinstance(process, dict):
        return {**process, "command": _as_here(process["command"])}
    return _RUNNER.sub("", re.sub(r"\s+--pidfile[= ]\S*", "", str(process)))
