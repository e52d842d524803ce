# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Databases of an app beside its own, such as restored ones: the name is the app's, a dot, which no app has in its name, and a word."""

from __future__ import annotations

import re

from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._layout import check_name

_SUFFIX = re.compile(r"[a-z0-9][a-z0-9_-]{0,36}")
"""With an app's name of 25 characters and the dot these are the 63 that PostgreSQL takes."""


def name_beside(app: str, suffix: str) -> str:
    """Return the name of a database beside that of an app; raise UserError if it can be none."""
    check_name(app)
    if not _SUFFIX.fullmatch(suffix):
        raise UserError(
            f"what is to stand after the dot in the name of a database beside that of {app} is {suffix!r}; allowed are 1 to 37 lower-case "
            "letters, digits, '-' and '_', beginning with a letter or a digit"
        )
    return f"{app}.{suffix}"


def is_beside(database: str, app: str) -> bool:
    """Return whether a name is that of a database beside the one of an app."""
    owner, dot, suffix = database.partition(".")
    return bool(dot) and owner == app and bool(_SUFFIX.fullmatch(suffix))


def require_beside(database: str, app: str) -> None:
    """Raise UserError unless a database is one beside that of an app: the app's own is never written over, nor dropped."""
    if not is_beside(database, app):
        raise UserError(f"{database} is no database beside that of {app}; the name of such a one begins with {app} and a dot")
