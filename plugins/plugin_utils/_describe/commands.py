# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands that an app needs: migrations before a release, files that are made for a build; and what Django's settings say."""

from __future__ import annotations

import ast
import posixpath

from ansible_collections.webstack.flask.plugins.plugin_utils._describe.code import Module
from ansible_collections.webstack.flask.plugins.plugin_utils._describe.context import Context
from ansible_collections.webstack.flask.plugins.plugin_utils._describe.findings import LIKELY, Findings
from ansible_collections.webstack.flask.plugins.plugin_utils._describe.values import Evaluator, list_settings
from ansible_collections.webstack.flask.plugins.plugin_utils._describe.variables import find_readings

_Settings = dict[str, tuple[ast.expr, Evaluator, Module]]
"""Settings of Django by their names: the expression, what works it out, and the module in which it stands."""


def describe(context: Context, findings: Findings) -> None:
    """Add the commands."""
    _describe_django(context, findings)
    _describe_migrations(context, findings)
    _describe_tables(context, findings)
    _describe_bundle(context, findings)


def _describe_migrations(context: Context, findings: Findings) -> None:
    tree, start = context.tree, context.entry.chdir
    commands = " ".join(findings.value("release_commands") or [])
    if any(word in commands for word in ("db upgrade", "alembic", "migrate")):
        return
    names = {name for module in context.code.modules.values() for name, _call in module.calls}
    homes = {
        posixpath.dirname(path) for path in tree.named("env.py") if posixpath.basename(posixpath.dirname(path)) in ("migrations", "alembic")
    }
    if homes and ("flask_migrate.Migrate" in names or "flask-migrate" in context.dependencies):
        home = min(homes, key=len)
        option = "" if home == posixpath.join(start, "migrations") else f" --directory {posixpath.relpath(home, start or '.')}"
        findings.add(
            "release_commands", [f"flask --app {context.entry.flask_app} db upgrade{option}"], f"Flask-Migrate has migrations in {home}"
        )
    elif tree.has(posixpath.join(start, "alembic.ini")):
        findings.add("release_commands", ["alembic upgrade head"], f"Alembic's settings in {posixpath.join(start, 'alembic.ini')}")
    elif inner := next((path for path in tree.named("alembic.ini") if "migrations" not in path and "alembic/" not in path), ""):
        findings.add(
            "release_commands",
            [f"alembic --config {posixpath.relpath(inner, start or '.')} upgrade head"],
            f"Alembic's settings in {inner}",
            LIKELY,
        )


def _describe_tables(context: Context, findings: Findings) -> None:
    """Add the tables that only a script makes: nobody runs that here."""
    if findings.has("release_commands"):
        return
    for module in context.code.modules.values():
        served = {id(call) for _name, call in module.calls}
        for node in ast.walk(module.body):
            if (
                not isinstance(node, ast.Call)
                or id(node) in served
                or not isinstance(node.func, ast.Attribute)
                or node.func.attr != "create_all"
            ):
                continue
            if module.path == context.entry.path and isinstance(node.func.value, ast.Name) and "(" not in context.entry.value:
                name, database = context.entry.value.partition(":")[2], node.func.value.id
                code = f"from {context.entry.module} import {name}, {database}; {name}.app_context().push(); {database}.create_all()"
                findings.add(
                    "release_commands",
                    [f"python -c '{code}'"],
                    f"the tables are made in {module.path} only where it is run as a script",
                    LIKELY,
                )
            else:
                findings.remarks.append(
                    f"the tables are made in {module.path} only where it is run as a script; `release_commands` can do it here"
                )
            return


def _describe_bundle(context: Context, findings: Findings) -> None:
    path = posixpath.join(context.entry.chdir, "package.json")
    if '"build"' in context.tree.read(path) and not any("npm" in command for command in findings.value("build_commands") or []):
        findings.remarks.append(
            f"{path} has a script `build`. If the app serves what it makes: `build_commands: [npm ci && npm run build]`, with npm among "
            "`dependencies.build_packages`"
        )


def _describe_django(context: Context, findings: Findings) -> None:
    manage = posixpath.join(context.entry.chdir, "manage.py")
    if not context.tree.has(manage) or "django" not in context.tree.read(manage):
        return
    commands = " ".join([*(findings.value("release_commands") or []), *(findings.value("build_commands") or [])])
    if "migrate" not in commands:
        findings.add("release_commands", ["python manage.py migrate --no-input"], f"Django's migrations, by {manage}")
    settings: _Settings = {}
    for key, value, module in list_settings(context.code):
        if posixpath.basename(module.path).startswith(("settings", "base", "prod", "common")) or "settings" in module.path:
            settings.setdefault(key, (value, Evaluator(context.code, module), module))
    _describe_django_files(context, settings, commands, findings)
    hosts = settings.get("ALLOWED_HOSTS")
    if hosts and isinstance(hosts[0], ast.List):
        known = [one.value for one in hosts[0].elts if isinstance(one, ast.Constant)]
        if len(known) == len(hosts[0].elts) and "*" not in known and not set(context.server_names) & set(known):
            findings.remarks.append(
                f"ALLOWED_HOSTS in {hosts[2].path} lacks {', '.join(context.server_names)}; Django answers 400 under other names"
            )


def _describe_django_files(context: Context, settings: _Settings, commands: str, findings: Findings) -> None:
    root, url = _path_of(settings, "STATIC_ROOT"), _text_of(settings, "STATIC_URL") or "static/"
    if root:
        where = settings["STATIC_ROOT"][2].path
        if "collectstatic" not in commands:
            findings.add("build_commands", ["python manage.py collectstatic --no-input"], f"STATIC_ROOT in {where}")
        needed = [one.name for one in find_readings(context) if one.is_required]
        if needed:
            findings.add(
                "build_env", dict.fromkeys(needed, "not-the-real-one"), "collectstatic loads the settings, which read these", LIKELY
            )
        findings.add("static", [{"url": _as_url(url), "paths": [root]}], f"STATIC_URL and STATIC_ROOT in {where}")
    if media := _path_of(settings, "MEDIA_ROOT"):
        address = _as_url(_text_of(settings, "MEDIA_URL") or "media/")
        findings.add("static", [{"url": address, "paths": [media]}], "uploads, which Django does not send itself: MEDIA_ROOT")


def _path_of(settings: _Settings, key: str) -> str:
    return settings[key][1].path(settings[key][0]) if key in settings else ""


def _text_of(settings: _Settings, key: str) -> str:
    value = settings[key][1].value(settings[key][0]) if key in settings else None
    return value if isinstance(value, str) else ""


def _as_url(url: str) -> str:
    return f"/{url.strip('/')}/"
