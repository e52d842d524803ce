# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates with their keys: read, verified, made, and kept in one file each, so that certificate and key always match."""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._host.files import Access, ensure_directory, ensure_file, read_text
from ansible_collections.webstack.flask.plugins.module_utils._layout import CERTIFICATE_ROOT

OURS = "webstack.flask self-signed"
"""The organisation in the subject of a certificate that this collection has made."""

_FILE, _DIRECTORY = Access(0, 0, 0o600), Access(0, 0, 0o700)
_BLOCK = re.compile(r"-----BEGIN (?P<kind>[A-Z0-9 ]+)-----\n.+?\n-----END (?P=kind)-----", re.DOTALL)
_LONGEST_CHAIN = 20
"""Certificates in a chain. Each is read by a call of openssl, and a CA's answer may hold any number."""

_LONGEST_REASON = 300
"""Characters of what openssl says: it may quote the certificate."""

_DATE = "%b %d %H:%M:%S %Y %Z"


@dataclass(frozen=True)
class Certificate:
    """What one certificate says. Times are UTC."""

    names: frozenset[str]
    begins: datetime
    ends: datetime
    subject: str
    issuer: str

    def covers(self, name: str) -> bool:
        """Return whether a client that asks for `name` accepts the certificate; a wildcard stands for one label."""
        return name in self.names or f"*.{name.partition('.')[2]}" in self.names

    @property
    def is_ours(self) -> bool:
        """Whether it is one that this collection has signed with its own key."""
        return self.subject == self.issuer and OURS in self.subject


def parse_certificate(shown: str) -> Certificate:
    """Return the certificate in what `openssl x509 -noout -subject -issuer -dates -ext subjectAltName` shows, or raise UserError."""
    fields = dict(re.findall(r"(?m)^(subject|issuer|notBefore|notAfter)=\s*(.*)$", shown))
    names = re.findall(r"\b(?:DNS|IP Address):([^\s,]+)", shown)
    if missing := {"subject", "issuer"} - set(fields):
        raise UserError(f"a certificate has no {' and no '.join(sorted(missing))}")
    try:
        begins, ends = (datetime.strptime(fields[key], _DATE).replace(tzinfo=timezone.utc) for key in ("notBefore", "notAfter"))
    except (KeyError, ValueError) as error:
        raise UserError(f"a certificate does not say in a readable way from when to when it is valid: {error}") from error
    return Certificate(frozenset(name.lower() for name in names), begins, ends, fields["subject"], fields["issuer"])


def find_reason_to_make(present: Certificate | None, names: Collection[str], now: datetime, margin: timedelta) -> str | None:
    """Return why a self-signed certificate has to be made, None while the one that is there will do."""
    if present is None:
        return "there was none"
    if not present.is_ours:
        return "the former one was not self-signed by this host"
    if present.names != {name.lower() for name in names}:
        return f"the former one is for {', '.join(sorted(present.names))}"
    if present.ends - now < margin:
        return f"the former one ends on {present.ends:%Y-%m-%d}"
    return None


def ends_soon(present: Certificate, now: datetime, margin: timedelta) -> bool:
    """Return whether a certificate expires within the margin, or a short-lived one within the last quarter of its life."""
    return present.ends - now < min(margin, (present.ends - present.begins) / 4)


def find_chain_problems(chain: Sequence[Certificate], names: Collection[str], now: datetime) -> list[str]:
    """Return why a browser would reject a chain, whose first certificate should cover the names."""
    leaf = chain[0]
    missing = sorted(name for name in names if not leaf.covers(name.lower()))
    problems = [f"it is for {', '.join(sorted(leaf.names)) or 'no name'}, and not for {', '.join(missing)}"] if missing else []
    for certificate in chain:
        if certificate.ends <= now:
            problems.append(f"the certificate of {certificate.subject} has ended on {certificate.ends:%Y-%m-%d}")
        if certificate.begins > now:
            problems.append(f"the certificate of {certificate.subject} begins on {certificate.begins:%Y-%m-%d} only")
    problems += [
        f"the certificate of {one.subject} was issued by {one.issuer}, but the next in the file is that of {following.subject}"
        for one, following in zip(chain, chain[1:])
        if one.issuer != following.subject
    ]
    if len(chain) == 1 and leaf.subject != leaf.issuer:
        problems.append(f"the certificate of its issuer, {leaf.issuer}, is missing; append the intermediate certificates")
    return problems


def find_signature_problems(text: str) -> list[str]:
    """Return which certificates of a chain are not signed by the next one. A CA's old and new certificates may have the same name."""
    blocks = _list_certificates(text)
    problems = []
    with tempfile.NamedTemporaryFile("w", encoding="ascii", suffix=".pem") as issuer:
        for number, (one, following) in enumerate(zip(blocks, blocks[1:]), start=1):
            issuer.seek(0)
            issuer.truncate()
            issuer.write(following)
            issuer.flush()
            try:
                _openssl("verify", "-no_check_time", "-partial_chain", "-trusted", issuer.name, text=one)
            except UserError:
                problems.append(f"certificate {number} of the file is not signed by the next one; take the chain that the CA gave with it")
    return problems


