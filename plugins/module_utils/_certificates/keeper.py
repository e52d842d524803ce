# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keep certificates in their wanted state: check those that are given, sign our own, and request others by ACME."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._certificates import certbot
from ansible_collections.webstack.flask.plugins.module_utils._certificates.acme import Order, find_reason_to_ask
from ansible_collections.webstack.flask.plugins.module_utils._certificates.pem import (
    Certificate,
    ends_soon,
    ensure_certificate,
    find_chain_problems,
    find_key_problems,
    find_reason_to_make,
    find_signature_problems,
    is_pem,
    join,
    key_fits,
    list_covered,
    make_self_signed,
    path_of,
    read_chain,
    read_given,
    read_present,
    read_usable,
)
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError, describe_error
from ansible_collections.webstack.flask.plugins.module_utils._host.files import read_text
from ansible_collections.webstack.flask.plugins.module_utils._host.lock import hold_lock
from ansible_collections.webstack.flask.plugins.module_utils._layout import LOCK_ROOT
from ansible_collections.webstack.flask.plugins.module_utils._outcomes import for_each_app

_LOCK = LOCK_ROOT / "certificates.lock"
_LOCK_TIMEOUT = 600

NO_CERTIFICATE: dict[str, Any] = {
    "path": "",
    "changed": False,
    "ends": "",
    "covered": [],
    "note": "",
    "issued": [],
    "missing": False,
    "problems": [],
}
"""The outcome of a certificate that could not be brought to its wanted state."""


def keep_certificates(
    params: dict[str, Any], warn: Callable[[str], object], now: datetime, *, check: bool
) -> tuple[dict[str, dict[str, Any]], bool]:
    """Bring all certificates to their wanted state; return the outcomes by name, and whether certbot's own settings changed.

    Raise UserError, before anything is changed, if a given certificate cannot be used.
    """
    wanted = params["certificates"]
    if problems := find_given_problems(wanted, now):
        raise UserError("\n".join(problems) + "\nNothing was changed.")
    keeper = CertificateKeeper(params, now, check=check)
    with nullcontext() if check else hold_lock(_LOCK, _LOCK_TIMEOUT, warn):
        is_requested = any(each["acme"] for each in wanted if each["state"] == "present")
        changed = is_requested and certbot.ensure_renewal(params["acme"], [each["name"] for each in wanted], check=check)
        return for_each_app(wanted, keeper.ensure, NO_CERTIFICATE), changed


def find_given_problems(certificates: list[dict[str, Any]], now: datetime) -> list[str]:
    """Return a sentence for each given certificate that cannot be used."""
    errors = []
    for each in certificates:
        try:
            if each["state"] == "present" and each["certificate"]:
                check_given(each, now)
        except Exception as error:  # noqa: BLE001 - all problems are reported together
            errors.append(f"the certificate {each['name']} cannot be used: {describe_error(error)}")
    return errors


def check_given(wanted: dict[str, Any], now: datetime) -> None:
    """Raise UserError with everything that is wrong with a given certificate."""
    if not wanted["key"]:
        raise UserError("a certificate is given and `key` is not; give the private key, too")
    certificate, key = read_given(wanted["certificate"]), read_given(wanted["key"])
    problems = find_chain_problems(read_chain(certificate), wanted["names"], now) or find_signature_problems(certificate)
    if not key_fits(join(certificate, key)):
        problems.append("the private key is not that of the certificate")
    if not is_pem(wanted["key"]):
        problems += find_key_problems(Path(wanted["key"]))
    if problems:
        raise UserError("; ".join(problems))


