# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The last backup of an app, before its data are removed."""

from __future__ import annotations

from ansible_collections.webstack.flask.plugins.module_utils._backups.settings import LAUNCHER, read_settings, settings_file
from ansible_collections.webstack.flask.plugins.module_utils._backups.state import read_state
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._host import commands
from ansible_collections.webstack.flask.plugins.module_utils._systemd.log_lines import find_last_words

_LINES = 5
_STEPS = 5
"""A backup and its verification have fewer that may take the whole timeout of the settings."""


def make_last_backup(name: str) -> str | None:
    """Make a backup of an app, and restore it to try it; return its name in the repository, or None of an app that is not backed up.

    Raise UserError where either fails.
    """
    if not settings_file(name).exists():
        return None
    timeout = _STEPS * read_settings(name).timeout
    for step in ("backup", "verify"):
        try:
            ended = commands.run([str(LAUNCHER), step, name], timeout=timeout)
        except (commands.TimedOut, OSError) as problem:
            raise _refusal(step, str(problem) or f"it took more than {timeout} s") from problem
        if ended.status != 0:
            raise _refusal(step, "\n".join(find_last_words(ended.errors, _LINES)))
    return str(read_state(name)["verify"]["snapshot"])


def _refusal(step: str, said: str) -> UserError:
    what = {"backup": "could not be made", "verify": "was made and is no good"}[step]
    return UserError(
        f"a last backup of its data {what}, so neither they nor the app were removed: {said}\nMend that, and run again; or, if they may go "
        "without it, give `-e app_removal_last_backup=false`"
    )
