# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the host keeps of the backups of an app: how they are made, in a file of root's, and how they went."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._host.files import read_text
from ansible_collections.webstack.flask.plugins.module_utils._layout import CACHE_ROOT, LOCK_ROOT, UNIT_ROOT, AppLayout, check_name

SETTINGS_ROOT = Path("/etc/webstack-flask/backups")
"""With a file for each app. It has the password."""

LAUNCHER = Path("/usr/local/lib/webstack-flask/backups")
"""The program of a host that makes and restores backups."""

STATE_ROOT = Path("/var/lib/webstack-flask/backups")
"""With a file for each app, and a directory for what is read or written while a backup is made, read back or restored."""

DAY = 24 * 3600
INTERVALS = {"daily": DAY, "weekly": 7 * DAY, "monthly": 31 * DAY, "never": 0}
"""How often a backup may be restored to see that it is good, in seconds."""

_CREDENTIALS = re.compile(r"(?<=://)[^/@\s]+(?=@)")


@dataclass(frozen=True)
class Settings:
    """How the backups of one app are made."""

    name: str
    to: str
    """A repository as restic(1) takes it."""

    password: str = field(repr=False)
    root: str = ""
    at: str = "02:30"
    keep: Mapping[str, int] = field(default_factory=dict)
    """How many are kept, by `daily`, `weekly` and so on."""

    verify: str = "weekly"
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    """What restic finds in its environment, such as the keys of a store."""

    database: bool = False
    port: int = 5432
    timeout: int = 6 * 3600
    """Seconds for each step."""

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Settings:
        """Return the settings that a file, or the module, tells."""
        return cls(**{key: value for key, value in told.items() if key in cls.__dataclass_fields__ and value is not None})

    @property
    def layout(self) -> AppLayout:
        """The paths of the app."""
        return AppLayout.of(self.name, self.root or None)

    @property
    def directory(self) -> Path | None:
        """The repository, where it is a directory of the host."""
        local = self.to.removeprefix("local:")
        return Path(local) if local.startswith("/") else None

    def format(self) -> str:
        """Return the text of the file."""
        return json.dumps(asdict(self), indent=2, sort_keys=True) + "\n"

    def redact(self, text: str) -> str:
        """Return a text without the secrets."""
        secrets = [self.password, *self.env.values()]
        for secret in sorted((each for each in secrets if len(each) > 3), key=len, reverse=True):
            text = text.replace(secret, "…")
        return _CREDENTIALS.sub("…", text)


def settings_file(name: str) -> Path:
    """Return the file with the settings of an app."""
    return SETTINGS_ROOT / f"{check_name(name)}.json"


def read_settings(name: str) -> Settings:
    """Return the settings of an app; raise UserError where it has none."""
    text = read_text(settings_file(name))
    if text is None:
        described = sorted(path.stem for path in SETTINGS_ROOT.glob("*.json"))
        raise UserError(
            f"the app {name} has no backups on this host, where {', '.join(described) or 'no app'} has; write `backup` into its entry of "
            "flask_apps, and run site.yml"
        )
    return Settings.of(json.loads(text))


def list_described() -> list[str]:
    """Return the apps that have settings on the host."""
    return sorted(path.stem for path in SETTINGS_ROOT.glob("*.json"))


def backup_unit(name: str) -> str:
    """Return the name of the unit that makes a backup, without its kind. No app has a dot in its name, and no release is called so."""
    return f"{name}.backup"


def verify_unit(name: str) -> str:
    """Return the name of the unit that restores the last backup to see that it is good, without its kind."""
    return f"{name}.verify"


def reader_unit(name: str) -> str:
    """Return the name of the transient unit in which restic reads the app's files."""
    return f"{name}.backup-reader.service"


def unit_files(name: str) -> list[Path]:
    """Return the files of the units of an app's backups."""
    return [UNIT_ROOT / f"{unit}.{kind}" for unit in (backup_unit(name), verify_unit(name)) for kind in ("service", "timer")]


def work_directory(name: str) -> Path:
    """Return the directory for what is written while a backup is made, read back or restored."""
    return STATE_ROOT / name


def cache_directory(name: str) -> Path:
    """Return the directory for what restic keeps of a repository; it may be thrown away."""
    return CACHE_ROOT / ".restic" / name


def lock_file(name: str) -> Path:
    """Return the file on which whoever works with the backups of an app holds a lock."""
    return LOCK_ROOT / f"{name}.backup.lock"