class CertificateKeeper:
    """Brings certificates to the state that is wanted: self-signed, given, or issued by a certificate authority."""

    def __init__(self, params: dict[str, Any], now: datetime, *, check: bool) -> None:
        """Keep the parameters."""
        self.params = params
        self.acme = params["acme"]
        self.now = now
        self.check = check

    def ensure(self, wanted: dict[str, Any]) -> dict[str, Any]:
        """Bring one certificate to its wanted state; return the outcome."""
        if wanted["state"] == "absent":
            return self._remove(wanted)
        if wanted["acme"]:
            return self._request(wanted)
        was_acme = certbot.forget(wanted["name"], check=self.check)
        if wanted["certificate"] and not is_pem(wanted["certificate"]):
            chain = read_chain(read_given(wanted["certificate"]))
            return self._report(wanted, Path(wanted["certificate"]), chain[0], changed=was_acme)
        return self._keep(wanted, changed=was_acme)

    def _remove(self, wanted: dict[str, Any]) -> dict[str, Any]:
        path = path_of(wanted["name"])
        was_acme, changed = certbot.forget(wanted["name"], check=self.check), path.exists()
        if changed and not self.check:
            path.unlink()
        return self._report(wanted, path, None, changed=changed or was_acme, note="removed" if changed else "")

    def _keep(self, wanted: dict[str, Any], *, changed: bool) -> dict[str, Any]:
        """Keep a certificate that is given as text, or a self-signed one."""
        path, note = path_of(wanted["name"]), ""
        if wanted["certificate"]:
            changed = ensure_certificate(path, join(wanted["certificate"], wanted["key"]), check=self.check) or changed
        else:
            margin = timedelta(days=self.params["renew_before"])
            reason = find_reason_to_make(read_present(path), wanted["names"], self.now, margin)
            changed, note = changed or reason is not None, reason or ""
            if reason and not self.check:
                ensure_certificate(path, make_self_signed(wanted["names"], self.params["days"]), check=False)
        return self._report(wanted, path, read_present(path), changed=changed, note=note)

    def _request(self, wanted: dict[str, Any]) -> dict[str, Any]:
        """Install the certificate that certbot has, and request the missing one if that is wanted."""
        path, plugin = path_of(wanted["name"]), self.acme["dns_plugin"] if wanted["acme"] == "dns" else ""
        if wanted["acme"] == "dns" and not plugin:
            raise UserError(f"the certificate {wanted['name']} is to be asked for by DNS; name certbot's plugin for it in `dns_plugin`")
        order = Order(wanted["name"], wanted["names"], self.acme["directory"], self.acme["key_type"], self.acme["webroot"], plugin)
        changed = self._install_issued(path, wanted["name"])
        held, troubles, names = read_usable(certbot.read_issued(wanted["name"])), {}, []
        missing = self._is_missing(order, held)
        if missing and self.params["ask"]:
            asked = certbot.ask_for(order, self.acme, held, self.now, check=self.check)
            changed, troubles, names = changed or bool(asked.names), asked.troubles, asked.names
            if asked.names and not self.check:
                self._install_issued(path, wanted["name"])
                held = read_usable(certbot.read_issued(wanted["name"]))
                missing = self._is_missing(order, held)
        outcome = self._report(wanted, path, read_present(path), changed=changed, note=f"issued for {', '.join(names)}" if names else "")
        if names and self.check:
            outcome["covered"] = names
        problems = [f"{name}: {trouble}" for name, trouble in troubles.items()]
        return {**outcome, "issued": names, "missing": missing, "problems": [*problems, *outcome["problems"]]}

    def _is_missing(self, order: Order, held: Certificate | None) -> bool:
        reason = find_reason_to_ask(order, certbot.read_renewal(order.name), held, self.now)
        return reason is not None or held is None or not {name.lower() for name in order.names} <= held.names

    def _install_issued(self, path: Path, name: str) -> bool:
        """Give the web server the certificate that certbot has, and delete an unusable one; return whether anything changed."""
        issued, text = certbot.read_issued(name), read_text(path) or ""
        if issued:
            # certbot's own chains may have empty lines between certificates, and so has what its hook writes.
            return join(text, "") != issued and ensure_certificate(path, issued, check=self.check)
        if text and read_usable(text) is None:
            if not self.check:
                path.unlink()
            return True
        return False

    def _report(self, wanted: dict[str, Any], path: Path, present: Certificate | None, *, changed: bool, note: str = "") -> dict[str, Any]:
        problems = []
        if present and ends_soon(present, self.now, timedelta(days=self.params["warn_before"])):
            why = "`journalctl -u certbot` says why it was not renewed" if wanted["acme"] else "it is time for a new one"
            problems.append(f"the certificate ends on {present.ends:%Y-%m-%d}; {why}")
        return {
            **NO_CERTIFICATE,
            "path": str(path),
            "changed": changed,
            "ends": f"{present.ends:%Y-%m-%d}" if present else "",
            "covered": list_covered(wanted["names"], present),
            "note": note,
            "problems": problems,
        }
