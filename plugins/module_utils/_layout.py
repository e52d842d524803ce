# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The paths of an app on a host, and the names of its units and accounts."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError

NAME_PATTERN = re.compile(r"[a-z][a-z0-9_-]{0,24}")
"""An app's name is also a user, a directory and a unit: 25 characters leave room for `_build-` within
the 32 that useradd(8) allows."""

PROCESS_PATTERN = re.compile(r"[a-z][a-z0-9_-]{0,24}")
"""The name of a process or job is a part of its unit's, behind that of the app and a dot, which no app has in its name."""

_ROOT_PATTERN = re.compile(r"/[A-Za-z0-9_@+./-]{1,69}")
"""What can stand in a unit and in nginx's configuration as it is. A socket's path has 107 bytes at most, says unix(7)."""

CERTIFICATE_ROOT = Path("/etc/webstack-flask/certificates")
CACHE_ROOT = Path("/var/cache/webstack-flask")
LOG_ROOT = Path("/var/log/webstack-flask")
LOCK_ROOT = Path("/run/webstack-flask")
UNIT_ROOT = Path("/etc/systemd/system")
STAMP_ROOT = Path("/var/lib/systemd/timers")
GROUP_ROOT = Path("/var/lib/webstack-flask/groups")
"""Directory with a file for each group of apps that switch together."""

DATABASE_ROOT = Path("/var/lib/webstack-flask/databases")
"""Directory with a file for each app whose users have another database than the one that is called like the app."""

DUMP_ROOT = Path("/var/lib/webstack-flask/dumps")
"""Directory with one for each app, root's alone: its database as it was before release commands."""

SERVICE_NETWORK = "127.79.0.0/16"
"""Loopback addresses that are internal services' alone: what names none can be kept from all of them by one rule."""

SERVICE_PORT = 790
"""Privileged, so that no local user listens there while nginx does not; and no registered protocol's."""


def find_service_address(name: str) -> str:
    """Return the address of an internal service, which follows from its name: nothing has to be kept, and nobody to be asked."""
    number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big") % 65534 + 1
    return f"{SERVICE_NETWORK.rpartition('.0.0')[0]}.{number // 256}.{number % 256}"


def name_service_variable(name: str) -> str:
    """Return the environment variable that tells a caller of an internal service its URL."""
    return f"{name.upper().replace('-', '_')}_URL"


def check_name(name: str) -> str:
    """Return `name` if it can name an app, else raise UserError."""
    if not NAME_PATTERN.fullmatch(name):
        raise UserError(f"the app's name is {name!r}; allowed are 1 to 25 lower-case letters, digits, '-' and '_', beginning with a letter")
    return name


