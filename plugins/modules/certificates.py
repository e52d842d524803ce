#!/usr/bin/python
# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: certificates
short_description: Keep certificates and their keys on the host
description:
  - Makes self-signed certificates, and makes them anew when their names change or their end is near.
  - Puts given ones on the host once they are seen to fit their key and their names, to be valid now, and to have their chain;
    checks those that are on the host already in the same way.
  - Asks an authority that speaks ACME for certificates, by Debian's certbot, and has certbot's timer renew them.
  - A certificate and its key are one file, C(/etc/webstack-flask/certificates/<name>.pem), which only root can read. It is the
    same file wherever the certificate comes from, so that one serves until there is another.
version_added: 0.1.0
author: webstack.flask contributors (@webstack)
options:
  certificates:
    description: The certificates.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the certificate, and of its file.
        type: str
        required: true
      state:
        description: Whether it is on the host.
        type: str
        choices: [present, absent]
        default: present
      names:
        description: The host names that it is for. One that is present needs at least one.
        type: list
        elements: str
        default: []
      certificate:
        description:
          - The certificate and the rest of its chain, as text, or the path of a file on the host.
          - Without it, and without O(certificates[].acme), a self-signed one is made.
        type: str
      key:
        description: The private key, in the same way.
        type: str
      acme:
        description: By which challenge an authority is to see that the names belong to the host. Without it, none is asked.
        type: str
        choices: [http, dns]
  ask:
    description:
      - Whether to ask the authority for what is missing.
      - Without it, what there is is put in its place, and P(webstack.flask.certificates#module) says what is missing. A web server
        has to be up before it is asked.
    type: bool
    default: false
  acme:
    description: How the authority is asked.
    type: dict
    suboptions:
      directory:
        description: URL of its directory.
        type: str
        default: https://acme-v02.api.letsencrypt.org/directory
      email:
        description: Address of the account.
        type: str
        default: ""
      ca:
        description:
          - Certificate by which the host knows the authority's own server, as text or as a path on the host.
          - Only for one that the system does not know.
        type: str
        default: ""
      eab_kid:
        description: Key identifier of an External Account Binding.
        type: str
        default: ""
      eab_hmac_key:
        description: Key of an External Account Binding.
        type: str
        default: ""
      key_type:
        description: Type of the certificates' keys.
        type: str
        choices: [ecdsa, rsa]
        default: ecdsa
      webroot:
        description: Directory below which the web server serves C(/.well-known/acme-challenge/).
        type: path
        default: /var/lib/webstack-flask/acme
      check_names:
        description: Whether to see first that each name resolves and leads to this host.
        type: bool
        default: true
      dns_plugin:
        description: Plugin of certbot that answers the challenge by DNS, such as V(dns-cloudflare).
        type: str
        default: ""
      dns_credentials:
        description: Content of the file with the plugin's credentials.
        type: str
        default: ""
      dns_propagation:
        description: Seconds until the authority sees what the plugin has written; V(0) is the plugin's own default.
        type: int
        default: 0
      environment:
        description: Environment variables of certbot, such as C(HTTPS_PROXY).
        type: dict
        default: {}
      renewal_command:
        description: Shell command that is run after a renewal, so that the web server loads the new certificate.
        type: str
        default: ""
  days:
    description: For how many days a self-signed certificate is valid.
    type: int
    default: 365
  renew_before:
    description: How many days before its end a self-signed certificate is made anew.
    type: int
    default: 30
  warn_before:
    description:
      - How many days before its end RV(certificates) says so of a certificate.
      - Of one that lives shortly, it does in the last quarter of its life.
    type: int
    default: 20
attributes:
  check_mode:
    support: full
    description: Checks what is given, and the names, as a run does.
  diff_mode:
    support: none
    description: A diff would show keys.
  platform:
    support: full
    platforms: debian
    description: Needs openssl, and certbot for certificates of an authority.
"""

EXAMPLES = r"""
- name: Make a certificate of our own
  webstack.flask.certificates:
    certificates:
      - name: shop
        names: [shop.test, www.shop.test]

- name: Ask Let's Encrypt for one, once the web server answers for the name
  webstack.flask.certificates:
    certificates:
      - name: shop
        names: [shop.example.org]
        acme: http
    ask: true
    acme:
      renewal_command: systemctl reload nginx.service
"""

RETURN = r"""
certificates:
  description:
    - For each certificate by name its file, its last day, the names of those asked for that it is for, whether it was changed, and why.
    - C(missing) is whether an authority is to be asked, C(issued) are the names for which it has signed one in this run, and
      C(problems) are what somebody has to know.
    - C(error) is why one is not as it should be; absent when it is.
  type: dict
  returned: always
  sample:
    shop:
      path: /etc/webstack-flask/certificates/shop.pem
      changed: true
      ends: "2027-11-21"
      covered: [shop.test]
      note: there was none
      issued: []
      missing: false
      problems: []
"""

from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._certificates import certbot
from ansible_collections.webstack.flask.plugins.module_utils._certificates.acme import ACME_OPTIONS, Order, find_reason_to_ask
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
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._host.files import read_text
from ansible_collections.webstack.flask.plugins.module_utils._host.lock import hold_lock
from ansible_collections.webstack.flask.plugins.module_utils._layout import LOCK_ROOT
from ansible_collections.webstack.flask.plugins.module_utils._outcomes import FlaskModule, describe_error, exit_with, for_each_app

_LOCK = LOCK_ROOT / "certificates.lock"
_LOCK_TIMEOUT = 600


def check_given(wanted: dict[str, Any], now: datetime) -> None:
    """Raise UserError that tells what is wrong with a given certificate."""
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


class Run:
    """One run of the module."""

    def __init__(self, params: dict[str, Any], now: datetime, *, check: bool) -> None:
        """Keep the parameters."""
        self.params = params
        self.acme = params["acme"]
        self.now = now
        self.check = check

    def converge(self, wanted: dict[str, Any]) -> dict[str, Any]:
        """Bring one certificate to its wanted state; return what became of it."""
        if wanted["state"] == "absent":
            return self._remove(wanted)
        if wanted["acme"]:
            return self._certify(wanted)
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

    def _certify(self, wanted: dict[str, Any]) -> dict[str, Any]:
        """Put what certbot has in place, and ask for what is missing if that is wanted."""
        path, plugin = path_of(wanted["name"]), self.acme["dns_plugin"] if wanted["acme"] == "dns" else ""
        if wanted["acme"] == "dns" and not plugin:
            raise UserError(f"the certificate {wanted['name']} is to be asked for by DNS; name certbot's plugin for it in `dns_plugin`")
        order = Order(wanted["name"], wanted["names"], self.acme["directory"], self.acme["key_type"], self.acme["webroot"], plugin)
        changed = self._put_in_place(path, wanted["name"])
        held, troubles, names = read_usable(certbot.read_issued(wanted["name"])), {}, []
        missing = self._is_missing(order, held)
        if missing and self.params["ask"]:
            asked = certbot.ask_for(order, self.acme, held, self.now, check=self.check)
            changed, troubles, names = changed or bool(asked.names), asked.troubles, asked.names
            if asked.names and not self.check:
                self._put_in_place(path, wanted["name"])
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

    def _put_in_place(self, path: Path, name: str) -> bool:
        """Give the web server what certbot has, unless it has it, and take away what it could not use; return whether anything changed."""
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
            **NOTHING,
            "path": str(path),
            "changed": changed,
            "ends": f"{present.ends:%Y-%m-%d}" if present else "",
            "covered": list_covered(wanted["names"], present),
            "note": note,
            "problems": problems,
        }


NOTHING: dict[str, Any] = {
    "path": "",
    "changed": False,
    "ends": "",
    "covered": [],
    "note": "",
    "issued": [],
    "missing": False,
    "problems": [],
}
"""What is said of a certificate of which nothing is known."""


def list_unusable(certificates: list[dict[str, Any]], now: datetime) -> list[str]:
    """Return a sentence for each given certificate that cannot be used."""
    errors = []
    for each in certificates:
        try:
            if each["state"] == "present" and each["certificate"]:
                check_given(each, now)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with one is told together with what is wrong with others
            errors.append(f"the certificate {each['name']} cannot be used: {describe_error(error)}")
    return errors


def main() -> None:
    """Run the module."""
    module = FlaskModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    wanted, now = module.params["certificates"], datetime.now(tz=UTC)
    if errors := list_unusable(wanted, now):
        module.fail_json(msg="\n".join(errors) + "\nNothing was changed.")
    run = Run(module.params, now, check=module.check_mode)
    try:
        with nullcontext() if module.check_mode else hold_lock(_LOCK, _LOCK_TIMEOUT, module.warn):
            is_asked = any(each["acme"] for each in wanted if each["state"] == "present")
            changed = is_asked and certbot.ensure_renewal(module.params["acme"], check=module.check_mode)
            outcomes = for_each_app(wanted, run.converge, NOTHING)
    except Exception as error:  # noqa: BLE001 - what is no certificate's is the run's
        module.fail_json(msg=describe_error(error))
    exit_with(module, "certificates", outcomes, changed=changed)


ARGUMENT_SPEC: dict[str, Any] = {
    "certificates": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "name": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "names": {"type": "list", "elements": "str", "default": []},
            "certificate": {"type": "str"},
            "key": {"type": "str", "no_log": True},
            "acme": {"type": "str", "choices": ["http", "dns"]},
        },
        "required_if": [["state", "present", ["names"]]],
        "mutually_exclusive": [["certificate", "acme"]],
    },
    "ask": {"type": "bool", "default": False},
    "acme": {"type": "dict", "options": ACME_OPTIONS, "apply_defaults": True},
    "days": {"type": "int", "default": 365},
    "renew_before": {"type": "int", "default": 30},
    "warn_before": {"type": "int", "default": 20},
}


if __name__ == "__main__":
    main()
