# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An app's site closed for maintenance, and opened again. nginx looks for a file at each request, so that nothing is loaded anew."""

from __future__ import annotations

import html
import os
from pathlib import Path

from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._host.files import Access, read_text, sync_directory, write_atomically
from ansible_collections.webstack.flask.plugins.module_utils._layout import AppLayout
from ansible_collections.webstack.flask.plugins.module_utils._nginx.plan import NginxLayout
from ansible_collections.webstack.flask.plugins.module_utils._release.record import ReleaseRecord

_FOR_ALL = Access(0, 0, 0o644)
_MESSAGE = "Please come back in a few minutes."
_PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>Closed for maintenance</title>
<style>
  :root {{ color-scheme: light dark; }}
  body {{
    align-items: center; background: #f6f6f4; color: #1d1d1b; display: flex; font: 1.125rem/1.6 system-ui, sans-serif;
    justify-content: center; margin: 0; min-height: 100vh;
  }}
  main {{ max-width: 34rem; overflow-wrap: anywhere; padding: 2rem 1.5rem; }}
  h1 {{ font-size: 1.75rem; line-height: 1.25; margin: 0 0 1rem; }}
  p {{ margin: 0; white-space: pre-line; }}
  @media (prefers-color-scheme: dark) {{ body {{ background: #171716; color: #e9e9e6; }} }}
</style>
</head>
<body>
<main>
<h1>We are at work on this site</h1>
<p>{message}</p>
</main>
</body>
</html>
"""


def find_since(layout: AppLayout) -> float | None:
    """Return since when an app's site has been closed; None while it is open."""
    try:
        return layout.maintenance.lstat().st_mtime
    except (FileNotFoundError, NotADirectoryError):
        return None


def close_site(layout: AppLayout, live: ReleaseRecord | None, message: str | None) -> bool:
    """Close an app's site; return whether that changed anything. A message takes the place of one that is shown already."""
    require_switch(layout, live, NginxLayout())
    since = find_since(layout)
    page = make_page(message or _MESSAGE)
    if since is not None and (message is None or read_text(layout.maintenance) == page):
        return False
    write_atomically(layout.maintenance, page, _FOR_ALL)
    if since is not None:
        os.utime(layout.maintenance, (since, since))
    return True


def open_site(layout: AppLayout) -> bool:
    """Open an app's site again; return whether it was closed."""
    was_closed = find_since(layout) is not None
    layout.maintenance.unlink(missing_ok=True)
    sync_directory(layout.root)
    return was_closed


def make_page(message: str) -> str:
    """Return the page that visitors get, with a message as text."""
    return _PAGE.format(message=html.escape(message))


def require_switch(layout: AppLayout, live: ReleaseRecord | None, nginx: NginxLayout) -> None:
    """Raise UserError if an app has no site that could be closed, or one that does not look for the file."""
    if live is not None and not live.web:
        raise UserError(f"{layout.name} has no web process, and so no site that could be closed; what else it runs goes on")
    if not any(str(layout.maintenance) in (read_text(path) or "") for path in _list_sites(nginx)):
        raise UserError(f"nginx has no site of {layout.name} that can be closed; run site.yml, which writes it")


def _list_sites(nginx: NginxLayout) -> list[Path]:
    """Return the files of the sites that nginx serves. That of an app may be another one's, with which it has names in common."""
    return sorted(path for path in nginx.link_of("any").parent.glob("*.conf") if path.is_file())
