# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sizes of memory as users write them."""

from __future__ import annotations

import re

from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError

MIB = 1024 * 1024

LEAST = 8 * MIB
"""Bytes that the data of a Redis may take at least."""


def parse_size(size: str) -> int:
    """Return a size such as `128M` or `2G` in bytes; raise UserError for what is none."""
    found = re.fullmatch(r"([1-9][0-9]{0,5})([MG])", size)
    if not found:
        raise UserError(f"{size!r} is no size; allowed is a whole number with M (MiB) or G (GiB), such as 128M or 2G")
    return int(found[1]) * MIB * (1024 if found[2] == "G" else 1)
