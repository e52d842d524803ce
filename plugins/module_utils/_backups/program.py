# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The program of the host that makes, tries, lists and restores backups. It needs nothing but Debian's Python."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence

from ansible_collections.webstack.flask.plugins.module_utils._backups.backup import make_backup
from ansible_collections.webstack.flask.plugins.module_utils._backups.repository import Repository
from ansible_collections.webstack.flask.plugins.module_utils._backups.restoration import (
    PARTS,
    describe_backups,
    describe_switch,
    list_backups,
    restore,
)
from ansible_collections.webstack.flask.plugins.module_utils._backups.settings import Settings, lock_file, read_settings
from ansible_collections.webstack.flask.plugins.module_utils._backups.state import (
    describe,
    find_complaints,
    read_state,
    show_size,
    with_error,
    with_good,
    write_state,
)
from ansible_collections.webstack.flask.plugins.module_utils._backups.verification import verify_newest
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._escapes import escape
from ansible_collections.webstack.flask.plugins.module_utils._host.audit import audited
from ansible_collections.webstack.flask.plugins.module_utils._host.lock import hold_lock
from ansible_collections.webstack.flask.plugins.module_utils._systemd import systemctl

_LOCK_TIMEOUT = 6 * 3600


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; return its exit status."""
    parser = argparse.ArgumentParser(prog="backups", description="Make, try, list and restore the backups of an app.")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, does in _COMMANDS.items():
        command = commands.add_parser(name, help=str(does.__doc__))
        command.add_argument("app", help="name of the app")
        if does is _restore:
            command.add_argument("--from", dest="wanted", required=True, help="beginning of the name of a backup, or `latest`")
            command.add_argument("--only", choices=PARTS, action="append", help="what is restored; by default all of it")
        if does is _list:
            command.add_argument("--json", action="store_true", help="tell it as JSON")
    options = parser.parse_args(arguments)
    try:
        settings = read_settings(options.app)
        return _COMMANDS[options.command](settings, options)
    except (UserError, OSError) as problem:
        sys.stderr.write(escape(f"{options.app}: {problem}\n"))
        return 1


def _say(words: str) -> None:
    sys.stdout.write(escape(f"{words}\n"))
    sys.stdout.flush()


def _record(
    settings: Settings, kind: str, act: Callable[[Settings, Repository, Callable[[str], object]], dict[str, object]]
) -> dict[str, object]:
    """Do something of which it is written down how it went, whatever ends it but a kill or a power cut."""
    try:
        known = act(settings, Repository(settings), _say)
    except BaseException as error:
        words = str(error) if isinstance(error, (UserError, OSError)) else f"{type(error).__name__}: {error}"
        write_state(settings.name, with_error(read_state(settings.name), kind, time.time(), settings.redact(words)))
        raise
    write_state(settings.name, with_good(read_state(settings.name), kind, time.time(), **known))
    return known


def _backup(settings: Settings, _options: argparse.Namespace) -> int:
    """Make a backup, and read it back."""
    with hold_lock(lock_file(settings.name), _LOCK_TIMEOUT, _say):
        known = _record(settings, "backup", make_backup)
        _say(f"{settings.name}: backup {known['snapshot']}, {known['files']} files, {show_size(float(str(known['bytes'])))}")
        try:
            Repository(settings).forget()
        except UserError as problem:
            words = f"this one is good, but those that are too old could not be taken away: {problem}"
            write_state(settings.name, with_error(read_state(settings.name), "backup", time.time(), words))
            raise
    return 0


def _verify(settings: Settings, _options: argparse.Namespace) -> int:
    """Restore the newest backup to see that it is good, and take away what was restored."""
    with hold_lock(lock_file(settings.name), _LOCK_TIMEOUT, _say):
        known = _record(settings, "verify", verify_newest)
    _say(f"{settings.name}: backup {known['snapshot']} is good")
    return 0


def _list(settings: Settings, options: argparse.Namespace) -> int:
    """List the backups, the newest first."""
    repository = Repository(settings)
    if options.json:
        _say(json.dumps(describe_backups(repository.list_snapshots(), read_state(settings.name)), indent=2))
        return 0
    lines = list_backups(repository.list_snapshots(), read_state(settings.name), repository.host)
    for line in lines or [f"there is no backup of {settings.name} yet"]:
        _say(line)
    return 0


def _status(settings: Settings, _options: argparse.Namespace) -> int:
    """Say how the last ones went; the exit status is 1 where something is wrong."""
    state = read_state(settings.name)
    complaints = find_complaints(state, settings.verify, time.time())
    for line in complaints or [describe(state)]:
        _say(f"{settings.name}: {line}")
    return 1 if complaints else 0


def _restore(settings: Settings, options: argparse.Namespace) -> int:
    """Restore a backup beside what the app has, or into its own places where these are empty."""
    repository, parts = Repository(settings), options.only or PARTS
    what, lock = f"{options.wanted}, {' and '.join(parts)}", lock_file(settings.name)
    with audited("restore", settings.name, what) as told, hold_lock(lock, _LOCK_TIMEOUT, _say):
        snapshot = repository.find(options.wanted)
        told.before = f"backup {snapshot.short}"
        found = restore(settings, repository, snapshot, parts, _say)
        told.after = " and ".join(found.values())
    if found.get("database") == settings.name or found.get("files") == str(settings.layout.shared):
        # What it has open is what was there before.
        systemctl.restart_running(f"{settings.name}@*.service", f"{settings.name}.*@*.service")
    for line in describe_switch(settings, found):
        _say(line)
    return 0


_COMMANDS: dict[str, Callable[[Settings, argparse.Namespace], int]] = {
    "backup": _backup,
    "verify": _verify,
    "list": _list,
    "status": _status,
    "restore": _restore,
}
