# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ends a run because of something that its user can mend."""

from __future__ import annotations


class UserError(Exception):
    """Something the user has to know, told in a sentence that says what to do."""
