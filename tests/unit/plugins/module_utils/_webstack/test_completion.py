"""What a real bash completes, on a host in a directory."""

from __future__ import annotations

import shlex
import subprocess
import time
from pathlib import Path

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._webstack.completion import format_completion
from ansible_collections.webstack.flask.plugins.module_utils._webstack.program import COMMANDS, make_parser

ASK = """
COMP_CWORD=$(( $# - 1 ))
COMP_WORDS=("$@")
_webstack_flask
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The script, for a host with two apps, a directory that is none, and units of a third app that is called alike."""
    top = tmp_path_factory.mktemp("host")
    www, units = top / "www", top / "units"
    for app, releases in {"shop": ("0123456789ab", "0189abcdef01"), "courier": ()}.items():
        (www / app).mkdir(parents=True)
        (www / app / ".webstack-flask").touch()
        for release in releases:
            (www / app / "releases" / release).mkdir(parents=True)
    (www / "html").mkdir()
    units.mkdir()
    live = "0123456789ab.service"
    for unit in (f"celery@{live}", f"celery.2@{live}", f"bot@{live}", f"digest.job@{live}", "digest.job.timer", "digest.job.service"):
        (units / f"shop.{unit}").touch()
    (units / f"shop-two.spy@{live}").touch()
    (units / "shop.backup.timer").touch()
    text = format_completion({name: make_parser(name) for name in COMMANDS})
    return text.replace("www=/var/www", f"www={www}").replace("units=/etc/systemd/system", f"units={units}")


def complete(script: str, typed: str) -> list[str]:
    """Return what bash offers for the last word of what is typed."""
    words = [*typed.split(" ")]
    command = ["bash", "--norc", "-euc", f"{script}\nset -- {shlex.join(words)}\n{ASK}"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("webstack ", ["courier", "shop"]),
        ("webstack c", ["courier"]),
        ("webstack --json s", ["shop"]),
        ("webstack shop re", ["releases", "restart"]),
        ("webstack shop --json re", ["releases", "restart"]),
        ("webstack shop logs --s", ["--since"]),
        ("webstack shop logs ", ["backup", "bot", "celery", "deploy", "digest", "nginx", "web"]),
        ("webstack shop logs -n 5 b", ["backup", "bot"]),
        ("webstack shop logs --since ", []),
        ("webstack shop logs celery ", []),
        ("webstack shop restart ", ["bot", "celery", "web"]),
        ("webstack shop restart web c", ["celery"]),
        ("webstack shop jobs ", ["resume", "run", "suspend"]),
        ("webstack shop jobs run ", ["digest"]),
        ("webstack shop jobs run digest ", []),
        ("webstack courier jobs run ", []),
        ("webstack shop backups ", ["make", "verify"]),
        ("webstack shop rollback --release 01", ["0123456789ab", "0189abcdef01"]),
        ("webstack shop rollback --release 018", ["0189abcdef01"]),
        ("webstack shop run --release ", ["0123456789ab", "0189abcdef01"]),
        ("webstack shop run -- ", []),
        ("webstack shop run -- flask --", []),
        ("webstack ../x logs ", ["backup", "deploy", "nginx", "web"]),
    ],
)
def test_each_word_is_completed_by_what_can_stand_there(script: str, typed: str, offered: list[str]) -> None:
    assert complete(script, typed) == offered


def test_all_commands_and_all_their_options_are_offered(script: str) -> None:
    assert complete(script, "webstack shop ") == sorted(COMMANDS)
    for command in COMMANDS:
        known = [name for action in make_parser(command).taken for name in action.option_strings]
        assert complete(script, f"webstack shop {command} -") == sorted(known)


def test_it_takes_no_longer_than_people_wait(script: str, tmp_path: Path) -> None:
    """With 40 questions in one shell the time of starting one does not count."""
    asked = "".join(f"COMP_WORDS=(webstack shop logs ''); COMP_CWORD=3; _webstack_flask # {number}\n" for number in range(40))
    (tmp_path / "script").write_text(f"{script}\n{asked}")
    began = time.monotonic()
    subprocess.run(["bash", "--norc", str(tmp_path / "script")], check=True)
    assert time.monotonic() - began < 40 * 0.2
