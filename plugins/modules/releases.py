#!/usr/bin/python
# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: releases
short_description: Take each app to the release that is described, without losing a request
description:
  - Puts one release per app on disk (a build, an environment and a configuration), starts it beside the live one, asks it
    for its health over its own socket, points the app's C(current) link at it, proves through the web server that it is the
    one that answers, and stops the former release when its requests have ended.
  - All of it happens in one process on the host, which holds a kernel lock. A release that is no good never gets a request,
    or loses them again to the former one, which is still warm.
  - The apps are taken one after another; when one fails, the others still get their turn, and the module fails at the end.
version_added: 0.1.0
author: webstack.flask contributors (@webstack)
options:
  apps:
    description: The apps, each with the release it is to run.
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
      build:
        description: Identifier of a build below C(builds/). Unset where a check run cannot know it.
        type: str
      environment:
        description: Identifier of an environment below C(environments/). Unset where a check run cannot know it.
        type: str
      version:
        description: What people call this version, a branch or a tag for instance. Does not count for the release's identity.
        type: str
        default: ""
      variables:
        description: The app's environment variables, as a JSON object in Base64, so that they are one secret and not many.
        type: str
        default: e30=
      gunicorn_conf:
        description: Text of the gunicorn configuration file.
        type: str
        required: true
      service:
        description: Text of the systemd service template.
        type: str
        required: true
      socket:
        description: Text of the systemd socket template.
        type: str
        required: true
      drop_in:
        description: Text of a systemd drop-in for the service of this release alone. Empty for none.
        type: str
        default: ""
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
      commands:
        description: Shell commands that the release runs once before it takes traffic, as the app's user, such as C(flask db upgrade).
        type: list
        elements: str
        default: []
      command_timeout:
        description: Seconds that each of them may take.
        type: float
        default: 300
      chdir:
        description: Directory of the source in which they run.
        type: str
        default: ""
      env_files:
        description:
          - Files of the source whose variables the commands get, besides I(variables), which win. The environment's own
            python-dotenv reads them. For the app itself the configuration file says so.
        type: list
        elements: str
        default: []
      drain:
        description: Seconds that the former release has to end its requests.
        type: float
        default: 30
      watch:
        description: Seconds for which the new release is watched after the switch, with the former one still warm.
        type: float
        default: 1
      shared:
        description: Data that outlives releases. In the build each place is a link to the same path below the app's shared directory.
        type: dict
        suboptions:
          directories:
            description: Directories, made if they are not there, with what the source has in them.
            type: list
            elements: str
            default: []
          files:
            description: Files, which begin with what the source has in them.
            type: list
            elements: str
            default: []
      keep:
        description: How many verified releases to keep besides the current one.
        type: int
        default: 3
  lock_timeout:
    description: Seconds to wait for another run that is changing the same app.
    type: float
    default: 300
  defer_errors:
    description:
      - Whether the module succeeds although some of the apps are not where they should be.
      - Whoever sets it looks at each C(error) in RV(releases) later.
    type: bool
    default: false
attributes:
  check_mode:
    support: full
    description: Predicts whether the release changes.
  diff_mode:
    support: full
    description: Shows the release and its configuration before and after; of environment variables, the names only.
  platform:
    support: full
    platforms: debian
    description: Needs systemd.
"""

EXAMPLES = r"""
- name: Run the release
  webstack.flask.releases:
    apps:
      - name: shop
        build: 0123456789ab
        environment: ba9876543210
        gunicorn_conf: "{{ lookup('ansible.builtin.template', 'gunicorn.conf.py.j2') }}"
        service: "{{ lookup('ansible.builtin.template', 'shop@.service.j2') }}"
        socket: "{{ lookup('ansible.builtin.template', 'shop@.socket.j2') }}"
        proxy:
          host: shop.example.com
"""

RETURN = r"""
releases:
  description: What became of each app, by name.
  type: dict
  returned: always
  contains:
    id:
      description: The release that was described.
      type: str
    current:
      description: The release that users reach now.
      type: str
    previous:
      description: The release that users reached before.
      type: str
    changed:
      description: Whether anything was changed.
      type: bool
    notes:
      description: What was done, in words.
      type: list
      elements: str
    error:
      description: Why the app is not where it should be; absent when it is.
      type: str
