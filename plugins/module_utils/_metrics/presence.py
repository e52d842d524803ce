# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a host gives metrics by this collection."""

from __future__ import annotations

from ansible_collections.webstack.flask.plugins.module_utils._layout import UNIT_ROOT

WRITER = "webstack-flask-metrics"
"""The units that write the metrics of the apps, without their kind."""

DROP_IN = "webstack-flask.conf"
"""The name of our drop-in of the unit of each exporter."""


def gives_metrics() -> bool:
    """Return whether it does, or a run that was cut off has left something of it."""
    return (UNIT_ROOT / f"{WRITER}.timer").exists() or any(UNIT_ROOT.glob(f"prometheus-*-exporter.service.d/{DROP_IN}"))
