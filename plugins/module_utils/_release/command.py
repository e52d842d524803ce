# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands that run before a release takes traffic, such as a migration of its database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ansible_collections.webstack.flask.plugins.module_utils._layout import AppLayout
from ansible_collections.webstack.flask.plugins.module_utils._release.failure import ReleaseFailed
from ansible_collections.webstack.flask.plugins.module_utils._release.hints import find_hints
from ansible_collections.webstack.flask.plugins.module_utils._release.release import holds_code
from ansible_collections.webstack.flask.plugins.module_utils._release.seam import Host
from ansible_collections.webstack.flask.plugins.module_utils._release.source import Source
from ansible_collections.webstack.flask.plugins.module_utils._systemd import sandbox
from ansible_collections.webstack.flask.plugins.module_utils._systemd.log_lines import find_last_words
from ansible_collections.webstack.flask.plugins.module_utils._systemd.shell import wrap

_OUTPUT_LINES = 40
_PAUSE = 0.2


@dataclass(frozen=True)
class Terms:
    """How the commands of a release run."""

    confinement: Sequence[str]
    """What the app's unit says of what it may do, as lines `Name=value`."""

    chdir: str
    env_files: Sequence[str]
    timeout: float


def run_command(layout: AppLayout, host: Host, release: str, command: str, terms: Terms, kind: str) -> None:
    """Run a shell command as the app's user, with the code, the environment and the variables of a release.

    The command reaches the shell byte for byte. It runs in a transient systemd service of a fixed name: it ends after its time limit
    even if this process does not live that long, nothing that it has started outlives it, it can do no more than the app itself, and it
    never runs twice at the same time.

    Raise ReleaseFailed if it fails, which says that it is such a `kind` of command.
    """
    outcome = host.commands.run(
        layout.command_unit,
        wrap(command, terms.env_files, str(layout.release(release))),
        description=f"{kind} of {layout.name}, release {release}",
        properties=list_properties(layout, release, terms.confinement, terms.chdir),
        variables=list_variables(layout, release),
        timeout=terms.timeout,
    )
    if outcome.status == 0:
        return
    reason = f"took more than {terms.timeout:g} s and was stopped" if outcome.late else f"failed with exit status {outcome.status}"
    lines = find_last_words(outcome.said, _OUTPUT_LINES)
    output = [f"  {line}" for line in lines or ["(nothing)"]]
    source = Source.of(host, layout.release(release))
    found = find_hints(lines, str(layout.root), lambda path: holds_code(layout, host, release, path), source)
    hints = [f"Hint: {hint}." for hint in found]
    raise ReleaseFailed("\n".join([f"the {kind} `{command}` of release {release} {reason}. Its output:", *output, *hints]))


def end_earlier(layout: AppLayout, host: Host, timeout: float) -> None:
    """See that no command of a run that was cut off goes on: it has `timeout` seconds to finish, lest half a migration be left."""
    deadline = host.clock.monotonic() + timeout
    while host.commands.is_there(layout.command_unit) and host.clock.monotonic() < deadline:
        if host.units.show([layout.command_unit])[layout.command_unit].active not in ("active", "activating", "deactivating"):
            break
        host.clock.sleep(_PAUSE)
    host.commands.end(layout.command_unit)


def list_properties(layout: AppLayout, release: str, confinement: Sequence[str], chdir: str) -> list[str]:
    """Return the lines that describe the unit of a command. What the app's own unit says comes last, and counts."""
    directory = layout.release(release)
    own = {
        **sandbox.LIMITS,
        "User": layout.name,
        "Group": layout.name,
        "WorkingDirectory": str(directory / "app" / chdir),
        "EnvironmentFile": str(directory / "env"),
        "SyslogIdentifier": layout.name,
    }
    return [*(f"{name}={value}" for name, value in own.items()), *confinement]


def list_variables(layout: AppLayout, release: str) -> dict[str, str]:
    """Return the variables that every command has, unless the release says otherwise."""
    return {
        "PATH": f"{layout.release(release)}/venv/bin:/usr/local/bin:/usr/bin:/bin",
        "HOME": str(layout.shared),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUNBUFFERED": "1",
        "FLASK_SKIP_DOTENV": "1",  # which files count is told by `env_files`, for the server as for the commands
        "WEBSTACK_FLASK_APP": layout.name,
        "WEBSTACK_FLASK_RELEASE": release,
        "WEBSTACK_FLASK_SHARED": str(layout.shared),
    }
