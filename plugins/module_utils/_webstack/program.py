# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command webstack: how the apps of a host are, what they say, and something run in one of them. It needs Debian's Python alone."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence

from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._escapes import escape
from ansible_collections.webstack.flask.plugins.module_utils._host.acts import tell_switch, write_down
from ansible_collections.webstack.flask.plugins.module_utils._host.audit import Act, audited, name_program
from ansible_collections.webstack.flask.plugins.module_utils._host.files import read_text
from ansible_collections.webstack.flask.plugins.module_utils._layout import AppLayout
from ansible_collections.webstack.flask.plugins.module_utils._release.host import REAL
from ansible_collections.webstack.flask.plugins.module_utils._release.record import ReleaseRecord
from ansible_collections.webstack.flask.plugins.module_utils._release.release import read_records
from ansible_collections.webstack.flask.plugins.module_utils._release.switch import read_current
from ansible_collections.webstack.flask.plugins.module_utils._webstack import backups, jobs, rollback
from ansible_collections.webstack.flask.plugins.module_utils._webstack.audit import find_wanted, list_acts
from ansible_collections.webstack.flask.plugins.module_utils._webstack.completion import Parser
from ansible_collections.webstack.flask.plugins.module_utils._webstack.logs import Wanted, list_failure, list_log_call
from ansible_collections.webstack.flask.plugins.module_utils._webstack.maintenance import close_site, find_since, open_site
from ansible_collections.webstack.flask.plugins.module_utils._webstack.once import choose_shell, run_once
from ansible_collections.webstack.flask.plugins.module_utils._webstack.reading import (
    find_app,
    find_failed_installation,
    list_apps,
    read_release,
    read_statuses,
)
from ansible_collections.webstack.flask.plugins.module_utils._webstack.restart import restart
from ansible_collections.webstack.flask.plugins.module_utils._webstack.show import (
    format_table,
    mark,
    show_age,
    show_bytes,
    show_left,
    show_moment,
)
from ansible_collections.webstack.flask.plugins.module_utils._webstack.status import (
    AppStatus,
    describe_releases,
    find_last_failure,
    sort_worst_first,
)

_GOOD, _BAD, _MISUSED = 0, 1, 2
_INSTALLATION_LINES = 20
_HEAD = (
    *("app", "release", "version", "since", "health", "memory", "restarts", "maintenance", "certificate", "backup", "verified"),
    "trouble",
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status: 1 where something is wrong with an app, 2 where the command was not understood."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    parser = argparse.ArgumentParser(
        prog="webstack", description="How the apps of this host are. Without APP it tells of all, the worst first.", usage=_USAGE
    )
    parser.add_argument("--json", action="store_true", help="tell it as JSON")
    parser.add_argument("app", nargs="?", metavar="APP", help="name of an app")
    parser.add_argument("command", nargs="?", choices=COMMANDS, default="status", metavar="COMMAND")
    # What follows the command is the command's own to read.
    number = _find_command(words)
    asked = find_wanted(words, COMMANDS)
    options = parser.parse_args([] if asked else words[: number + 1])
    if os.geteuid() != 0:
        parser.error("it reads what root alone may read; run it by sudo")
    try:
        if asked:
            _say(list_acts(*asked), safe=True)
            return _GOOD
        if options.app is None or (options.app == "status" and number == len(words)):
            return _show_all(is_json=options.json)
        layout = find_app(options.app)
        return COMMANDS[options.command](layout, make_parser(options.command, is_json=options.json).parse_args(words[number + 1 :]))
    except UserError as problem:
        sys.stderr.write(escape(f"webstack: {problem}\n"))
        return _MISUSED
    except KeyboardInterrupt:
        return 130


def _find_command(words: Sequence[str]) -> int:
    """Return the place of the command among the words: the second one that is no option."""
    plain = [number for number, word in enumerate(words) if not word.startswith("-")]
    return plain[1] if len(plain) > 1 else len(words)