"""

import base64
import json
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._host.files import read_link, read_text
from ansible_collections.webstack.flask.plugins.module_utils._layout import AppLayout
from ansible_collections.webstack.flask.plugins.module_utils._outcomes import FlaskModule, for_each_app, list_errors
from ansible_collections.webstack.flask.plugins.module_utils._release.command import end_earlier, run_release_command
from ansible_collections.webstack.flask.plugins.module_utils._release.release import (
    ReleaseSpec,
    ensure_app_account,
    ensure_app_directories,
    ensure_release,
    ensure_units,
    prune,
    read_record,
)
from ansible_collections.webstack.flask.plugins.module_utils._release.switch import ReleaseFailed, Switch
from ansible_collections.webstack.flask.plugins.module_utils._release.transaction import (
    SWITCH_OPTIONS,
    change_app,
    note,
    read_switch,
    recover,
    retire_others,
    switch_to,
)
from ansible_collections.webstack.flask.plugins.module_utils._source.shared_data import ensure_shared
from ansible_collections.webstack.flask.plugins.module_utils._systemd.directives import list_confinement


def read_spec(app: dict[str, Any]) -> ReleaseSpec:
    """Return what the user wants to run; raise UserError, before anything is changed, if it cannot be."""
    spec = ReleaseSpec(
        layout=AppLayout.of(app["name"], app["root"]),
        build=app["build"] or None,
        environment=app["environment"] or None,
        variables=json.loads(base64.b64decode(app["variables"])),
        gunicorn_conf=app["gunicorn_conf"],
        service=app["service"],
        socket=app["socket"],
        drop_in=app["drop_in"],
        commands=tuple(app["commands"]),
        version=app["version"],
        health=app["health"],
    )
    problems = spec.find_problems()
    if problems:
        raise UserError("nothing was changed, because " + "; ".join(problems))
    return spec


def converge(app: dict[str, Any], spec: ReleaseSpec, switch: Switch) -> bool:
    """Bring one app to its release; return whether anything had to be changed."""
    layout = spec.layout
    end_earlier(layout, app["command_timeout"])
    try:
        changed = put_in_place(spec, app["env_files"], app["shared"]) | recover(layout, switch)
        changed |= reach(app, spec, switch)
        changed |= retire_others(switch, spec.id)
    except Exception:
        with suppress(Exception):  # the reason of the failure matters more than tidiness
            retire_others(switch, switch.current)
            prune(layout, switch.current, app["keep"])
        raise
    if changed:
        prune(layout, spec.id, app["keep"])
    return changed


def put_in_place(spec: ReleaseSpec, env_files: Sequence[str], shared: Mapping[str, Sequence[str]]) -> bool:
    """Make the accounts, directories, units and files of the release; return whether any was missing."""
    layout = spec.layout
    parts = {"build": (spec.build, layout.builds), "environment": (spec.environment, layout.environments)}
    for kind, (identifier, directory) in parts.items():
        if not identifier or not (directory / identifier).is_dir():
            raise UserError(f"the {kind} {identifier!r} of {layout.name} is not on the host, below {directory}")
    for file in env_files:
        if not (layout.build(spec.build or "") / file).is_file():
            raise UserError(f"env_files of {layout.name} names {file!r}, which the source does not have")
    made = ensure_app_account(layout, check=False)
    made |= ensure_app_directories(layout, check=False)
    made |= ensure_shared(layout, layout.build(spec.build or ""), **shared, check=False)
    made |= ensure_units(spec, check=False)
    return made | ensure_release(spec, check=False)


def reach(app: dict[str, Any], spec: ReleaseSpec, switch: Switch) -> bool:
    """Make users reach the release; return whether they did not."""
    release = spec.id or ""
    if switch.current == release:
        mended = switch.repair(release)
        switch.verify(release)
        record = read_record(spec.layout, release)
        if record and not record.healthy:
            note(spec.layout, release, lambda found: found.mark_verified(time.time()))
        return mended
    run_commands(app, spec, release)
    switch_to(spec.layout, switch, release)
    return True


def run_commands(app: dict[str, Any], spec: ReleaseSpec, release: str) -> None:
    """Run the release commands, once in the life of a release."""
    record = read_record(spec.layout, release)
    if not spec.commands or (record and record.commands_run):
        return
    try:
        for command in spec.commands:
            confinement = list_confinement(spec.service, spec.drop_in, app=spec.layout.name, release=release)
            run_release_command(
                spec.layout, release, command, confinement, chdir=app["chdir"], env_files=app["env_files"], timeout=app["command_timeout"]
            )
    except ReleaseFailed as failure:
        reason = str(failure)
        note(spec.layout, release, lambda found: found.mark_failed(time.time(), reason))
        raise
    note(spec.layout, release, lambda found: found.mark_commands_run(time.time()))


def predict(spec: ReleaseSpec, shared: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Return what `converge` would do, without doing it."""
    target = read_link(spec.layout.current)
    previous = Path(target).name if target else None
    changed = ensure_app_account(spec.layout, check=True)
    changed |= ensure_app_directories(spec.layout, check=True)
    changed |= ensure_shared(spec.layout, spec.layout.build(spec.build or "unknown"), **shared, check=True)
    changed |= ensure_units(spec, check=True)
    changed |= ensure_release(spec, check=True) or spec.id is None or spec.id != previous
    return {"previous": previous, "current": previous, "changed": changed, "notes": []}


