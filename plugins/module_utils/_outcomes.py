# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a module's work for each app. The failure of one app does not stop the others."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._escapes import escape, escape_all

App = Mapping[str, Any]
Thing = TypeVar("Thing")
Outcome = TypeVar("Outcome")

Done = Callable[[App, Mapping[str, Any], float], object]
"""Is told an app, what became of it, and how many seconds that took."""

_LONGEST_TEXT = 500
"""Characters of an unexpected error's text that are shown. It may quote its input, which is somebody else's."""

_OURS = "webstack/flask/"
"""Part of the path of each file of the collection, wherever it is installed."""


class FlaskModule(AnsibleModule):  # type: ignore[misc]
    """A module whose output has no control characters, whatever it quotes."""

    def exit_json(self, **kwargs: object) -> None:
        """End the module with a result."""
        super().exit_json(**escape_all(kwargs))

    def fail_json(self, msg: str, **kwargs: object) -> None:
        """End the module as failed, with a message."""
        super().fail_json(msg=escape(msg), **escape_all(kwargs))

    def warn(self, warning: str, **kwargs: object) -> None:
        """Show a warning when the module has ended."""
        super().warn(escape(warning), **kwargs)


def describe_error(error: Exception) -> str:
    """Return the message of an expected error. An unexpected one is named, with the place in our code where it was raised."""
    if isinstance(error, (UserError, OSError)):
        return str(error)
    text = str(error)
    shown = text if len(text) <= _LONGEST_TEXT else f"{text[:_LONGEST_TEXT]}…"
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if _OURS in frame.filename]
    place = f" ({frames[-1].filename.rpartition(_OURS)[2]}:{frames[-1].lineno})" if frames else ""
    return f"unexpected {type(error).__name__}: {shown}{place}; please report it"


def for_each_app(
    apps: Iterable[App],
    attend: Callable[[Any], dict[str, Any]],
    failed: Mapping[str, Any],
    redact: Callable[[str], str] = str,
    workers: int = 1,
    done: Done = lambda _app, _outcome, _seconds: None,
) -> dict[str, dict[str, Any]]:
    """Return the outcome of each app by name, as `attend` returns it for so many apps at a time as there are `workers`.

    The outcome of an app for which it raises an error is `failed`, with the message, from which `redact` takes secrets, as `error`.
    `done` is told each outcome as soon as it is there.
    """

    def attend_safely(app: App) -> dict[str, Any]:
        begun = time.monotonic()
        try:
            outcome = attend(app)
        except Exception as error:  # noqa: BLE001 - whatever goes wrong with one app must not stop the others
            outcome = {**failed, "error": redact(describe_error(error))}
        done(app, outcome, time.monotonic() - begun)
        return outcome

    listed = list(apps)
    return dict(zip([app["name"] for app in listed], side_by_side(attend_safely, listed, workers)))


def side_by_side(attend: Callable[[Thing], Outcome], things: Sequence[Thing], workers: int) -> list[Outcome]:
    """Return what `attend` returns of each of some things, for so many of them at a time as there are `workers`."""
    if min(workers, len(things)) <= 1:
        return list(map(attend, things))
    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(attend, things))


def list_errors(outcomes: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return a line for each app with an error."""
    return [f"{name}: {outcome['error']}" for name, outcome in outcomes.items() if "error" in outcome]


def exit_with(
    module: AnsibleModule,
    key: str,
    outcomes: Mapping[str, Mapping[str, Any]],
    *,
    changed: bool = False,
    defer_errors: bool = False,
    **more: object,
) -> None:
    """End the module with the outcomes under a key of its result. `changed` says whether it changed anything that belongs to no app.

    The module has failed if an outcome has an `error`, unless errors are deferred: then the caller looks at them later. The result has what
    is in `more`, too.
    """
    result = {"changed": changed or any(outcome["changed"] for outcome in outcomes.values()), key: outcomes, **more}
    errors = list_errors(outcomes)
    if errors and not defer_errors:
        module.fail_json(msg="\n".join(errors), **result)
    module.exit_json(**result)


def run_for_apps(
    module: AnsibleModule,
    key: str,
    apps: Iterable[App],
    attend: Callable[[Any], dict[str, Any]],
    failed: Mapping[str, Any],
    *,
    redact: Callable[[str], str] = str,
    workers: int = 1,
    done: Done = lambda _app, _outcome, _seconds: None,
) -> None:
    """Do the work for each app, and end the module with the outcomes; its option `defer_errors`, if it has one, counts."""
    exit_with(module, key, for_each_app(apps, attend, failed, redact, workers, done), defer_errors=module.params.get("defer_errors", False))