def make_parser(command: str, *, is_json: bool = False) -> Parser:
    """Return what reads the words behind a command."""
    parser = Parser(prog=f"webstack APP {command}", description=COMMANDS[command].__doc__)
    parser.add_argument("--json", action="store_true", default=is_json, help="tell it as JSON")
    if command in ("run", "shell"):
        parser.add_argument("--release", help="beginning of the identifier of a release; by default it is the live one")
        parser.add_argument("--timeout", type=float, help="seconds after which it is ended; by default none")
    if command == "run":
        parser.add_argument("words", nargs="+", metavar="WORD", help="a program and its arguments, or one word that a shell reads")
    if command == "restart":
        parts = "web, or the name of a process; by default all of them, one after the other"
        parser.add_argument("parts", nargs="*", metavar="PART", help=parts)
    if command == "maintenance":
        parser.add_argument("state", nargs="?", choices=("on", "off"), help="on closes the site, off opens it; by default it is told which")
        parser.add_argument("--message", help="what the page says to visitors, unless the app has a page of its own")
    if command == "logs":
        parser.add_argument("part", nargs="?", help="web, nginx, deploy, backup, a process or a job; by default all")
        parser.add_argument("-f", "--follow", action="store_true", help="go on with what comes")
        parser.add_argument("-n", "--lines", type=int, default=50, help="so many lines at most; 50 by default")
        parser.add_argument("--since", help="from then on, such as '1 hour ago' or 2026-01-05")
        parser.add_argument("--grep", help="lines alone that match this regular expression")
    if command == "jobs":
        parser.add_argument("act", nargs="?", choices=jobs.ACTS, metavar="ACT", help=f"{', '.join(jobs.ACTS)}; by default they are listed")
        parser.add_argument("job", nargs="?", metavar="JOB", help="the job that is meant")
    if command == "backups":
        acts = f"{', '.join(backups.ACTS)}; by default they are listed"
        parser.add_argument("act", nargs="?", choices=backups.ACTS, metavar="ACT", help=acts)
    if command == "rollback":
        parser.add_argument("--release", help="beginning of the identifier of a release; by default it is the one before")
        parser.add_argument("--data", default="", help="with the data of then, too: `last`, or the name of a dump or database")
    return parser


def _show_all(*, is_json: bool) -> int:
    now = time.time()
    statuses = sort_worst_first(read_statuses(list_apps(), now))
    if is_json:
        _say([json.dumps([status.to_json() for status in statuses], indent=2)])
    else:
        lines = format_table(_HEAD, [_as_row(status, now) for status in statuses])
        colored = sys.stdout.isatty()
        _say([lines[0], *(mark(line, colored=colored and bool(status.troubles)) for line, status in zip(lines[1:], statuses))], safe=True)
    return _BAD if any(status.troubles for status in statuses) else _GOOD


def _as_row(status: AppStatus, now: float) -> list[str]:
    more = f" (and {len(status.troubles) - 1} more)" if len(status.troubles) > 1 else ""
    return [
        *(status.app, status.release or "", status.version[:12], show_age(status.since, now), status.health, show_bytes(status.memory)),
        *(str(status.restarts), show_age(status.maintenance, now), show_left(status.certificate_ends, now)),
        *(show_age(status.backup, now), show_age(status.verified, now)),
        f"{status.troubles[0].text.splitlines()[0][:100]}{more}" if status.troubles else "",
    ]


def _status(layout: AppLayout, options: argparse.Namespace) -> int:
    """Tell how the app is."""
    now = time.time()
    (status,) = read_statuses([layout.name], now)
    if options.json:
        _say([json.dumps(status.to_json(), indent=2)])
    else:
        told = zip(_HEAD[:-1], _as_row(status, now))
        lines = [f"{name:12} {value or '-'}" for name, value in told]
        _say([*lines, f"{'rollback to':12} {status.previous or '-'}", *(f"TROUBLE      {trouble.text}" for trouble in status.troubles)])
    return _BAD if status.troubles else _GOOD


def _releases(layout: AppLayout, options: argparse.Namespace) -> int:
    """List the releases that are on the host, the last one first."""
    told = describe_releases(read_records(layout, REAL), read_current(layout, REAL))
    if options.json:
        _say([json.dumps(told, indent=2)])
        return _GOOD
    rows = [[each["release"], each["version"][:12], show_moment(each["created"]), each["state"], each["database"]] for each in told]
    _say(format_table(("release", "version", "made", "state", "database"), rows))
    return _GOOD


