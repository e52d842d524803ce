#!/usr/bin/python
# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: certificates
short_description: Keep certificates and their keys on the host
description:
  - Makes self-signed certificates, and renews them when their names change or they are about to expire.
  - Installs given certificates after verifying that they match their key and names, are valid now, and have their chain.
    Those that are on the host already are verified in the same way.
  - Requests certificates from a certificate authority (CA) by ACME, with Debian's certbot, whose timer renews them.
  - A certificate and its key are one file, C(/etc/webstack-flask/certificates/<name>.pem), which only root can read. It is the
    same file wherever the certificate comes from, so that the present one is used until it is replaced.
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
        description: The ACME challenge with which a CA verifies that the names belong to the host. Without it, none is asked.
        type: str
        choices: [http, dns]
  ask:
    description:
      - Whether to request missing certificates from the CA.
      - Without it, the certificates that exist are installed, and RV(certificates) says which are missing. For the challenge over
        HTTP the web server has to be running.
    type: bool
    default: false
  acme:
    description: How certificates are requested from the CA.
    type: dict
    suboptions:
      directory:
        description: URL of the CA's ACME directory.
        type: str
        default: https://acme-v02.api.letsencrypt.org/directory
      email:
        description: Address of the account.
        type: str
        default: ""
      ca:
        description:
          - Certificate with which the host verifies the ACME server, as text or as a path on the host.
          - Only needed if the system does not trust it.
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
        description: Whether to verify first that each name resolves to this host.
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
        description: Seconds until the CA can see the plugin's DNS records; V(0) is the plugin's own default.
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
    description: How many days before it expires a self-signed certificate is renewed.
    type: int
    default: 30
  warn_before:
    description:
      - How many days before it expires RV(certificates) warns of a certificate.
      - A short-lived one is warned of in the last quarter of its life.
    type: int
    default: 20
attributes:
  check_mode:
    support: full
    description: Verifies given certificates and the names, as a run does.
  diff_mode:
    support: none
    description: A diff would show keys.
  platform:
    support: full
    platforms: debian
    description: Needs openssl, and certbot for certificates from a CA.
"""

EXAMPLES = r"""
- name: Make a self-signed certificate
  webstack.flask.certificates:
    certificates:
      - name: shop
        names: [shop.test, www.shop.test]

- name: Request one from Let's Encrypt once the web server answers for the name
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
    - For each certificate by name its file, its last day, which of the wanted names it covers, whether it was changed, and why.
    - C(missing) says whether it is still to be requested from a CA, C(issued) are the names of one that was issued in this run, and
      C(problems) are warnings.
    - C(error) is why a certificate is not in its wanted state; absent when it is.
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
from ansible_collections.webstack.flask.plugins.module_utils._errors import describe_error
from ansible_collections.webstack.flask.plugins.module_utils._outcomes import FlaskModule, exit_with


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
