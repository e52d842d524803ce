# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a module's work for each app. The failure of one app does not stop the others."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.webstack.flask.plugins.module_utils._errors import describe_error
from ansible_collections.webstack.flask.plugins.module_utils._escapes import escape, escape_all
from ansible_collections.webstack.flask.plugins.module_utils._side_by_side import App, Done, side_by_side


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