def _logs(layout: AppLayout, options: argparse.Namespace) -> int:
    """Show what the app, its processes and jobs, nginx, and its deploys have said."""
    wanted = Wanted(options.part, options.lines, options.follow, options.since, options.grep)
    return subprocess.run(list_log_call(layout, _read_live(layout), wanted), check=False).returncode


def _read_live(layout: AppLayout) -> ReleaseRecord | None:
    live = read_current(layout, REAL)
    return next((each for each in read_records(layout, REAL) if each.id == live), None)


def _why(layout: AppLayout, options: argparse.Namespace) -> int:
    """Tell why the last deploy has failed."""
    records, live = read_records(layout, REAL), read_current(layout, REAL)
    record = find_last_failure(records, live)
    installed = find_failed_installation(layout, next((each for each in records if each.id == live), None))
    said = (read_text(layout.installation_log) or "").splitlines()[-_INSTALLATION_LINES:] if installed else []
    if options.json:
        told = {"release": record.id, "version": record.version, "failed": record.failed, "reason": record.reason} if record else None
        _say([json.dumps({"failure": told, "installation": {"failed": installed, "lines": said} if installed else None}, indent=2)])
        return _BAD if record or installed else _GOOD
    if record:
        _say(list_failure(layout.name, record, live))
    if installed:
        _say([f"an installation of packages has failed at {show_moment(installed)}. All of it is in {layout.installation_log}:", *said])
    if not record and not installed:
        _say([f"the last deploy of {layout.name} went well"])
    return _BAD if record or installed else _GOOD


def _run(layout: AppLayout, options: argparse.Namespace) -> int:
    """Run a command with the code, variables and sandbox of a release, as the app's user; its exit status is the command's."""
    command = options.words[0] if len(options.words) == 1 else shlex.join(options.words)
    with audited("run", layout.name, name_program(options.words)) as told:
        return _run_in(layout, options, command, told)


def _shell(layout: AppLayout, options: argparse.Namespace) -> int:
    """Open a shell with the app's own code: Flask's or Django's, if it is there, and otherwise Python's."""
    record = read_release(layout, options.release)
    directory = layout.release(record.id)
    code = directory / "app" / record.context.get("chdir", "")
    with audited("shell", layout.name) as told:
        return _run_in(layout, options, choose_shell(record.variables, code, directory / "venv"), told)


def _run_in(layout: AppLayout, options: argparse.Namespace, command: str, told: Act) -> int:
    terminal = sys.stdin.isatty() and sys.stdout.isatty()
    record = read_release(layout, options.release)
    told.before = told.after = record.id
    # Where the connection breaks, what runs ends by itself, and this is to live long enough to write down that it has.
    signal.signal(signal.SIGHUP, lambda _number, _frame: None)
    status = run_once(layout, record, command, terminal=terminal, timeout=options.timeout)
    told.error = f"ended by signal {-status}" if status < 0 else f"exit status {status}" if status else ""
    return status


def _restart(layout: AppLayout, options: argparse.Namespace) -> int:
    """Start the live release anew, or a part of it, without losing a request; the exit status is 1 where it does not come up well."""
    with audited("restart", layout.name, " ".join(options.parts)) as told:
        told.before = told.after = read_current(layout, REAL) or ""
        troubles = restart(layout, options.parts, lambda line: None if options.json else _say([line]))
        told.error = "; ".join(troubles)
    if options.json:
        _say([json.dumps({"ok": not troubles, "troubles": troubles}, indent=2)])
    else:
        _say(troubles or [f"{layout.name} is well"])
    return _BAD if troubles else _GOOD


def _jobs(layout: AppLayout, options: argparse.Namespace) -> int:
    """List the jobs and how they went; run one now, whose exit status comes back, or suspend or resume it."""
    if options.act and not options.job:
        raise UserError(f"`jobs {options.act}` needs the name of a job; there are: {', '.join(jobs.list_jobs(layout)) or 'none'}")
    if options.act:
        with audited(f"job {options.act}", layout.name, options.job) as done:
            status = _tell(lambda say: jobs.act_on_job(layout, options.act, options.job, say), is_json=options.json)
            done.error = f"exit status {status}" if status else ""
        return status
    told = jobs.read_jobs(layout)
    if options.json:
        _say([json.dumps(told, indent=2)])
    else:
        _say(format_table(jobs.HEAD, map(jobs.as_row, told)) if told else [f"{layout.name} has no jobs"])
    return _BAD if any(map(jobs.is_bad, told)) else _GOOD


