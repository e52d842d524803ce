# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a database on another host cannot be used: what PostgreSQL's programs say of it, and which key of `database` mends it."""

from __future__ import annotations

_CAUSES = (
    ("password authentication failed", "the server does not take `password`, or knows no such `user`"),
    ("no pg_hba.conf entry", "the server lets this host, `user` or `name` not in over TLS; its pg_hba.conf says whom it does"),
    ("pg_hba.conf rejects", "the server keeps this host, `user` or `name` out; its pg_hba.conf says whom it lets in"),
    ("server does not support SSL", "the server does not encrypt, and without that the password is not sent: it needs `ssl = on`"),
    (
        "certificate verify failed",
        "the server's certificate is of no CA that is trusted: `ca` is to be the certificate of its CA, or of itself",
    ),
    ("does not match host name", "the server's certificate is for another name: `host` is to be a name that is in it"),
    ("could not translate host name", "nobody knows the name in `host`"),
    ("Connection refused", "nobody listens at `host` and `port`: the server's listen_addresses, or a firewall"),
    ("No route to host", "`host` is not reached from here: its address, or a firewall"),
    ("timeout expired", "`host` does not answer: its address, or a firewall"),
    ("could not read root certificate file", "what `ca` gives or names is no certificate in PEM, or the app may not read it"),
    ("root certificate file", "the host has not the file with CAs that `ca` names"),
    ("server version mismatch", "programs of PostgreSQL dump no server that is newer; give the host newer ones, or write `dumps: 0`"),
    ("too many connections", "the role, or the server, has as many connections as it may have"),
    ("does not exist", "the server does not have what `name` or `user` say; its administrator makes both"),
)
"""Words of PostgreSQL in English, and what they mean for who wrote the entry. The first that is found counts."""


def explain(said: str) -> str:
    """Return what was said with a hint, where the cause is known."""
    hint = next((hint for words, hint in _CAUSES if words in said), None)
    return f"{said}\nHint: {hint}." if hint else said
