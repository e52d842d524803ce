# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A place at which nginx tells Debian's exporter how many connections it has, and nobody else."""

from __future__ import annotations

import re
import secrets
from pathlib import Path

from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._host.files import Access, ensure_directory, ensure_file, read_text
from ansible_collections.webstack.flask.plugins.module_utils._metrics.exporters import SECRETS, format_secrets, format_status_server
from ansible_collections.webstack.flask.plugins.module_utils._nginx import service, staging
from ansible_collections.webstack.flask.plugins.module_utils._systemd import systemctl

FILE = Path("/etc/nginx/conf.d/webstack-flask-metrics.conf")
_SECRET = Access(0, 0, 0o600)
_WORD = re.compile(r"(?m)^SCRAPE_URI=\S+/([0-9a-f]{64})$")


def ensure_status(*, check: bool) -> bool:
    """Have nginx tell it; return whether that changed anything. What nginx does not take is taken back."""
    if not FILE.parent.is_dir():
        if check:  # nginx is yet to be installed
            return True
        raise UserError("nginx is not installed on this host; take nginx out of metrics_exporters")
    known = _WORD.search(read_text(SECRETS) or "")
    word = known.group(1) if known else secrets.token_hex(32)
    text = format_status_server(word)
    if read_text(FILE) == text and known:
        return False
    if check:
        return True
    SECRETS.unlink(missing_ok=True)
    ensure_file(FILE, text, _SECRET)
    try:
        _require_good()
        service.reload()
    except UserError:
        FILE.unlink()
        raise
    # Last, so that a run that was cut off before nginx knew of it is known by it.
    ensure_directory(SECRETS.parent, Access(0, 0, 0o755))
    ensure_file(SECRETS, format_secrets(word), _SECRET)
    return True


def end_status(*, check: bool) -> bool:
    """Take it away; return whether that changed anything."""
    present = [path for path in (FILE, SECRETS) if path.exists()]
    if check or not present:
        return bool(present)
    had_server = FILE.exists()
    for path in present:
        path.unlink()
    if had_server and systemctl.show([service.UNIT])[service.UNIT].active == "active":
        _require_good()
        service.reload()
    return True


def _require_good() -> None:
    passed, complaints = staging.try_present()
    if not passed:
        raise UserError(f"nginx does not take its configuration: {'; '.join(str(complaint) for complaint in complaints)}")
