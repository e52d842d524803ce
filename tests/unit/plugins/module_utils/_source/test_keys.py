"""A key that ssh cannot read is found before the server is asked."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._source.git import SshAccess
from ansible_collections.webstack.flask.plugins.module_utils._source.keys import mend_text
from ansible_collections.webstack.flask.plugins.module_utils._source.maker import open_ssh_access


def make_key(directory: Path, *options: str, kind: str = "ed25519") -> str:
    file = directory / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", kind, "-f", str(file), *(options or ("-N", ""))], check=True)
    return file.read_text(encoding="ascii")


def open_key(text: str) -> None:
    with open_ssh_access({"ssh_key": text, "known_hosts": None, "agent": None}) as access:
        assert access.key


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
def test_a_key_is_read_whatever_its_ends_of_lines(tmp_path: Path, kind: str) -> None:
    key = make_key(tmp_path, kind=kind)
    for text in (key, key.rstrip(), key.replace("\n", "\r\n"), f"\n{key}\n\n"):
        open_key(text)


@pytest.mark.parametrize(
    ("options", "kind"), [(("-N", "sesame"), "ed25519"), (("-N", "sesame", "-m", "PEM"), "rsa"), (("-N", "sesame", "-m", "PKCS8"), "rsa")]
)
def test_a_key_with_a_passphrase_is_told(tmp_path: Path, options: tuple[str, ...], kind: str) -> None:
    with pytest.raises(UserError, match=r"source\.ssh_key has a passphrase"):
        open_key(make_key(tmp_path, *options, kind=kind))


def test_a_file_that_is_no_private_key_is_told(tmp_path: Path) -> None:
    key = make_key(tmp_path)
    for text, words in (
        ((tmp_path / "key.pub").read_text(encoding="ascii"), "is a public key"),
        ("PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\n", "puttygen"),
        ("/home/me/.ssh/id_ed25519", "the content is wanted, not the path"),
        ("\n".join(key.splitlines()[:2] + key.splitlines()[3:]), "is damaged"),
        (key.replace("\n", " "), "is damaged"),
    ):
        with pytest.raises(UserError) as caught:
            open_key(text)
        assert words in str(caught.value)
        assert key.splitlines()[1] not in str(caught.value)


def test_the_hint_for_keys_that_are_not_taken_knows_which_option_was_chosen() -> None:
    hints = [
        access.explain_denial()
        for access in (SshAccess(Path("/key")), SshAccess(asks_agent=True), SshAccess(agent="/s", asks_agent=True), SshAccess())
    ]
    for hint, words in zip(hints, ("add its public half", "ForwardAgent=yes", "`ssh-add -l`", "give the server a deploy key"), strict=True):
        assert words in hint
    assert "ssh -O exit" in hints[1]


def test_a_text_is_mended() -> None:
    assert mend_text(" a\r\nb") == "a\nb\n"
