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
  - Puts given ones on the host once they are seen to fit their key and their names, to be valid now, and to have their chain.
  - A certificate and its key are one file, C(/etc/webstack-flask/certificates/<name>.pem), which only root can read.
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
        description: The certificate and the rest of its chain, as text. Without it, a self-signed one is made.
        type: str
      key:
        description: The private key, as text.
        type: str
  days:
    description: For how many days a self-signed certificate is valid.
    type: int
    default: 365
  renew_before:
    description: How many days before its end a self-signed certificate is made anew.
    type: int
    default: 30
attributes:
  check_mode:
    support: full
    description: Checks what is given as a run does.
  diff_mode:
    support: none
    description: A diff would show keys.
  platform:
    support: full
    platforms: debian
    description: Needs openssl.
"""

EXAMPLES = r"""
- name: Make a certificate of our own
  webstack.flask.certificates:
    certificates:
      - name: shop
        names: [shop.test, www.shop.test]
"""

RETURN = r"""
certificates:
  description: For each certificate by name its file, its last day, whether it was changed, and why.
  type: dict
  returned: success
  sample: {"shop": {"path": "/etc/webstack-flask/certificates/shop.pem", "changed": true, "ends": "2027-11-21", "note": "there was none"}}
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.webstack.flask.plugins.module_utils.certificates import (
    ensure_certificate,
    find_chain_problems,
    find_reason_to_make,
    join,
    key_fits,
    make_self_signed,
    path_of,
    read_chain,
    read_present,
)
from ansible_collections.webstack.flask.plugins.module_utils.layout import LOCK_ROOT, Problem
from ansible_collections.webstack.flask.plugins.module_utils.lock import hold_lock

_LOCK = LOCK_ROOT / "certificates.lock"
_LOCK_PATIENCE = 120


def check_given(wanted: dict[str, Any], now: datetime) -> None:
    """Raise Problem that tells what is wrong with a given certificate."""
    if not wanted["key"]:
        raise Problem("a certificate is given and `key` is not; give the private key, too")
    chain = read_chain(wanted["certificate"])
    problems = find_chain_problems(chain, wanted["names"], now)
    if not key_fits(join(wanted["certificate"], wanted["key"])):
        problems.append("the private key is not that of the certificate")
    if problems:
        raise Problem("; ".join(problems))


def converge(wanted: dict[str, Any], parameters: dict[str, Any], *, check: bool) -> dict[str, Any]:
    """Bring one certificate to its wanted state; return what became of it."""
    path, now, note = path_of(wanted["name"]), datetime.now(tz=UTC), ""
    if wanted["state"] == "absent":
        changed = path.exists()
        if changed and not check:
            path.unlink()
        return {"path": str(path), "changed": changed, "ends": "", "note": "removed" if changed else ""}
    if wanted["certificate"]:
        changed = ensure_certificate(path, join(wanted["certificate"], wanted["key"]), check=check)
    else:
        reason = find_reason_to_make(read_present(path), wanted["names"], now, timedelta(days=parameters["renew_before"]))
        changed, note = reason is not None, reason or ""
        if changed and not check:
            ensure_certificate(path, make_self_signed(wanted["names"], parameters["days"]), check=False)
    present = read_present(path)
    return {"path": str(path), "changed": changed, "ends": f"{present.ends:%Y-%m-%d}" if present else "", "note": note}


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    wanted, outcomes, errors = module.params["certificates"], {}, []
    now = datetime.now(tz=UTC)
    for each in wanted:
        try:
            if each["state"] == "present" and each["certificate"]:
                check_given(each, now)
        except Problem as problem:
            errors.append(f"the certificate {each['name']} cannot be used: {problem}")
    if errors:
        module.fail_json(msg="\n".join(errors) + "\nNothing was changed.")
    try:
        if module.check_mode:
            outcomes = {each["name"]: converge(each, module.params, check=True) for each in wanted}
        else:
            with hold_lock(_LOCK, _LOCK_PATIENCE, module.warn):
                outcomes = {each["name"]: converge(each, module.params, check=False) for each in wanted}
    except (Problem, OSError) as problem:
        module.fail_json(msg=str(problem))
    module.exit_json(changed=any(outcome["changed"] for outcome in outcomes.values()), certificates=outcomes)


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
        },
        "required_if": [["state", "present", ["names"]]],
    },
    "days": {"type": "int", "default": 365},
    "renew_before": {"type": "int", "default": 30},
}


if __name__ == "__main__":
    main()
