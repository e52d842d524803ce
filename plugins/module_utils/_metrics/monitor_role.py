# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role by which Debian's exporter comes to PostgreSQL: without a password, as the account that the kernel says it is."""

from __future__ import annotations

from ansible_collections.webstack.flask.plugins.module_utils._databases.clusters import choose_cluster, read_clusters
from ansible_collections.webstack.flask.plugins.module_utils._databases.plan import ADMINISTRATION
from ansible_collections.webstack.flask.plugins.module_utils._databases.server import LOCK, LOCK_TIMEOUT, Server
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._host.lock import hold_lock
from ansible_collections.webstack.flask.plugins.module_utils._metrics.exporters import ACCOUNT

COMMENT = "reads metrics (webstack.flask)"
_FIND = """
SELECT pg_catalog.json_build_object('comment', pg_catalog.shobj_description(oid, 'pg_authid'),
    'reads', pg_catalog.pg_has_role(oid, 'pg_monitor', 'USAGE'), 'login', rolcanlogin)
FROM pg_catalog.pg_roles WHERE rolname = 'prometheus'
"""
_MAKE = f"CREATE ROLE {ACCOUNT} LOGIN; COMMENT ON ROLE {ACCOUNT} IS '{COMMENT}'; GRANT pg_monitor TO {ACCOUNT};"
_MEND = f"ALTER ROLE {ACCOUNT} LOGIN; GRANT pg_monitor TO {ACCOUNT};"


def ensure_role(port: int, *, check: bool) -> bool:
    """Make the role; return whether that changed anything. One of somebody else is left as it is, and is refused where it cannot read."""
    server = _find_server(port)
    if server is None:
        if check:  # PostgreSQL is yet to be installed
            return True
        raise UserError("PostgreSQL is not installed on this host; take postgres out of metrics_exporters")
    found = server.ask(_FIND)
    if found and found["reads"] and found["login"]:
        return False
    if found and found["comment"] != COMMENT:
        raise UserError(
            f"PostgreSQL has a role {ACCOUNT} that somebody else has made, and that may not read metrics. If it is to, "
            f"`GRANT pg_monitor TO {ACCOUNT}` lets it; otherwise take postgres out of metrics_exporters"
        )
    if not check:
        with hold_lock(LOCK, LOCK_TIMEOUT, lambda _waiting: None):
            server.execute(_MEND if found else _MAKE, ADMINISTRATION)
    return True


def end_role(port: int) -> None:
    """Take the role away, if it is ours. Where PostgreSQL does not run it stays: it can do nothing but read metrics."""
    try:
        server = _find_server(port)
        found = server.ask(_FIND) if server else None
        if server and found and found["comment"] == COMMENT:
            server.execute(f"DROP ROLE {ACCOUNT};", ADMINISTRATION)
    except UserError:
        return


def _find_server(port: int) -> Server | None:
    clusters = read_clusters()
    return None if clusters is None else Server(choose_cluster(clusters, port))
