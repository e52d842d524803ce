#!/usr/bin/python
# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: nginx_sites
short_description: Make nginx serve the given sites, and know that it does
description:
  - Puts the configuration of each site into C(sites-available), links it from C(sites-enabled), and takes away both of a site
    that is absent. Sites that are not named stay as they are.
  - Lets nginx test a copy of its whole configuration with the changes in it first. When nginx refuses it nothing is
    changed, and the message says whose file is at fault; a file that was broken before is told apart from a new one.
  - Starts nginx and enables it at boot, reloads it when it has not loaded what lies on disk, and waits until no process with the
    former configuration takes connections. When that fails, every former file is put back.
  - Makes the logs of each site before nginx does, so that they are readable for C(www-data) and the group C(adm) alone, and mends
    those that anybody may read.
  - A run that was killed between writing and reloading is made good by the next one.
  - Listens on IPv6 only where the kernel has it, switches HTTP/2 on as the host's version of nginx wants it, and leaves out HTTP/3
    where nginx has none.
  - Sees a certificate with a new content, and reloads nginx for it unless somebody else has done so, as nginx's answers tell.
version_added: 0.1.0
author: webstack.flask contributors (@webstack)
options:
  sites:
    description: The sites.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the site, from which those of its files are made.
        type: str
        required: true
      state:
        description: Whether nginx serves the site.
        type: str
        choices: [present, absent]
        default: present
      content:
        description:
          - The whole configuration file.
          - It must hold the words C(webstack.flask.nginx_site), by which later runs see that the file is not somebody else's.
        type: str
  http:
    description:
      - Configuration outside of any site that the sites rely on; it is there as long as one of them is.
      - It must hold the words C(webstack.flask.nginx_site) too.
    type: str
    required: true
  default_site:
    description:
      - Whether Debian's own site is enabled.
      - With V(absent), one that has been edited since its installation is somebody's site, and stays, with a warning.
    type: str
    choices: [present, absent]
    default: absent
  unknown_names:
    description:
      - What stands in a server for requests by names that no site has. There is one wherever a site of ours listens and nobody
        else has a server for such names. When it is empty there is none, and nginx's own rules apply.
    type: str
    default: ""
  remove_logs:
    description: Whether to delete the logs of the sites that are absent, rotated ones too.
    type: bool
    default: false
attributes:
  check_mode:
    support: full
    description:
      - The test by nginx happens too, unless a certificate is still to be made.
      - Without nginx on the host, Debian's package is taken to be installed next.
  diff_mode:
    support: full
    description: Shows every file and link.
  platform:
    support: full
    platforms: debian
    description: Needs nginx as Debian packages it, and systemd.
"""

EXAMPLES = r"""
- name: Serve a site
  webstack.flask.nginx_sites:
    sites:
      - name: shop
        content: |
          # webstack.flask.nginx_site
          server {
              listen 80;
              server_name shop.example.org;
              location / {
                  proxy_pass http://unix:/run/shop.sock;
              }
          }
      - name: former-shop
        state: absent
    http: |
      # webstack.flask.nginx_site
"""

RETURN = r"""
sites:
  description: What became of each site, by name; C(created), C(updated), C(removed) or C(unchanged).
  type: dict
  returned: success
  sample: {"shop": "created"}
default_site:
  description: Whether Debian's own site is enabled in the end.
  type: bool
  returned: success
action:
  description: What was done to nginx; C(started), C(reloaded), or an empty text.
  type: str
  returned: success
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._host.lock import hold_lock
from ansible_collections.webstack.flask.plugins.module_utils._layout import LOCK_ROOT
from ansible_collections.webstack.flask.plugins.module_utils._nginx import service, staging
from ansible_collections.webstack.flask.plugins.module_utils._nginx.config import (
    OWNERSHIP_MARK,
    adapt_to_version,
    disable_ipv6,
    explain_refusal,
    find_encrypted,
    find_ignored_names,
    find_refusal,
    is_ours,
)
from ansible_collections.webstack.flask.plugins.module_utils._nginx.plan import (
    NginxLayout,
    Observed,
    Plan,
    Site,
    diff_changes,
    digest_active,
    find_foreign,
    list_conflicts,
    make_plan,
)
from ansible_collections.webstack.flask.plugins.module_utils._outcomes import FlaskModule
from ansible_collections.webstack.flask.plugins.module_utils._systemd import systemctl

_LOCK = LOCK_ROOT / "nginx.lock"
_LOCK_TIMEOUT = 120


