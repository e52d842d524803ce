# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The error that ends a run because of something that its user can fix, and what is said of any other one."""

from __future__ import annotations

import traceback

_LONGEST_TEXT = 500
"""Characters of an unexpected error's text that are shown. It may quote its input, which is somebody else's."""

_OURS = "webstack/flask/"
"""Part of the path of each file of the collection, wherever it is installed."""


class UserError(Exception):
    """An error for the user, with a message that says what to do."""


def describe_error(error: Exception) -> str:
    """Return the message of an expected error. An unexpected one is named, with the place in our code where it was raised."""
    if isinstance(error, (UserError, OSError)):
        return str(error)
    text = str(error)
    shown = text if len(text) <= _LONGEST_TEXT else f"{text[:_LONGEST_TEXT]}…"
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if _OURS in frame.filename]
    place = f" ({frames[-1].filename.rpartition(_OURS)[2]}:{frames[-1].lineno})" if frames else ""
    return f"unexpected {type(error).__name__}: {shown}{place}; please report it"
