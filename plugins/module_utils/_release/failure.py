# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A release that is no good, and what a unit of it has said last."""

from __future__ import annotations

from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._layout import AppLayout
from ansible_collections.webstack.flask.plugins.module_utils._release.hints import find_hints
from ansible_collections.webstack.flask.plugins.module_utils._release.release import holds_code
from ansible_collections.webstack.flask.plugins.module_utils._release.seam import Host
from ansible_collections.webstack.flask.plugins.module_utils._release.source import Source
from ansible_collections.webstack.flask.plugins.module_utils._systemd.log_lines import find_last_words

LOG_LINES = 20
"""How many of the app's last log lines a failure shows."""

_LOG_LINES_READ = 300


class ReleaseFailed(UserError):
    """A release did not come up, or was not reached; users are where they were before."""


def explain(layout: AppLayout, host: Host, what: str, release: str, unit: str) -> str:
    """Return what has happened to a unit of a release, with its last lines, and what helps."""
    words = find_last_words(host.units.read_journal(unit, _LOG_LINES_READ), LOG_LINES)
    log = [f"  {line}" for line in words or ["(nothing)"]]
    source = Source.of(host, layout.release(release))
    found = find_hints(words, str(layout.root), lambda path: holds_code(layout, host, release, path), source)
    return "\n".join([what, "The last lines of its log:", *log, *(f"Hint: {hint}." for hint in found)])
