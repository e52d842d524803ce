# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Put the command webstack on a host."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._host.files import (
    Access,
    ensure_directory,
    ensure_file,
    point_link,
    read_text,
    require_closed_way,
)
from ansible_collections.webstack.flask.plugins.module_utils._host.installed_program import ensure_program
from ansible_collections.webstack.flask.plugins.module_utils._webstack import audit, program
from ansible_collections.webstack.flask.plugins.module_utils._webstack.completion import Parser, format_completion

LAUNCHER = Path("/usr/local/lib/webstack-flask/webstack")
COMMAND = Path("/usr/local/bin/webstack")
COMPLETION = Path("/usr/local/share/bash-completion/completions/webstack")
"""Where bash-completion(8) looks for what the machine's own programs bring."""

_OURS = "webstack.flask"
_OPEN = Access(0, 0, 0o644)


def ensure_command(*, check: bool) -> bool:
    """Put the command where root's shell finds it; return whether that changed anything. A command of somebody else of this name stays."""
    changed = ensure_program(LAUNCHER, program.__name__, check=check)
    parsers = {**{name: program.make_parser(name) for name in program.COMMANDS}, audit.COMMAND: audit.make_parser()}
    changed |= ensure_completion(parsers, check=check)
    if os.path.lexists(COMMAND):
        return changed
    if not check:
        point_link(COMMAND, str(LAUNCHER))
    return True


def ensure_completion(parsers: Mapping[str, Parser], *, check: bool) -> bool:
    """Let bash complete the command; return whether that changed anything. A file of somebody else stays.

    Shells of root read it: where others could exchange it there is none, and the command goes without.
    """
    try:
        require_closed_way(COMPLETION.parent)
    except UserError:
        return False
    if os.path.lexists(COMPLETION) and not is_ours(COMPLETION):
        return False
    if not COMPLETION.parent.is_dir():
        ensure_directory(COMPLETION.parent, Access(0, 0, 0o755), check=check)
    return ensure_file(COMPLETION, format_completion(parsers), _OPEN, check=check)


def is_ours(path: Path) -> bool:
    """Return whether a file is one that a run has written, and no link."""
    return stat.S_ISREG(path.lstat().st_mode) and _OURS in (read_text(path) or "")
