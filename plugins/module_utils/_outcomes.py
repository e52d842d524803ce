# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What becomes of each app that a module takes care of: the failure of one does not keep it from the others."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._escapes import escape, escape_all

App = Mapping[str, Any]

_LONGEST_TEXT = 500
"""Characters of an unexpected error's text that are shown: it may quote what it was about, which is somebody else's."""

_OURS = "webstack/flask/"
"""What the paths of the collection's own files have in them, wherever it is installed."""


class FlaskModule(AnsibleModule):  # type: ignore[misc]
    """A module whose words can hold no control character, wherever they come from."""

    def exit_json(self, **kwargs: object) -> None:
        """End the module with a result."""
        super().exit_json(**escape_all(kwargs))

    def fail_json(self, msg: str, **kwargs: object) -> None:
        """End the module with a message of what is wrong."""
        super().fail_json(msg=escape(msg), **escape_all(kwargs))

    def warn(self, warning: str, **kwargs: object) -> None:
        """Let people know of something as soon as the module has ended."""
        super().warn(escape(warning), **kwargs)


def describe_error(error: Exception) -> str:
    """Return what to tell of an error: the words of one that we expect, and of any other which it is and where it came about."""
    if isinstance(error, (UserError, OSError)):
        return str(error)
    text = str(error)
    shown = text if len(text) <= _LONGEST_TEXT else f"{text[:_LONGEST_TEXT]}…"
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if _OURS in frame.filename]
    place = f" ({frames[-1].filename.rpartition(_OURS)[2]}:{frames[-1].lineno})" if frames else ""
    return f"unexpected {type(error).__name__}: {shown}{place}; please report it"


def for_each_app(apps: Iterable[App], attend: Callable[[Any], dict[str, Any]], failed: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return what `attend` returns for each app, by name; for one that it fails for, `failed` and the reason as `error`."""
    outcomes: dict[str, dict[str, Any]] = {}
    for app in apps:
        try:
            outcomes[app["name"]] = attend(app)
        except Exception as error:  # noqa: BLE001 - whatever an app's input brings about is that app's, and the others get their turn
            outcomes[app["name"]] = {**failed, "error": describe_error(error)}
    return outcomes


def list_errors(outcomes: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return a line for each app with an error."""
    return [f"{name}: {outcome['error']}" for name, outcome in outcomes.items() if "error" in outcome]


def exit_with(
    module: AnsibleModule, key: str, outcomes: Mapping[str, Mapping[str, Any]], *, changed: bool = False, defer_errors: bool = False
) -> None:
    """End the module with the outcomes under a key of its result; `changed` is whether anything was that is no app's.

    It has failed if one of them has an `error`, unless somebody else is to look at the errors later.
    """
    result = {"changed": changed or any(outcome["changed"] for outcome in outcomes.values()), key: outcomes}
    errors = list_errors(outcomes)
    if errors and not defer_errors:
        module.fail_json(msg="\n".join(errors), **result)
    module.exit_json(**result)