def _backups(layout: AppLayout, options: argparse.Namespace) -> int:
    """List the backups that are in the repository; make one now, or restore the newest one to try it."""
    if options.act:
        with audited(f"backup {options.act}", layout.name) as done:
            status = _tell(lambda say: backups.act_on_backups(layout.name, options.act, say), is_json=options.json)
            done.error = f"exit status {status}" if status else ""
        return status
    told, now = backups.read_backups(layout.name), time.time()
    if options.json:
        _say([json.dumps(told, indent=2)])
    else:
        rows = [backups.as_row(backup, now) for backup in told["backups"]]
        _say(format_table(backups.HEAD, rows) if rows else ["there is none yet"] if told["ok"] else [])
        _say(f"TROUBLE  {trouble}" for trouble in told["troubles"])
    return _GOOD if told["ok"] else _BAD


def _rollback(layout: AppLayout, options: argparse.Namespace) -> int:
    """Take users back to the release before, or to another one, as playbooks/rollback.yml does."""
    release = read_release(layout, options.release).id if options.release else "previous"
    begun, what = time.monotonic(), f"with the data {options.data}" if options.data else ""
    outcomes = rollback.roll_back_here(layout, release, options.data)
    for name, outcome in outcomes.items():
        act = tell_switch("rollback", name, outcome, to=release, what=what)
        write_down(act, time.monotonic() - begun, (), _warn)
    is_good = not any("error" in outcome for outcome in outcomes.values())
    if options.json:
        _say([json.dumps({"ok": is_good, "releases": outcomes}, indent=2)])
    else:
        _say(line for name, outcome in outcomes.items() for line in rollback.describe_outcome(name, outcome))
    return _GOOD if is_good else _BAD


def _maintenance(layout: AppLayout, options: argparse.Namespace) -> int:
    """Close the site of the app for maintenance, open it again, or tell whether it is closed."""
    changed = False
    if options.state:
        with audited(f"maintenance {options.state}", layout.name):
            changed = close_site(layout, _read_live(layout), options.message) if options.state == "on" else open_site(layout)
    since = find_since(layout)
    if options.json:
        _say([json.dumps({"maintenance": since, "changed": changed}, indent=2)])
    else:
        _say([f"{layout.name} is open" if since is None else f"{layout.name} is closed for maintenance since {show_moment(since)}"])
    return _GOOD


def _tell(act: Callable[[Callable[[str], object]], int], *, is_json: bool) -> int:
    """Do something that has an exit status, and tell what it says; return the status."""
    said: list[str] = []
    status = act(said.append if is_json else lambda line: _say([line]))
    if is_json:
        _say([json.dumps({"ok": status == 0, "status": status, "lines": said}, indent=2)])
    return status


def _warn(words: str) -> None:
    sys.stderr.write(escape(f"WARNING: {words}\n"))


def _say(lines: Iterable[str], *, safe: bool = False) -> None:
    """Write lines; what a terminal would obey stands as an escape, unless they are `safe`."""
    for line in lines:
        sys.stdout.write(f"{line if safe else escape(line)}\n")


COMMANDS: dict[str, Callable[[AppLayout, argparse.Namespace], int]] = {
    "status": _status,
    "releases": _releases,
    "logs": _logs,
    "why": _why,
    "run": _run,
    "shell": _shell,
    "restart": _restart,
    "jobs": _jobs,
    "backups": _backups,
    "rollback": _rollback,
    "maintenance": _maintenance,
}
"""What may stand behind the name of an app."""

_USAGE = f"""webstack [--json]
       webstack [APP] audit [-n NUMBER] [--json]
       webstack [--json] APP [COMMAND] [OPTION …]     COMMAND is one of {", ".join(COMMANDS)}
       webstack APP COMMAND --help"""
