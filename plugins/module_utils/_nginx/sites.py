# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Update the sites that nginx serves, or leave everything as it was."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._host.lock import hold_lock
from ansible_collections.webstack.flask.plugins.module_utils._host.words import ensure_key
from ansible_collections.webstack.flask.plugins.module_utils._layout import LOCK_ROOT
from ansible_collections.webstack.flask.plugins.module_utils._nginx import service, staging
from ansible_collections.webstack.flask.plugins.module_utils._nginx.config import (
    OWNERSHIP_MARK,
    adapt_to_version,
    disable_ipv6,
    explain_refusal,
    find_encrypted,
    find_ignored_names,
    find_mixed_listens,
    find_refusal,
    is_ours,
)
from ansible_collections.webstack.flask.plugins.module_utils._nginx.plan import (
    Callers,
    NginxLayout,
    Observed,
    Plan,
    Site,
    diff_changes,
    digest_active,
    find_foreign,
    find_forgotten,
    find_former_callers,
    find_holders,
    find_kept,
    list_conflicts,
    make_plan,
)
from ansible_collections.webstack.flask.plugins.module_utils._systemd import systemctl

_LOCK = LOCK_ROOT / "nginx.lock"
_LOCK_TIMEOUT = 120


def update_sites(params: dict[str, Any], warn: Callable[[str], None], *, check: bool) -> dict[str, Any]:
    """Make nginx serve the sites that the parameters describe; return the module's result. A check run only predicts it.

    Raise UserError if that fails. nginx then serves what it served before.
    """
    try:
        update = SiteUpdate(params, warn, NginxLayout())
        with nullcontext() if check else hold_lock(_LOCK, _LOCK_TIMEOUT, warn):
            return update.apply(check=check)
    except OSError as error:
        raise UserError(f"{error}; what nginx serves has not changed") from error


