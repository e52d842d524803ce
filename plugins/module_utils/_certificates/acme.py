# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ACME decisions as pure functions; no server is contacted here.

certbot asks for them and renews them. What it keeps of one certificate is a lineage: its renewal settings, keys and chains.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._certificates.pem import Certificate, is_pem
from ansible_collections.webstack.flask.plugins.module_utils._layout import CERTIFICATE_ROOT
from ansible_collections.webstack.flask.plugins.module_utils._systemd.env_file import find_environment_problems

CERTBOT_ROOT = Path("/etc/letsencrypt")
_PREFIX = "webstack-flask-"

ACME_OPTIONS: dict[str, Any] = {
    "directory": {"type": "str", "default": "https://acme-v02.api.letsencrypt.org/directory"},
    "email": {"type": "str", "default": ""},
    "ca": {"type": "str", "default": ""},
    "eab_kid": {"type": "str", "default": ""},
    "eab_hmac_key": {"type": "str", "default": "", "no_log": True},
    "key_type": {"type": "str", "choices": ["ecdsa", "rsa"], "default": "ecdsa"},
    "webroot": {"type": "path", "default": "/var/lib/webstack-flask/acme"},
    "check_names": {"type": "bool", "default": True},
    "dns_plugin": {"type": "str", "default": ""},
    "dns_credentials": {"type": "str", "default": "", "no_log": True},
    "dns_propagation": {"type": "int", "default": 0},
    "environment": {"type": "dict", "default": {}, "no_log": True},
    "renewal_command": {"type": "str", "default": ""},
}
"""How certificates are requested from a CA, as an Ansible argument spec."""


_URL = re.compile(r"https?://[!-~]+")
_WORD = re.compile(r"[!-~]+")
_PLUGIN = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_EMAIL = re.compile(r"[^@\s-][^@\s]*@[^@\s]+")


def find_acme_problems(certificates: Sequence[Mapping[str, Any]], options: Mapping[str, Any]) -> list[str]:
    """Return a sentence for each ACME setting that is not valid, without secrets."""
    challenges = {each["acme"] for each in certificates if each.get("acme")}
    checks = {
        "directory": (_URL.fullmatch(options["directory"]), "must be the URL of an ACME directory, such as https://example.org/directory"),
        "email": (not options["email"] or _EMAIL.fullmatch(options["email"]), "must be an address such as admin@example.org, or empty"),
        "ca": (
            not options["ca"] or is_pem(options["ca"]) or options["ca"].startswith("/"),
            "must be a certificate, or its path on the host",
        ),
        "eab_kid": (not options["eab_kid"] or _WORD.fullmatch(options["eab_kid"]), "must be one word"),
        "dns_plugin": (not options["dns_plugin"] or _PLUGIN.fullmatch(options["dns_plugin"]), "must be a plugin such as dns-cloudflare"),
        "webroot": (
            re.fullmatch(r"(/[\w@+-][\w@+.-]*)+", options["webroot"], re.ASCII),
            "must be an absolute path without hidden directories",
        ),
    }
    problems = [f"certificates_acme_{key} is {options[key]!r}; it {rule}" for key, (is_good, rule) in checks.items() if not is_good]
    if bool(options["eab_kid"]) != bool(options["eab_hmac_key"]):
        problems.append("certificates_acme_eab_kid and certificates_acme_eab_hmac_key belong together; give both, or none")
    if options["eab_hmac_key"] and not re.fullmatch(r"[A-Za-z0-9_+/=-]+", options["eab_hmac_key"]):
        problems.append("certificates_acme_eab_hmac_key (not shown) must be letters and digits of base64, as the CA gives it")
    if "dns" in challenges and not options["dns_plugin"]:
        problems.append(
            "a certificate is to be asked for by DNS; set certificates_acme_dns_plugin to a plugin of certbot, such as dns-cloudflare, "
            "and name its package in certificates_acme_packages"
        )
    problems += find_environment_problems({key: str(value) for key, value in options["environment"].items()})
    return problems + [
        f"the certificate {each['name']} has the wildcard {name}, which needs `acme: dns`"
        for each in certificates
        for name in each.get("names", ())
        if each.get("acme") == "http" and "*" in name
    ]


