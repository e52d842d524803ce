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
  - The apps are taken side by side, those that use an internal service after it; when one fails, the others still get their turn, and the
    module fails at the end.
  - Apps of one I(apps[].group) are one transaction. All are healthy before the first link moves, and all are proven before the first is
    written down as good; when one is no good, all stay at the releases that they have, or return to them.
version_added: 0.1.0
author: webstack.flask contributors (@webstack)
extends_documentation_fragment: webstack.flask.switch
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
        description: Text of the gunicorn configuration file. Empty for an app without a web process, which has processes and jobs alone.
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
          proxy_protocol:
            description: Whether it has to be told by the PROXY protocol who asks, because it answers to nobody else.
            type: bool
            default: false
          internal:
            description: Whether the app is an internal service, to which the host says a word of its own.
            type: bool
            default: false
          proof:
            description: File that lets the host pass the gates of the app's site, as the role nginx_site writes it. It may be missing.
            type: path
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
      services:
        description: Internal services that the app calls. The URL of each, with a word that the host makes, is in a variable.
        type: list
        elements: dict
        default: []
        suboptions:
          name:
            description: Name of the service.
            type: str
            required: true
          variable:
            description: The variable.
            type: str
            required: true
          address:
            description: Address of the service.
            type: str
            required: true
          port:
            description: Its port.
            type: int
            required: true
          callers:
            description: File of nginx that lets the app in. A release is not begun before it does.
            type: path
            required: true
      commands:
        description: Shell commands that the release runs once before it takes traffic, as the app's user, such as C(flask db upgrade).
        type: list
        elements: str
        default: []
      database:
        description:
          - The app has a PostgreSQL database of its own, as M(webstack.flask.databases) makes it, or on another host, and I(variables) tell
            of it.
          - Where users were taken to one beside it, by M(webstack.flask.rollback), the release gets that one.
        type: dict
        suboptions:
          dumps:
            description: How many dumps of it are kept, of which one is written before I(commands) run. With 0 none is written.
            type: int
            default: 3
          ca:
            description:
              - CAs, in PEM, of which a server on another host may have its certificate, where I(variables) name a file below the app's root
                for them.
            type: str
      setup:
        description:
          - Shell commands that run once in the life of I(database), before I(commands), as the app's user.
          - The database remembers them. One that has data already is passed over.
        type: list
        elements: str
        default: []
      processes:
        description: What the release runs besides its web process, for as long as it is the one that users reach.
        type: list
        elements: dict
        default: []
        suboptions:
          name:
            description: Name of the process, a part of its unit's.
            type: str
            required: true
          unit:
            description: Text of its systemd service.
            type: str
            required: true
          count:
            description: How many of it run.
            type: int
            default: 1
          exclusive:
            description: Whether two of it must never run at a time.
            type: bool
            default: false
          watch:
            description: Seconds for which one that has started must stay up.
            type: float
            default: 5
      schedules:
        description: What the app runs at certain times, in the release that users reach then.
        type: list
        elements: dict
        default: []
        suboptions:
          name:
            description: Name of the job, a part of its units'.
            type: str
            required: true
          unit:
            description: Text of its systemd service.
            type: str
            required: true
          at:
            description: When it runs, as a calendar event of systemd with a time zone.
            type: str
            required: true
          missed:
            description: What becomes of a run for whose time the host was off, whether it is made good at boot.
            type: str
            choices: [run, skip]
            default: run
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
      public:
        description:
          - Directories that are, or lie in, directories of I(shared), and that the group I(web_group) may read with all that is and will be
            in them, by POSIX access lists. The group is let out of all others.
        type: list
        elements: str
        default: []
      group:
        description:
          - Apps that have the same are taken to their releases together, all or none of them, and have to be given in one call.
          - One that is the only one of its group is on its own.
        type: str
        default: ""
      keep:
        description: How many verified releases to keep besides the current one.
        type: int
        default: 3
      warn_of_threads:
        description: Whether to warn, when the release changes, of packages in its environment that are not made for requests in threads.
        type: bool
        default: false
  web_group:
    description: Group of the web server, which may read what is I(public) of the apps' data.
    type: str
    default: www-data
  sites_stay:
    description:
      - Whether nobody changes the sites of the apps afterwards.
      - An app that has a web process is then not taken to a release without one, behind which its site would answer 502 Bad Gateway.
    type: bool
    default: false
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

