# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The error that ends a run because of something that its user can fix."""

from __future__ import annotations


class UserError(Exception):
    """An error for the user, with a message that says what to do."""