@dataclass(frozen=True)
class Order:
    """A certificate to request from a CA, and how. `plugin` is certbot's for the DNS challenge, empty for HTTP."""

    name: str
    names: Sequence[str]
    directory: str
    key_type: str
    webroot: str
    plugin: str = ""

    @property
    def lineage(self) -> str:
        """What certbot calls it, so that nobody else's is meant."""
        return lineage_of(self.name)

    @property
    def authenticator(self) -> str:
        """How certbot shows that the names are ours."""
        return self.plugin or "webroot"


@dataclass(frozen=True)
class Renewal:
    """How certbot is going to renew a certificate."""

    directory: str
    key_type: str
    authenticator: str
    webroot: str


def lineage_of(name: str) -> str:
    """Return what certbot calls the certificate of this name."""
    return f"{_PREFIX}{name}"


def parse_renewal(text: str) -> Renewal:
    """Return the settings in a file of /etc/letsencrypt/renewal."""
    values = dict(re.findall(r"(?m)^\s*([a-z_]+)\s*=\s*(.*?)\s*$", text))
    webroot = values.get("webroot_path", "").partition(",")[0].rstrip("/")
    return Renewal(values.get("server", ""), values.get("key_type", "rsa"), values.get("authenticator", ""), webroot)


def find_reason_to_ask(order: Order, renewal: Renewal | None, present: Certificate | None, now: datetime) -> str | None:
    """Return why a certificate has to be requested, apart from missing names; None if there is no other reason."""
    if renewal is None or present is None:
        return "there was none"
    if renewal.directory != order.directory:
        return f"the former one is from {renewal.directory}"
    if present.ends <= now:
        return f"the former one has ended on {present.ends:%Y-%m-%d}"
    if renewal.key_type != order.key_type:
        return f"the former one has a key of type {renewal.key_type}"
    if renewal.authenticator != order.authenticator or (not order.plugin and renewal.webroot != order.webroot.rstrip("/")):
        return "it could not be renewed in the way it was asked for"
    surplus = sorted(present.names - _lower(order.names))
    return f"the former one is for {', '.join(surplus)} too" if surplus else None


def choose_names(wanted: Sequence[str], held: Collection[str], ready: Collection[str], *, has_reason: bool) -> list[str]:
    """Return the names to request a certificate for; none if the CA need not be asked.

    `held` are the names that a valid certificate is for, `ready` those that the CA can validate. A name that is
    wanted and held is not given up for others.
    """
    held, ready = _lower(held) & _lower(wanted), _lower(ready)
    if held - ready or not (has_reason or ready - held):
        return []
    return [name for name in wanted if name.lower() in ready]


def _lower(names: Collection[str]) -> set[str]:
    return {name.lower() for name in names}


def make_arguments(order: Order, names: Sequence[str], options: Mapping[str, Any], *, config: Path, credentials: Path) -> list[str]:
    """Return certbot's arguments. Secrets are in files that these name."""
    arguments = ["certonly", "--non-interactive", "--agree-tos", "--config", str(config)]
    arguments += ["--server", order.directory, "--cert-name", order.lineage, "--key-type", order.key_type]
    arguments += ["--force-renewal", "--renew-with-new-domains"]
    arguments += ["--email", options["email"]] if options["email"] else ["--register-unsafely-without-email"]
    arguments += ["--authenticator", order.authenticator]
    if not order.plugin:
        arguments += ["--webroot-path", order.webroot]
    elif options["dns_credentials"]:
        arguments += [f"--{order.plugin}-credentials", str(credentials)]
    if order.plugin and options["dns_propagation"]:
        arguments += [f"--{order.plugin}-propagation-seconds", str(options["dns_propagation"])]
    return arguments + [word for name in names for word in ("--domain", name)]


def format_config(options: Mapping[str, Any]) -> str:
    """Return a file of settings for certbot that holds the secrets of an external account."""
    if not options["eab_kid"]:
        return ""
    return f"eab-kid = {options['eab_kid']}\neab-hmac-key = {options['eab_hmac_key']}\n"


