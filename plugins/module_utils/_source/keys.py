# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private keys for ssh: looked at before git is asked, because ssh passes over one that it cannot read, and the server is blamed."""

from __future__ import annotations

import subprocess
from pathlib import Path

from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError

_PUBLIC = (
    "ssh-",
    "ecdsa-sha2-",
    "sk-ssh-",
    "sk-ecdsa-",
    "---- BEGIN SSH2 PUBLIC KEY",
    "-----BEGIN PUBLIC KEY",
    "-----BEGIN RSA PUBLIC KEY",
)
_PUTTY = "PuTTY-User-Key-File"


def mend_text(text: str) -> str:
    """Return a text with one newline at its end, and without the carriage returns that editors of Windows put before each."""
    return text.replace("\r\n", "\n").replace("\r", "\n").strip() + "\n"


def require_private_key(text: str, file: Path, name: str = "source.ssh_key") -> None:
    """Raise UserError unless a text, which is in a file too, is a private key that ssh can read without asking anybody."""
    if text.startswith(_PUTTY):
        raise UserError(
            f"{name} is a key of PuTTY's own kind; convert it by `puttygen KEY.ppk -O private-openssh -o KEY`, and give that file"
        )
    if text.startswith(_PUBLIC):
        raise UserError(f"{name} is a public key; give the private one, which is the file of the same name without `.pub`")
    if "PRIVATE KEY-----" not in text:
        raise UserError(
            f"{name} is no private key: it must begin with a line such as `-----BEGIN OPENSSH PRIVATE KEY-----`; "
            "the content is wanted, not the path: `ssh_key: \"{{ lookup('file', 'KEY') }}\"`"
        )
    try:
        result = subprocess.run(
            ["ssh-keygen", "-y", "-P", "", "-f", str(file)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
    except FileNotFoundError:
        return  # then git says that there is no ssh
    if result.returncode == 0:
        return
    if "passphrase" in result.stderr:
        raise UserError(
            f"{name} has a passphrase, which nobody is there to type; take it off a copy by `ssh-keygen "
            "-p -N '' -f KEY`, keep that in "
            "a vault, or use `ssh_agent: true` in its place"
        )
    raise UserError(
        f"{name} is damaged: ssh-keygen cannot read it. Give the whole file as it is, every line of it, such as by "
        "`ssh_key: \"{{ lookup('file', 'KEY') }}\"` or as a block after `|`"
    )
