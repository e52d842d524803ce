# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Identifiers: short digests of what a thing is made of."""

from __future__ import annotations

import hashlib
import json

LENGTH = 12
"""Hexadecimal characters of an identifier: 48 bits, short enough for a unit's name and a log line."""


def digest_of(parts: object) -> str:
    """Return the identifier of a JSON-serialisable value; equal values give equal identifiers on every host."""
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()[:LENGTH]
