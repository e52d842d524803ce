# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Find everything that is wrong with the user's list `flask_apps`."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._layout import NAME_PATTERN, AppLayout
from ansible_collections.webstack.flask.plugins.plugin_utils._flask_apps import (
    backups,
    databases,
    notifications,
    process_checks,
    redis,
    source_checks,
    web_checks,
)
from ansible_collections.webstack.flask.plugins.plugin_utils._flask_apps.app import (
    App,
    is_absent,
    list_present,
    path_prefix,
    wants_proxy_protocol,
)
from ansible_collections.webstack.flask.plugins.plugin_utils._flask_apps.bounds import find_limit_problems
from ansible_collections.webstack.flask.plugins.plugin_utils._flask_apps.entry import (
    Entry,
    Problems,
    Unreadable,
    find_readable,
    find_unknown_keys,
    read_entry,
    spell_out,
)
from ansible_collections.webstack.flask.plugins.plugin_utils._flask_apps.services import (
    find_problems_of_uses,
    find_service_problems,
    share_callers,
)
from ansible_collections.webstack.flask.plugins.plugin_utils._flask_apps.sharing import claim_names, share_settings
from ansible_collections.webstack.flask.plugins.plugin_utils._flask_apps.spec import SPEC
from ansible_collections.webstack.flask.plugins.plugin_utils._nginx.sharing import find_sharing_problems, group
from ansible_collections.webstack.flask.plugins.plugin_utils._nginx.site import find_lost_directives, find_mixed_ports

_BATCH = re.compile(r"0*[1-9]\d*|0*([1-9]\d?|100)%")

_LONGEST_SENTENCE = 1100
"""Characters."""


def check_serial(serial: object) -> object:
    """Return how many hosts a playbook takes at a time, as given; raise UserError if Ansible would misunderstand it."""
    batches = serial if isinstance(serial, list) else [serial]
    for batch in batches or [serial]:
        if isinstance(batch, bool) or not isinstance(batch, (int, str)) or not _BATCH.fullmatch(str(batch)):
            raise UserError(
                f"flask_serial is {serial!r}; allowed is how many hosts to take at a time, such as 1, a share of them, such as 25%, "
                "or a list of these, such as [1, 5, 50%]"
            )
    return serial


def check_apps(apps: object) -> list[dict[str, Any]]:
    """Return the entries with their defaults filled in; raise UserError that tells everything that is wrong with them.

    No message shows a value that may be secret.
    """
    if not isinstance(apps, Sequence) or isinstance(apps, str) or not apps:
        what = "an empty list" if apps == [] else f"of type {type(apps).__name__}"
        raise UserError(f"flask_apps must be a list of at least one app, each a mapping that begins with `- name:`; it is {what}")
    problems: list[str] = []
    entries: list[Entry] = []
    for number, app in enumerate(map(spell_out, apps)):
        if not isinstance(app, Mapping):
            problems.append(f"flask_apps[{number}] must be a mapping of keys to values; it is of type {type(app).__name__}")
            continue
        where = f"flask_apps[{number}]" + (f" ({app['name']})" if isinstance(app.get("name"), str) else "")
        problems += find_unknown_keys(app, SPEC, where)
        entry, found = read_entry(app)
        for find in _ABSENT_FINDERS if is_absent(entry) else _FINDERS:
            found += find_readable(find, entry)
        problems += [f"{where}: {problem}" for problem in found]
        for find_given in (web_checks.find_keys_of_the_web, find_service_problems):
            problems += [f"{where}: {problem}" for problem in find_readable(partial(find_given, app), entry)]
        entries.append(entry)
    problems += _find_repetitions(entries)
    problems += find_problems_of_uses(entries)
    shared = [] if problems else share_callers(share_settings(entries))
    problems += _find_problems_together(shared)
    if problems:
        headline = "flask_apps cannot be deployed as described; nothing was changed:"
        raise UserError("\n- ".join([headline, *map(_bounded, problems)]))
    return shared


def _bounded(problem: str) -> str:
    """Return a sentence without its middle if that is all of a wrong value; the end has what to do."""
    return problem if len(problem) <= _LONGEST_SENTENCE else f"{problem[:400]} … {problem[-600:]}"


def _find_naming_problems(app: App) -> Problems:
    try:
        AppLayout.of(app["name"])
    except UserError as problem:
        yield str(problem)


def _find_group_problems(app: App) -> Problems:
    if app["group"] and not NAME_PATTERN.fullmatch(app["group"]):
        yield (
            f"group is {app['group']!r}; allowed are 1 to 25 lower-case letters, digits, '-' and '_', beginning with a letter. Give all "
            "entries that are to switch together the same"
        )


def _find_number_problems(app: App) -> Problems:
    yield from find_limit_problems("", app, ("release_command_timeout",), may_be_zero=False)
    yield from find_limit_problems("", app, ("drain", "watch", "keep_releases"))


def _find_repetitions(apps: Sequence[App]) -> Problems:
    for name, count in Counter(app["name"] for app in apps if "name" in app).items():
        if count > 1:
            yield f"flask_apps names {name!r} {count} times; give each app its own name"
    readable = [app for app in list_present(apps) if _is_readable(app) and app["server_names"]]
    claims = [claim_names(app) for app in readable]
    yield from find_sharing_problems(claims)
    together = [[readable[number] for number in numbers] for numbers in group(claims)]
    for members in together:
        for app in members if len(members) > 1 else ():
            for problem in find_lost_directives(app["name"], app["nginx"]["extra"] or "", path_prefix(app)):
                yield f"nginx.{problem}"
    yield from find_mixed_ports(map(_speak, together), "nginx.")


def _is_readable(app: App) -> bool:
    """Return whether all is there that is compared with other entries."""
    try:
        claim_names(app)
    except Unreadable:
        return False
    return True


def _speak(apps: Sequence[App]) -> tuple[str, set[str], bool]:
    """Return of apps that are served together their names, their ports, and whether they want the PROXY protocol."""
    ports = {port for app in apps for port in claim_names(app).ports}
    return " and ".join(app["name"] for app in apps), ports, any(map(wants_proxy_protocol, apps))


def _find_problems_together(apps: Sequence[App]) -> Problems:
    """Find what is wrong with what an entry gets from others: each alone was right."""
    for app in apps:
        for problem in (*web_checks.find_tls_problems(app), *web_checks.find_problems_of_site(app)) if "together" in app else ():
            names = app["together"]["server_names"]
            yield f"{app['name']}, with what others say that have the server names {' and '.join(names)} in common: {problem}"


_ABSENT_FINDERS = (_find_naming_problems,)

_FINDERS = (
    *(_find_naming_problems, _find_group_problems, _find_number_problems),
    *(*web_checks.FINDERS, *process_checks.FINDERS, *databases.FINDERS, *redis.FINDERS, *backups.FINDERS, *notifications.FINDERS),
    *source_checks.FINDERS,
)
"""What looks for problems in the keys that fit SPEC."""
