# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What becomes of databases and dumps that nobody needs: the databases of apps that are and that were on the host, dropped one by one."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from ansible_collections.webstack.flask.plugins.module_utils._databases.beside import is_beside
from ansible_collections.webstack.flask.plugins.module_utils._databases.plan import ADMINISTRATION, quote_name
from ansible_collections.webstack.flask.plugins.module_utils._databases.server import LOCK, LOCK_TIMEOUT, Server
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._host.lock import hold_lock
from ansible_collections.webstack.flask.plugins.module_utils._layout import DATABASE_ROOT, AppLayout


def drop_database(server: Server, app: str, database: str, *, is_removed: bool, warn: Callable[[str], object]) -> list[str]:
    """Drop a database of an app, whoever is connected to it; return what else went.

    Of an app that is removed, the role and the rules go with its last database: nothing of it is left in PostgreSQL then.
    """
    if database != app and not is_beside(database, app):
        raise UserError(f"{database} is no database of {app}; those are called {app}, or {app}, a dot, and a word")
    with hold_lock(LOCK, LOCK_TIMEOUT, warn):
        state = server.read_state([app, database])
        owner = state["databases"].get(database, {}).get("owner", app)
        role = state["roles"].get(app)
        if owner != app or role is None or role["comment"] != AppLayout.of(app).comment:
            raise UserError(f"the database {database} does not belong to an app; it was not dropped")
        server.execute(f"DROP DATABASE IF EXISTS {quote_name(database)} WITH (FORCE)", ADMINISTRATION)
        notes = [f"the database {database} was dropped"]
        is_last = is_removed and not server.list_owned(app)
        if is_last:
            # It may have been given rights elsewhere, by hand.
            with suppress(UserError):
                server.execute(f"DROP ROLE {quote_name(app)}", ADMINISTRATION)
                notes.append(f"the role {app} was dropped")
        server.ensure_rules(state, [], closed=[database], gone=[app] if is_last else [])
    remembered = DATABASE_ROOT / app
    if is_removed and remembered.is_file() and remembered.read_text(encoding="utf-8").strip() == database:
        remembered.unlink()
    return notes