def _list_certificates(text: str) -> list[str]:
    return [found[0] for found in _BLOCK.finditer(text) if found["kind"] == "CERTIFICATE"]


def join(certificate: str, key: str) -> str:
    """Return the key and the chain as the text of one file."""
    blocks = [found[0] for text in (key, certificate) for found in _BLOCK.finditer(text)]
    return "\n".join(blocks) + "\n"


def is_pem(text: str | None) -> bool:
    """Return whether a text is a certificate or a key, not the path of one."""
    return "-----BEGIN " in (text or "")


def read_given(given: str) -> str:
    """Return a certificate or a key that was given as text or as the path of a file."""
    if is_pem(given):
        return given
    text = read_text(Path(given))
    if not text:
        raise UserError(f"{given} is not on the host, or empty")
    return text


def read_chain(text: str) -> list[Certificate]:
    """Return the certificates in a text; raise UserError when there is none or one is broken."""
    blocks = _list_certificates(text)
    if not blocks:
        raise UserError("it has no block `BEGIN CERTIFICATE`")
    if len(blocks) > _LONGEST_CHAIN:
        raise UserError(f"it has {len(blocks)} certificates, of which {_LONGEST_CHAIN} are allowed; leave out what is not in the chain")
    fields = ("-noout", "-subject", "-issuer", "-dates", "-ext", "subjectAltName")
    return [parse_certificate(_openssl("x509", *fields, text=block)) for block in blocks]


def key_fits(text: str) -> bool:
    """Return whether the private key in a text is that of its first certificate."""
    if re.search(r"-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED", text, re.MULTILINE):
        raise UserError(
            "the key (`tls.key`) has a passphrase, which nobody is there to type; take it off a copy by `openssl "
            "pkey -in KEY -out COPY`, and keep "
            "that in a vault"
        )
    return _openssl("pkey", "-passin", "pass:", "-pubout", text=text) == _openssl("x509", "-noout", "-pubkey", text=text)


def make_self_signed(names: Sequence[str], days: int, scratch: Path = Path("/run")) -> str:
    """Return a new key and a certificate for the names, as the text of one file; `scratch` is a directory in memory."""
    alternatives = ",".join(f"{'IP' if re.fullmatch(r'[0-9.]+', name) else 'DNS'}:{name}" for name in names)
    with tempfile.TemporaryDirectory(prefix="webstack-certificate-", dir=scratch) as directory:
        key, certificate = Path(directory, "key"), Path(directory, "certificate")
        curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", str(key))
        content = ("-days", str(days), "-subj", f"/O={OURS}", "-addext", f"subjectAltName={alternatives}", "-out", str(certificate))
        _openssl("req", "-x509", *curve, *content)
        return join(certificate.read_text(encoding="ascii"), key.read_text(encoding="ascii"))


def _openssl(*arguments: str, text: str = "") -> str:
    """Run openssl with `text` as its input, so that a key is never an argument; return what it shows."""
    try:
        result = subprocess.run(["openssl", *arguments], input=text, capture_output=True, text=True, errors="replace", check=False)
    except FileNotFoundError as error:
        raise UserError("openssl is not installed; install Debian's package openssl") from error
    if result.returncode != 0:
        raise UserError(f"openssl {arguments[0]} says: {(result.stderr.strip().splitlines() or ['nothing'])[0][:_LONGEST_REASON]}")
    return result.stdout


def path_of(name: str, root: Path = CERTIFICATE_ROOT) -> Path:
    """Return the file of a certificate and its key; raise UserError if the name is not allowed."""
    if not re.fullmatch("[a-z][a-z0-9_-]{0,31}", name):
        raise UserError(f"the name of a certificate is {name!r}; allowed are 1 to 32 lower-case letters, digits, '-' and '_'")
    return root / f"{name}.pem"


def read_present(path: Path) -> Certificate | None:
    """Return the certificate in a file with its key, None when there is none that can be used."""
    return read_usable(read_text(path) or "")


def read_usable(text: str) -> Certificate | None:
    """Return the certificate in a text that has its key too, None when there is none that can be used."""
    try:
        return read_chain(text)[0] if text and key_fits(text) else None
    except UserError:
        return None


def find_key_problems(path: Path) -> list[str]:
    """Return a sentence if others than root can read a key."""
    status = path.stat()
    if status.st_uid != 0 or status.st_mode & 0o007:
        # Ansible hides the path, as it would the text of a key.
        return ["others than root may get at the file of its key; run `chown root` and `chmod 600` for it"]
    return []


def list_covered(names: Sequence[str], present: Certificate | None) -> list[str]:
    """Return the names that the certificate covers."""
    return [name for name in names if present is not None and present.covers(name.lower())]


def ensure_certificate(path: Path, text: str, *, check: bool) -> bool:
    """Give the file of a certificate this content; return whether that changed anything."""
    changed = ensure_directory(path.parent, _DIRECTORY, check=check)
    return ensure_file(path, text, _FILE, check=check) or changed