def describe_state(spec: ReleaseSpec, release: str | None, *, wanted: bool) -> str:
    """Return the text to compare for a diff: of environment variables, the names alone."""
    layout = spec.layout
    conf = spec.gunicorn_conf if wanted else read_text(layout.release(release) / "gunicorn.conf.py") if release else None
    service = spec.service if wanted else read_text(layout.service_template)
    socket = spec.socket if wanted else read_text(layout.socket_template)
    drop_in = spec.drop_in if wanted else read_text(layout.drop_in(release)) if release else None
    record = read_record(layout, release) if release and not wanted else None
    variables = sorted(spec.variables) if wanted else record.variables if record else ()
    parts = {
        "current": f"{release}\n" if release else None,
        "env (names only)": "".join(f"{name}\n" for name in variables) if release else None,
        "gunicorn.conf.py": conf,
        str(layout.service_template): service,
        str(layout.socket_template): socket,
        "release.conf": drop_in,
    }
    return "".join(f"--- {name}\n{text}" for name, text in parts.items() if text)


def main() -> None:
    """Run the module."""
    module = FlaskModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    diffs = []

    def attend(app: dict[str, Any]) -> dict[str, Any]:
        outcome, diff = deploy(app, read_spec(app), module.params["lock_timeout"], check=module.check_mode)
        if outcome["changed"]:
            diffs.append(diff)
        return outcome

    failed: dict[str, Any] = {"id": None, "previous": None, "current": None, "changed": False, "notes": []}
    outcomes = for_each_app(module.params["apps"], attend, failed)
    errors = list_errors(outcomes)
    result = {"changed": any(outcome["changed"] for outcome in outcomes.values()), "releases": outcomes, "diff": diffs}
    if errors and not module.params["defer_errors"]:
        module.fail_json(msg="\n".join(errors), **result)
    module.exit_json(**result)


def deploy(app: dict[str, Any], spec: ReleaseSpec, lock_timeout: float, *, check: bool) -> tuple[dict[str, Any], dict[str, str]]:
    """Bring one app to its release, or tell what that would change; return what became of it, and the difference."""
    layout, switch = spec.layout, read_switch(app, spec.layout)
    before = describe_state(spec, switch.current, wanted=False)
    outcome = predict(spec, app["shared"]) if check else change_app(layout, switch, lock_timeout, lambda: converge(app, spec, switch))
    after = describe_state(spec, spec.id or "(known when the build is)", wanted=True)
    diff = {"before_header": layout.name, "after_header": layout.name, "before": before, "after": after}
    return {"id": spec.id, **outcome}, diff


_SHARED_OPTIONS: dict[str, Any] = {kind: {"type": "list", "elements": "str", "default": []} for kind in ("directories", "files")}

ARGUMENT_SPEC: dict[str, Any] = {
    "apps": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            **SWITCH_OPTIONS,
            "build": {"type": "str"},
            "environment": {"type": "str"},
            "version": {"type": "str", "default": ""},
            "variables": {"type": "str", "default": "e30=", "no_log": True},
            "gunicorn_conf": {"type": "str", "required": True},
            "service": {"type": "str", "required": True},
            "socket": {"type": "str", "required": True},
            "drop_in": {"type": "str", "default": ""},
            "commands": {"type": "list", "elements": "str", "default": []},
            "command_timeout": {"type": "float", "default": 300},
            "chdir": {"type": "str", "default": ""},
            "env_files": {"type": "list", "elements": "str", "default": []},
            "shared": {"type": "dict", "options": _SHARED_OPTIONS, "apply_defaults": True},
            "keep": {"type": "int", "default": 3},
        },
    },
    "lock_timeout": {"type": "float", "default": 300},
    "defer_errors": {"type": "bool", "default": False},
}


if __name__ == "__main__":
    main()
