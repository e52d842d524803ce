# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values as Python's own types."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def as_plain(value: Any) -> Any:  # noqa: ANN401 - as YAML has them
    """Return a value with dictionaries, lists and texts of Python's own: Ansible's own carry all variables along when copied."""
    if isinstance(value, Mapping):
        return {key: as_plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [as_plain(inner) for inner in value]
    return str(value) if isinstance(value, str) else value
