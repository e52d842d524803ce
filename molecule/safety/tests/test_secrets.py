"""The values of environment variables are read by the app and by nobody else."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING

from scenario_tests import run_playbook

if TYPE_CHECKING:
    from collections.abc import Iterator

    from testinfra.host import Host

testinfra_hosts = ["debian13"]

SITE = Path("playbooks/site.yml")
SECRET = "shown to nobody"  # noqa: S105 - it is to be looked for


def test_secrets_are_in_no_journal_unit_or_process_list(host: Host) -> None:
    for command in ("journalctl --no-pager", "systemctl cat '*'", "ps -eo args"):
        assert "secret-of-beta" not in host.run(command).stdout, command


def test_a_secret_is_in_no_output_and_no_journal_however_much_is_asked_for(host: Host) -> None:
    apps = host.ansible.get_variables()["flask_apps"]
    for app in apps:
        app["env"] = {"TOKEN": f"{SECRET} {token_hex(4)}"}
    since = host.check_output("date +%s")
    play = run_playbook(host, SITE, {"flask_apps": apps}, options=["-vvv"]).succeeded()
    assert play.changed > 0
    journal = host.check_output("journalctl --no-pager --output=cat --since=@%s", since)
    assert "gunicorn" in journal, "it is the right part of the journal"
    for text in (play.output, journal):
        assert SECRET not in text
        assert not any(SECRET.encode() in decoded for decoded in decode_words(text))


def decode_words(text: str) -> Iterator[bytes]:
    """Yield what the words of a text stand for that may be in base64."""
    for word in re.findall(r"[A-Za-z0-9+/]{16,}={0,2}", text):
        yield base64.b64decode(word[: len(word) // 4 * 4])