class Run:
    """One run of the module."""

    def __init__(self, params: dict[str, Any], warn: Callable[[str], None], layout: NginxLayout) -> None:
        """Read the parameters."""
        self.params = params
        self.warn = warn
        self.layout = layout
        self.sites = [Site(site["name"], self._prepare(site)) for site in params["sites"]]
        self.http = self._require_mark("http", params["http"])

    def converge(self, *, check: bool) -> dict[str, Any]:
        """Bring about what the parameters ask for, or in check mode only say what that would change."""
        if not staging.is_installed(self.layout):
            if not check:
                raise UserError("nginx is not installed; install Debian's package nginx first, or set nginx_site_install")
            return self._report(self._plan(staging.foresee(self.layout)), "started", [])
        observed = staging.observe(self.layout, self.sites)
        foreign = find_foreign(observed, self.sites, self.layout)
        if foreign:
            raise UserError("; ".join(foreign))
        plan = self._plan(observed)
        unit = systemctl.show([service.UNIT])[service.UNIT]
        is_up = unit.active in ("active", "reloading")
        loaded = is_up and not plan.changes and self._has_loaded(plan, check=check)
        action = "started" if not is_up else "reloaded" if plan.changes or not loaded else ""
        self._try_out(plan, is_needed=bool(action), check=check)
        logs = [path for site in self._absent_sites() for path in staging.find_own_logs(site.name, observed.texts.values())]
        open_logs = [path for path in staging.find_open_logs(self.sites) if path not in logs]
        if not check:
            made = staging.close_logs(open_logs)
            if action:
                self._activate(plan, action, made)
            if not unit.enabled:
                systemctl.enable(service.UNIT)
            for path in logs:
                path.unlink(missing_ok=True)
        return self._report(plan, action, [*logs, *open_logs], enabled=unit.enabled)

    def _prepare(self, site: dict[str, Any]) -> str | None:
        if site["state"] == "absent":
            return None
        text = self._require_mark(f"the content of the site {site['name']}", site["content"])
        adapted = adapt_to_version(text, staging.find_version())
        return adapted if staging.has_ipv6() else disable_ipv6(adapted)

    @staticmethod
    def _require_mark(what: str, text: str) -> str:
        if not is_ours(text):
            raise UserError(f"{what} does not hold the words {OWNERSHIP_MARK}, by which a later run knows its own files")
        return text.rstrip("\n") + "\n"

    def _absent_sites(self) -> list[Site]:
        return [site for site in self.sites if site.text is None] if self.params["remove_logs"] else []

    def _plan(self, observed: Observed) -> Plan:
        plan = make_plan(
            observed,
            self.sites,
            http=self.http,
            default_site=self.params["default_site"],
            unknown_names=self.params["unknown_names"],
            layout=self.layout,
        )
        if self.params["default_site"] == "absent" and self.layout.default_link in plan.texts:
            self.warn(
                f"{self.layout.default_link} is not Debian's page any more, so it is somebody's site and stays; "
                "remove the link by hand if it should go"
            )
        return plan

    def _try_out(self, plan: Plan, *, is_needed: bool, check: bool) -> None:
        """Raise UserError if nginx would not serve the sites; when there is nothing to do anyway, only warn."""
        missing = staging.find_missing_certificates(plan.texts.values())
        if check and missing:
            self.warn(f"{missing[0]} does not exist, so nginx could not test the sites; a run fails unless it is made before")
            return
        passed, complaints = staging.try_out(plan, self.layout)
        problems = list(list_conflicts(find_ignored_names(complaints), self.sites, plan.texts))
        if not passed:
            was_fine, present = staging.try_present()
            problems = [
                explain_refusal(
                    find_refusal(complaints),
                    sites={str(self.layout.link_of(site.name)): site.name for site in self.sites},
                    texts={str(path): text for path, text in plan.texts.items()},
                    before=None if was_fine else find_refusal(present),
                )
            ]
        if problems and is_needed:
            raise UserError("; ".join(problems))
        for problem in problems:
            self.warn(problem)

    def _has_loaded(self, plan: Plan, *, check: bool) -> bool:
        """Return whether nginx runs with what lies on disk; whoever renewed a certificate may have reloaded it, which then shows."""
        digest = self._digest(plan)
        if service.has_loaded(digest):
            return True
        if not service.has_loaded_all_but_certificates(digest):
            return False
        contents = staging.read_certificates(plan.texts.values())
        servers = [server for text in plan.texts.values() if is_ours(text) for server in find_encrypted(text)]
        if not all(service.shows(address, port, name, contents[file]) for address, port, name, file in servers):
            return False
        if not check:
            service.record_loaded(digest)
        return True

    def _activate(self, plan: Plan, action: str, made: Sequence[Path]) -> None:
        """Change the files and let nginx load them; if it does not, put all back, and take away the logs that were made for it."""
        service.withdraw_record()
        staging.apply(plan.changes)
        try:
            if action == "started":
                service.start()
            else:
                service.reload()
        except (UserError, OSError) as problem:
            staging.restore(plan.changes)
            for path in made:
                path.unlink(missing_ok=True)
            raise UserError(f"{problem}\nThe former configuration was put back") from problem
        service.record_loaded(self._digest(plan))

    def _digest(self, plan: Plan) -> str:
        return digest_active(plan.texts, self.layout, staging.read_certificates(plan.texts.values()))

    def _report(self, plan: Plan, action: str, logs: Sequence[Path], *, enabled: bool = False) -> dict[str, Any]:
        return {
            "changed": bool(plan.changes or action or logs or not enabled),
            "sites": {site.name: plan.describe_site(site, self.layout) for site in self.sites},
            "default_site": self.layout.default_link in plan.texts,
            "action": action,
            "diff": diff_changes(plan.changes),
        }


def main() -> None:
    """Run the module."""
    module = FlaskModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    try:
        run = Run(module.params, module.warn, NginxLayout())
        if module.check_mode:
            result = run.converge(check=True)
        else:
            with hold_lock(_LOCK, _LOCK_TIMEOUT, module.warn):
                result = run.converge(check=False)
    except UserError as problem:
        module.fail_json(msg=str(problem))
    except OSError as error:
        module.fail_json(msg=f"{error}; what nginx serves has not changed")
    module.exit_json(**result)


ARGUMENT_SPEC: dict[str, Any] = {
    "sites": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "name": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "content": {"type": "str"},
        },
        "required_if": [["state", "present", ["content"]]],
    },
    "http": {"type": "str", "required": True},
    "default_site": {"type": "str", "choices": ["present", "absent"], "default": "absent"},
    "unknown_names": {"type": "str", "default": ""},
    "remove_logs": {"type": "bool", "default": False},
}


if __name__ == "__main__":
    main()