from collections.abc import Mapping
from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._host.acts import list_secrets, tell_switch, write_down
from ansible_collections.webstack.flask.plugins.module_utils._host.capacity import count_workers
from ansible_collections.webstack.flask.plugins.module_utils._layout import AppLayout
from ansible_collections.webstack.flask.plugins.module_utils._outcomes import FlaskModule, exit_with
from ansible_collections.webstack.flask.plugins.module_utils._release.deploy import deploy_party
from ansible_collections.webstack.flask.plugins.module_utils._release.groups import Party
from ansible_collections.webstack.flask.plugins.module_utils._release.host import REAL
from ansible_collections.webstack.flask.plugins.module_utils._release.joint import attend_parties
from ansible_collections.webstack.flask.plugins.module_utils._release.options import SWITCH_OPTIONS
from ansible_collections.webstack.flask.plugins.module_utils._release.threads import describe_unfit, list_packages
from ansible_collections.webstack.flask.plugins.module_utils._side_by_side import App
from ansible_collections.webstack.flask.plugins.module_utils._webstack.install import ensure_command

_MEMORY = 256
"""MiB that a release may need while it starts, so that a small host starts one after the other."""


def main() -> None:
    """Run the module."""
    module = FlaskModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    diffs = []

    def attend(party: Party) -> dict[str, dict[str, Any]]:
        described = Party([{**app, **{key: module.params[key] for key in ("web_group", "sites_stay")}} for app in party.apps])
        attended = deploy_party(described, module.params["lock_timeout"], REAL, check=module.check_mode)
        for app in party.apps:
            outcome, diff = attended[app["name"]]
            if outcome["changed"]:
                diffs.append(diff)
                if app["warn_of_threads"]:
                    warn_of_threads(app)
        return {name: outcome for name, (outcome, _diff) in attended.items()}

    def warn_of_threads(app: dict[str, Any]) -> None:
        environment = AppLayout.of(app["name"], app["root"]).environment(app["environment"] or "unknown")
        if warning := describe_unfit(app["name"], list_packages(environment)):
            module.warn(warning)

    def done(app: App, outcome: Mapping[str, Any], seconds: float) -> None:
        if not module.check_mode:
            # What fails with one of a group is quoted for the others.
            secrets = [secret for each in module.params["apps"] for secret in list_secrets(each)]
            write_down(tell_switch("deploy", app["name"], outcome, version=app["version"]), seconds, secrets, module.warn)

    failed: dict[str, Any] = {"id": None, "previous": None, "current": None, "changed": False, "notes": []}
    outcomes = attend_parties(module.params["apps"], attend, failed, workers=count_workers(_MEMORY), done=done)
    installed = ensure_command(check=module.check_mode)
    exit_with(module, "releases", outcomes, changed=installed, defer_errors=module.params["defer_errors"], diff=diffs)


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
            "services": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {
                    **{name: {"type": "str", "required": True} for name in ("name", "variable", "address")},
                    "port": {"type": "int", "required": True},
                    "callers": {"type": "path", "required": True},
                },
            },
            "commands": {"type": "list", "elements": "str", "default": []},
            "database": {"type": "dict", "options": {"dumps": {"type": "int", "default": 3}, "ca": {"type": "str"}}},
            "setup": {"type": "list", "elements": "str", "default": []},
            "processes": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {
                    "name": {"type": "str", "required": True},
                    "unit": {"type": "str", "required": True},
                    "count": {"type": "int", "default": 1},
                    "exclusive": {"type": "bool", "default": False},
                    "watch": {"type": "float", "default": 5},
                },
            },
            "schedules": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {
                    "name": {"type": "str", "required": True},
                    "unit": {"type": "str", "required": True},
                    "at": {"type": "str", "required": True},
                    "missed": {"type": "str", "choices": ["run", "skip"], "default": "run"},
                },
            },
            "command_timeout": {"type": "float", "default": 300},
            "chdir": {"type": "str", "default": ""},
            "env_files": {"type": "list", "elements": "str", "default": []},
            "shared": {"type": "dict", "options": _SHARED_OPTIONS, "apply_defaults": True},
            "public": {"type": "list", "elements": "str", "default": []},
            "keep": {"type": "int", "default": 3},
            "warn_of_threads": {"type": "bool", "default": False},
        },
    },
    "lock_timeout": {"type": "float", "default": 300},
    "web_group": {"type": "str", "default": "www-data"},
    "sites_stay": {"type": "bool", "default": False},
    "defer_errors": {"type": "bool", "default": False},
}


if __name__ == "__main__":
    main()
