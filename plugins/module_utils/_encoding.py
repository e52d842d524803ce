# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values that are passed to a module as one text, so that Ansible masks them as one secret.

Of a dictionary, Ansible would mask each value by itself wherever it appears, even a word as short as `on`.
"""

from __future__ import annotations

import base64
import json
from typing import Any


def encode(value: object) -> str:
    """Return a JSON-serialisable value as one word."""
    return base64.b64encode(json.dumps(value).encode()).decode()


def decode(text: str) -> Any:  # noqa: ANN401 - JSON holds anything
    """Return the value that was encoded."""
    return json.loads(base64.b64decode(text))
