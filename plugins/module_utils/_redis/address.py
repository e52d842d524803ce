# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the Redis of an app is on its host, and how the app is told of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ansible_collections.webstack.flask.plugins.module_utils._layout import LOCK_ROOT, UNIT_ROOT, check_name

SOCKET_ROOT = LOCK_ROOT / "redis"
DATA_ROOT = Path("/var/lib/webstack-flask/redis")
CONFIG_ROOT = Path("/etc/webstack-flask/redis")

VARIABLES = ("REDIS_URL", "REDIS_SOCKET")
"""The environment variables that tell an app of its Redis."""

SCHEMES = {"unix": "db=0", "redis+socket": "virtual_host=0", "redis+unix": "db=0"}
"""How URLs of a Redis begin that listens on a socket, each with how such a URL names the first of its databases.

The first is that of redis-py, the second that of Celery (kombu), and the third that of Flask-Limiter (limits): none takes another's.
"""


@dataclass(frozen=True)
class RedisLayout:
    """The paths of the Redis of one app, its unit and its account."""

    name: str

    @classmethod
    def of(cls, name: str) -> RedisLayout:
        """Return the layout of the Redis of the app `name`."""
        return cls(check_name(name))

    @property
    def unit(self) -> str:
        """The unit in which it runs. It belongs to no release, and goes on through all switches."""
        return f"{self.name}.redis.service"

    @property
    def unit_file(self) -> Path:
        """File of that unit."""
        return UNIT_ROOT / self.unit

    @property
    def account(self) -> str:
        """Account as which it runs: the app cannot touch its files, and it cannot touch those of the app."""
        return f"_redis-{self.name}"

    @property
    def comment(self) -> str:
        """By it the account is known as ours."""
        return f"runs the Redis of {self.name} (webstack.flask)"

    @property
    def socket(self) -> Path:
        """The socket on which it listens. Into the directory only its account and the app's group may go."""
        return SOCKET_ROOT / self.name / "redis.sock"

    @property
    def data(self) -> Path:
        """Directory of its data, which stay when the app goes."""
        return DATA_ROOT / self.name

    @property
    def config(self) -> Path:
        """Its configuration. It stays with the data, because it says in which of their files to look."""
        return CONFIG_ROOT / f"{self.name}.conf"

    @property
    def password(self) -> Path:
        """File with the password by which root looks after it. The app has none, and needs none."""
        return CONFIG_ROOT / f"{self.name}.password"


def list_variables(name: str, scheme: str) -> dict[str, str]:
    """Return the environment variables by which an app is told of its Redis."""
    socket = RedisLayout.of(name).socket
    return {"REDIS_URL": f"{scheme}://{socket}?{SCHEMES[scheme]}", "REDIS_SOCKET": str(socket)}