def find_refused(output: str, names: Collection[str], reason: str = "") -> dict[str, str]:
    """Return the names that the CA refused, and why, from certbot's output, or from a `reason` found elsewhere; empty if it names none."""
    blocks = re.findall(r"(?m)^\s*Domain:\s*(\S+)\n\s*Type:\s*(\S+)\n\s*Detail:\s*(.*)$", output)
    refused = {name: f"the CA says: {detail} ({kind})" for name, kind, detail in blocks if name in names}
    if refused:
        return refused
    reason = reason or explain(output)
    return {name: f"the CA says: {reason}" for name in names if f'"{name}"' in reason or f"'{name}'" in reason}


def explain(output: str) -> str:
    """Return the one line of certbot's output that tells what went wrong."""
    lines = [line.strip() for line in output.splitlines() if line.strip() and not re.match(r"Saving debug log|Ask for help|- - -", line)]
    if "An unexpected error occurred:" in lines[:-1]:
        return lines[lines.index("An unexpected error occurred:") + 1]
    return lines[-1] if lines else "certbot gave no reason"


_ADVICE = {
    "rateLimited": "wait until the time that it names, or for an hour, and run again; certificates for tries come from the CA's staging "
    "directory (`certificates_acme_directory`), which has limits of its own",
    "caa": "let the CAA records of the domain name this CA, or delete them, and run again",
    "externalAccountRequired": "set `certificates_acme_eab_kid` and `certificates_acme_eab_hmac_key` to what the CA has given to you",
    "userActionRequired": "do what it asks for, which may be to agree to new terms, and run again",
    "serverInternal": "that is the CA's own trouble; run again later",
}
"""How to go on after some of the errors of RFC 8555, section 6.7."""


def explain_with_log(output: str, log: str) -> str:
    """Return what went wrong: the CA's own words where certbot's log has them, which its output may lack, with how to go on.

    certbot of Debian 12 fails at showing an error of a CA, whichever it is, and says "AttributeError: can't set attribute" (Python 3.11).
    """
    said = explain(output)
    found = find_error(log)
    if found is None or not ("An unexpected error occurred:" in output or "can't set attribute" in said):
        return said
    kind, words = found
    advice = _ADVICE.get(kind)
    return f"{words} ({kind}){f'. To go on, {advice}' if advice else ''}"


def find_error(log: str) -> tuple[str, str] | None:
    """Return the last error of a CA in certbot's log: its kind, and its words."""
    lines = re.findall(r"(?m)^acme\.messages\.Error: (?:urn:ietf:params:acme:error:)?(\S+) :: (.*)$", log)
    if not lines:
        return None
    kind, words = lines[-1]
    return kind, words.rpartition(" :: ")[2].strip() or words


def is_account_forgotten(log: str) -> bool:
    """Return whether a CA no longer knows the account that certbot has there, as the last thing that it said."""
    found = find_error(log)
    return found is not None and found[0] == "accountDoesNotExist"


def account_directory(server: str) -> Path:
    """Return where certbot keeps its accounts at a CA, given the URL of its directory."""
    return CERTBOT_ROOT / "accounts" / server.partition("://")[2]


def change_account(text: str, server: str, accounts: Collection[str], account: str) -> str:
    """Return the text of a certificate's renewal settings with another account, where it has one of these at the same CA."""
    if parse_renewal(text).directory != server:
        return text
    return re.sub(r"(?m)^(account = )(\S+)$", lambda found: found[1] + (account if found[2] in accounts else found[2]), text)


def is_busy(output: str) -> bool:
    """Return whether certbot did nothing because another one is at work, such as that of certbot.timer."""
    return "Another instance of Certbot is already running" in output


HOOK = f"""\
#!/bin/sh
# Written by webstack.flask. certbot runs it for each certificate that it has renewed: what the web server reads is one file
# with the key and the chain, which is replaced in one step.
set -eu
lineage=$(basename "$RENEWED_LINEAGE")
case $lineage in {_PREFIX}*) ;; *) exit 0 ;; esac
file={CERTIFICATE_ROOT}/${{lineage#{_PREFIX}}}.pem
fresh=$(mktemp "$file.XXXXXX")  # which root alone can read
trap 'rm -f "$fresh"' EXIT
cat "$RENEWED_LINEAGE/privkey.pem" "$RENEWED_LINEAGE/fullchain.pem" > "$fresh"
mv "$fresh" "$file"
trap - EXIT
"""
"""What certbot does with a certificate that it has renewed, before the command that lets the web server load it."""
