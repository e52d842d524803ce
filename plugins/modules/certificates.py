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

from datetime import UTC, datetime
from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._certificates.acme import ACME_OPTIONS
from ansible_collections.webstack.flask.plugins.module_utils._certificates.keeper import keep_certificates
from ansible_collections.webstack.flask.plugins.module_utils._outcomes import FlaskModule, describe_error, exit_with


def main() -> None:
    """Run the module."""
    module = FlaskModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    try:
        outcomes, changed = keep_certificates(module.params, module.warn, datetime.now(tz=UTC), check=module.check_mode)
    except Exception as error:  # noqa: BLE001 - an error of no single certificate is the module's
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