@dataclass(frozen=True)
class AppLayout:
    """The paths of one app. `root` is where it lives, /var/www/<name> by default."""

    name: str
    root: Path

    @classmethod
    def of(cls, name: str, root: str | None = None) -> AppLayout:
        """Return the layout of the app `name`, below `root` or in the usual place."""
        check_name(name)
        path = Path(root) if root else Path("/var/www") / name
        if not _ROOT_PATTERN.fullmatch(str(path)) or ".." in path.parts:
            raise UserError(
                f"the root of {name} is {str(path)!r}; it must be an absolute path of letters, digits and '_@+.-', "
                "without '..', and at most 70 characters long, because that of a socket is limited to 107"
            )
        return cls(name, path)

    @property
    def builds(self) -> Path:
        """Directory of the immutable copies of the app's source."""
        return self.root / "builds"

    @property
    def environments(self) -> Path:
        """Directory of the immutable virtualenvs."""
        return self.root / "environments"

    @property
    def releases(self) -> Path:
        """Directory of the releases."""
        return self.root / "releases"

    @property
    def shared(self) -> Path:
        """Directory of the app's own data, which outlives every release."""
        return self.root / "shared"

    @property
    def restored(self) -> Path:
        """Directory with what was restored from backups, each in a directory of its own, until somebody takes it away."""
        return self.root / "restored"

    @property
    def maintenance(self) -> Path:
        """File of root's that closes the app's site while it is there, and is the page that the site then shows."""
        return self.root / "maintenance.html"

    @property
    def authorities(self) -> Path:
        """Directory of the CAs by which releases know servers on other hosts, each under its digest."""
        return self.root / "authorities"

    def authority(self, identifier: str) -> Path:
        """Return the file of one of them."""
        return self.authorities / f"{identifier}.pem"

    @property
    def current(self) -> Path:
        """The one link that says which release users reach."""
        return self.root / "current"

    @property
    def previous(self) -> Path:
        """The link to the release that users reached before, for static files of pages that were loaded before a switch."""
        return self.root / "previous"

    @property
    def cache(self) -> Path:
        """Directory of what may be thrown away: the git mirror, pip's cache, scratch space."""
        return CACHE_ROOT / self.name

    @property
    def installation_log(self) -> Path:
        """File with all that the last installation that failed has said. It is root's."""
        return LOG_ROOT / f"{self.name}-installation.log"

    @property
    def lock(self) -> Path:
        """File on which a run holds a kernel lock while it changes the app."""
        return LOCK_ROOT / f"{self.name}.lock"

    @property
    def build_user(self) -> str:
        """Account that installs dependencies; it can write nothing that the app runs from."""
        return f"_build-{self.name}"

    @property
    def comment(self) -> str:
        """By it an account is known as the one that runs the app."""
        return f"runs {self.name} (webstack.flask)"

    @property
    def build_comment(self) -> str:
        """By it an account is known as the one that installs the app's dependencies."""
        return f"installs the dependencies of {self.name} (webstack.flask)"

    @property
    def work(self) -> Path:
        """Directory of what is needed while dependencies are installed; it does not stay."""
        return self.cache / "work"

    @property
    def build_unit(self) -> str:
        """Transient unit in which dependencies are installed."""
        return f"{self.name}-build.service"

    @property
    def command_unit(self) -> str:
        """Transient unit in which release commands run."""
        return f"{self.name}-release-command.service"

    @property
    def service_template(self) -> Path:
        """Unit file of which each release's service is an instance."""
        return UNIT_ROOT / f"{self.name}@.service"

    @property
    def socket_template(self) -> Path:
        """Unit file of which each release's socket is an instance."""
        return UNIT_ROOT / f"{self.name}@.socket"

    @property
    def places(self) -> Path:
        """Unit file with the places that every release waits for and may write to, as they are on this host."""
        return UNIT_ROOT / f"{self.name}@.service.d" / "places.conf"

    def drop_in(self, release: str) -> Path:
        """Return the unit file with what a release says of its service beyond the template."""
        return UNIT_ROOT / f"{self.service_unit(release)}.d" / "release.conf"

    def build(self, identifier: str) -> Path:
        """Return the directory of a build."""
        return self.builds / identifier

    def open_build(self, identifier: str) -> Path:
        """Return the directory of a build in which commands have yet to run."""
        return self.builds / f"{identifier}-open"

    def environment(self, identifier: str) -> Path:
        """Return the directory of an environment."""
        return self.environments / identifier

    def release(self, identifier: str) -> Path:
        """Return the directory of a release."""
        return self.releases / identifier

    def socket(self, release: str) -> Path:
        """Return the socket on which a release listens."""
        return self.release(release) / "gunicorn.sock"

    def service_unit(self, release: str) -> str:
        """Return the name of a release's service."""
        return f"{self.name}@{release}.service"

    def socket_unit(self, release: str) -> str:
        """Return the name of a release's socket unit."""
        return f"{self.name}@{release}.socket"

    def units(self, release: str) -> list[str]:
        """Return the names of the units by which a release answers users."""
        return [self.service_unit(release), self.socket_unit(release)]

    def process_unit(self, release: str, process: str, number: int = 1) -> str:
        """Return the name of a unit of one of a release's processes, of which several may run."""
        return f"{self.name}.{process}{'' if number == 1 else f'.{number}'}@{release}.service"

    def is_process(self, unit: str) -> bool:
        """Return whether a unit is that of a process of the app, and not somebody else's that is called alike."""
        return bool(re.fullmatch(rf"{self.name}\.{PROCESS_PATTERN.pattern}(\.\d+)?@[0-9a-f]{{12}}\.service", unit))

    @property
    def jobs(self) -> Path:
        """Link to the release in which jobs start: the one that was last seen to serve users, and never one that is about to be proven."""
        return self.root / "jobs"

    @property
    def suspended(self) -> Path:
        """Directory with an empty file for each job that somebody has suspended. It belongs to the app, and outlives every release."""
        return self.root / "suspended"

    @property
    def started(self) -> Path:
        """Directory with a file for each job: the times that have had their run. It belongs to the app, and outlives every release."""
        return self.root / "started"

    @property
    def switching(self) -> Path:
        """File that tells how the app is asked and switched, as the last deploy was told: whoever rolls back on the host needs it."""
        return self.root / "switching.json"

    def job_unit(self, release: str, job: str) -> str:
        """Return the name of the unit in which a job runs in a release."""
        return f"{self.name}.{job}.job@{release}.service"

    def run_unit(self, release: str, number: str) -> str:
        """Return the name of a unit in which somebody runs something by hand in a release."""
        return f"{self.name}.{number}.run@{release}.service"

    def starter_unit(self, job: str) -> str:
        """Return the name of the unit that starts a job in whichever release jobs start, and lasts as long as it."""
        return f"{self.name}.{job}.job.service"

    def timer_unit(self, job: str) -> str:
        """Return the name of the timer of a job."""
        return f"{self.name}.{job}.job.timer"

    def stamp(self, timer: str) -> Path:
        """Return the file in which systemd remembers when a timer has last elapsed."""
        return STAMP_ROOT / f"stamp-{timer}"

    def is_job(self, unit: str) -> bool:
        """Return whether a unit is that of a job of the app in a release."""
        return bool(re.fullmatch(rf"{self.name}\.{PROCESS_PATTERN.pattern}\.job@[0-9a-f]{{12}}\.service", unit))

    def is_schedule(self, unit: str) -> bool:
        """Return whether a unit is the timer or the starter of a job of the app."""
        return bool(re.fullmatch(rf"{self.name}\.{PROCESS_PATTERN.pattern}\.job\.(timer|service)", unit))

    @staticmethod
    def unit_file(unit: str) -> Path:
        """Return the file of a unit that is no instance of a template."""
        return UNIT_ROOT / unit
