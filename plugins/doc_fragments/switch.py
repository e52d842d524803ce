# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the modules that switch releases have in common in their documentation."""

from __future__ import annotations


class ModuleDocFragment:
    """The options of options.SWITCH_OPTIONS and the wait for the lock, in words."""

    DOCUMENTATION = r"""
options:
  apps:
    description: The apps.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the app, and of its user and units.
        type: str
        required: true
      root:
        description: Directory of the app. C(/var/www/<name>) by default.
        type: path
      health:
        description: How the app is asked for its health.
        type: dict
        suboptions:
          path:
            description: Path to ask for.
            type: str
            default: /
          statuses:
            description: Good status codes. None means any below 500.
            type: list
            elements: int
            default: []
          timeout:
            description: Timeout of one request, in seconds.
            type: float
            default: 5
          interval:
            description: Seconds between two questions.
            type: float
            default: 0.2
          deadline:
            description: Seconds within which a request has to succeed.
            type: float
            default: 60
      proxy:
        description: The web server through which users reach the app. Without it, the switch is not proven through one.
        type: dict
        suboptions:
          address:
            description: Address on which it listens.
            type: str
            default: 127.0.0.1
          port:
            description: Port on which it listens.
            type: int
            default: 80
          host:
            description: Name by which it knows the app.
            type: str
            required: true
          tls:
            description: Whether it is asked over an encrypted connection. Its certificate may be any.
            type: bool
            default: false
          certified:
            description: How it is asked instead, over an encrypted connection, as soon as there is a certificate for one of these names.
            type: dict
            suboptions:
              certificate:
                description: File with the certificate and its key.
                type: path
                required: true
              encrypted_port:
                description: Port on which it listens then.
                type: int
                default: 443
              names:
                description: Names by which it knows the app.
                type: list
                elements: str
                required: true
      drain:
        description: Seconds that the former release has to end its requests.
        type: float
        default: 30
      watch:
        description: Seconds for which the release is watched after the switch, with the former one still warm.
        type: float
        default: 1
  lock_timeout:
    description: Seconds to wait for another run that is changing the same app.
    type: float
    default: 300
"""