class SiteUpdate:
    """An update of nginx's sites: planned, tested by nginx, activated, and put back if nginx does not load it."""

    def __init__(self, params: dict[str, Any], warn: Callable[[str], None], layout: NginxLayout) -> None:
        """Read the parameters."""
        self.params = params
        self.warn = warn
        self.layout = layout
        self.sites = [Site(site["name"], self._prepare(site), _read_callers(site)) for site in params["sites"]]
        self.kept: set[str] = set()
        self.http = self._require_mark("http", params["http"])

    def apply(self, *, check: bool) -> dict[str, Any]:
        """Update the sites, or in check mode only predict it; return the module's result."""
        if not staging.is_installed(self.layout):
            if not check:
                raise UserError("nginx is not installed; install Debian's package nginx first, or set nginx_site_install")
            return self._report(self._plan(staging.foresee(self.layout), check=check), "started", [])
        observed = staging.observe(self.layout, self.sites)
        self._leave_kept(observed)
        foreign = find_foreign(observed, self.sites, self.layout)
        if foreign:
            raise UserError("; ".join(foreign))
        forgotten = find_forgotten(observed, self.sites, self.layout)
        if forgotten:
            raise UserError(f"{'; '.join(forgotten)}. Nothing was changed")
        plan = self._plan(observed, check=check)
        unit = systemctl.show([service.UNIT])[service.UNIT]
        is_up = unit.active in ("active", "reloading")
        loaded = is_up and not plan.changes and self._has_loaded(plan, check=check)
        action = "started" if not is_up else "reloaded" if plan.changes or not loaded else ""
        self._compare_ports(plan, observed, is_needed=bool(action))
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
        former = find_former_callers(observed, self.sites, self.layout) if self.params["keep_callers"] else {}
        return self._report(plan, action, [*logs, *open_logs], enabled=unit.enabled) | {"former_callers": former}

    def _prepare(self, site: dict[str, Any]) -> str | None:
        if site["state"] != "present":
            return None
        text = self._require_mark(f"the content of the site {site['name']}", site["content"])
        adapted = adapt_to_version(text, staging.find_version())
        return adapted if staging.has_ipv6() else disable_ipv6(adapted)

    def _leave_kept(self, observed: Observed) -> None:
        """Take the sites out of the update that stay as they are."""
        kept = {site["name"] for site in self.params["sites"] if site["state"] == "kept"}
        found = find_kept(observed.texts, kept, self.sites) if kept else set()
        self.kept = {site.name for site in self.sites if site.name in found}
        self.sites = [site for site in self.sites if site.name not in self.kept]

    @staticmethod
    def _require_mark(what: str, text: str) -> str:
        if not is_ours(text):
            raise UserError(f"{what} does not hold the words {OWNERSHIP_MARK}, by which a later run knows its own files")
        return text.rstrip("\n") + "\n"

    def _absent_sites(self) -> list[Site]:
        """Return the sites that are gone, and that the file of no other one holds, if their logs are to go."""
        gone = [site for site in self.sites if find_holders(self.sites)[site.name].text is None]
        return gone if self.params["remove_logs"] else []

    def _plan(self, observed: Observed, *, check: bool) -> Plan:
        has_services = any(site.callers is not None for site in self.sites)
        plan = make_plan(
            observed,
            self.sites,
            http=self.http,
            default_site=self.params["default_site"],
            unknown_names=self.params["unknown_names"],
            layout=self.layout,
            callers=Callers(ensure_key(check=check), keep=self.params["keep_callers"]) if has_services else None,
        )
        if self.params["default_site"] == "absent" and self.layout.default_link in plan.texts:
            self.warn(
                f"{self.layout.default_link} is not Debian's page any more, so it is somebody's site and stays; "
                "remove the link by hand if it should go"
            )
        return plan

    def _compare_ports(self, plan: Plan, observed: Observed, *, is_needed: bool) -> None:
        """Raise UserError if visitors of a site, or of somebody else's, would get no answer. If nothing is to be done, only warn."""
        texts = {str(path): text for path, text in plan.texts.items() if path != self.layout.http}
        problems = find_mixed_listens(self._files, {**texts, str(self.layout.main): observed.main})
        if problems and is_needed:
            raise UserError(f"{'; '.join(problems)}. Nothing was changed")
        for problem in problems:
            self.warn(problem)

    @property
    def _files(self) -> dict[str, str]:
        return {str(self.layout.link_of(site.name)): site.name for site in self.sites}

    def _try_out(self, plan: Plan, *, is_needed: bool, check: bool) -> None:
        """Raise UserError if nginx would not serve the sites. If nothing is to be done, only warn."""
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
                    sites=self._files,
                    texts={str(path): text for path, text in plan.texts.items()},
                    before=None if was_fine else find_refusal(present),
                )
            ]
        if problems and is_needed:
            raise UserError("; ".join(problems))
        for problem in problems:
            self.warn(problem)

    def _has_loaded(self, plan: Plan, *, check: bool) -> bool:
        """Return whether nginx runs with the files on disk. Its answers show whether it has loaded a renewed certificate."""
        digest = self._digest(plan)
        if service.has_loaded(digest):
            return True
        if not service.has_loaded_all_but_certificates(digest):
            return False
        contents = staging.read_certificates(plan.texts.values())
        servers = [server for text in plan.texts.values() if is_ours(text) for server in find_encrypted(text)]
        if not all(service.shows(address, port, name, contents[file], proxy_protocol=line) for address, port, name, file, line in servers):
            return False
        if not check:
            service.record_loaded(digest)
        return True

    def _activate(self, plan: Plan, action: str, made: Sequence[Path]) -> None:
        """Change the files and let nginx load them. If it fails, put the former files back, and delete the logs that were `made`."""
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
            "sites": {
                **{name: plan.describe_site(holder, self.layout) for name, holder in find_holders(self.sites).items()},
                **dict.fromkeys(sorted(self.kept), "unchanged"),
            },
            "default_site": self.layout.default_link in plan.texts,
            "action": action,
            "former_callers": {},
            "diff": diff_changes(plan.changes),
        }


def _read_callers(site: dict[str, Any]) -> tuple[str, ...] | None:
    """Return who may call a site that is an internal service; None for another one."""
    return None if site.get("callers") is None else tuple(site["callers"])
