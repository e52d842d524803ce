"""How a transient unit is called, and what reaches it."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._host import commands
from ansible_collections.webstack.flask.plugins.module_utils._systemd import sandbox, systemctl
from ansible_collections.webstack.flask.plugins.module_utils._systemd.sandbox import pack, pack_command, run, unpack_then


def test_files_of_the_standard_input_are_there_when_the_command_starts(tmp_path: Path) -> None:
    with pack({"netrc": "machine x\n", "wanted": "flask\n"}) as stdin:
        command = unpack_then(tmp_path, ["/bin/sh", "-c", 'cat; cat "$1/netrc" "$1/wanted"; stat -c %a "$1/netrc"', "sh", str(tmp_path)])
        ended = subprocess.run(command, stdin=stdin, capture_output=True, text=True, check=True)
    assert ended.stdout == "machine x\nflask\n600\n"


def test_variables_are_neither_arguments_nor_settings_of_the_unit(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[list[str]] = []

    def call(words: list[str], **_options: object) -> commands.Ended:
        calls.append(words)
        (file,) = (word.partition("EnvironmentFile=")[2] for word in words if "EnvironmentFile=" in word)
        assert Path(file).read_text(encoding="utf-8") == 'TOKEN="se\\$cret"\n'
        return commands.Ended(0, "", "", cut=False)

    monkeypatch.setattr(commands, "run", call)
    run("shop-build.service", ["true"], description="d", properties=["User=shop"], variables={"TOKEN": "se$cret"}, timeout=5)
    assert "secret" not in " ".join(calls[0]).replace("$", "")


def test_a_status_of_systemd_s_own_comes_with_the_journal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "run", lambda *_words, **_options: commands.Ended(203, "said\n", "", cut=False))
    monkeypatch.setattr(systemctl, "read_journal", lambda _unit, _lines: "Failed at step EXEC")
    outcome = run("shop-build.service", ["true"], description="d", properties=[], variables={}, timeout=5)
    assert (outcome.status, outcome.said, outcome.late) == (203, "said\nFailed at step EXEC", False)


def test_a_unit_that_the_kernel_has_killed_for_its_memory_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    journal = "shop-build.service: Failed with result 'oom-kill'."
    before = time.time()

    def read(unit: str, _lines: int, since: float) -> str:
        assert unit == "shop-build.service"
        assert before <= since <= time.time(), "an earlier unit of this name is not meant"
        return journal

    monkeypatch.setattr(systemctl, "read_journal", read)
    monkeypatch.setattr(commands, "run", lambda *_words, **_options: commands.Ended(1, "said", "", cut=False))
    outcome = run("shop-build.service", ["true"], description="d", properties=[], variables={}, timeout=5)
    assert outcome.said == "said\nit was killed, because it needs more memory than it is given: 60% of the host's at most"
    journal = "shop-build.service: Main process exited, code=exited, status=1/FAILURE"
    assert run("shop-build.service", ["true"], description="d", properties=[], variables={}, timeout=5).said == "said"


def test_a_unit_that_was_collected_costs_no_call(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sandbox, "_TRANSIENT", tmp_path)
    monkeypatch.setattr(commands, "run", lambda *_words, **_options: pytest.fail("nothing is there to end"))
    sandbox.end("shop-build.service")


_WORDS = ["${HOME} $HOME $$ a$ $(id) `id`", "%n %i", "a;b ;", "two\n lines\t", "'\"\\", "", " ends ", "ñ", "\udcff", "-x", "=", "@", "!"]


def test_a_packed_command_is_the_same_in_words_that_every_systemd_passes_on() -> None:
    packed = pack_command(["printf", "%s\\0", *_WORDS])
    assert not set('$;\n\\%`"') & set("".join(packed))
    said = subprocess.run(packed, capture_output=True, check=True).stdout
    assert said == b"".join(os.fsencode(word) + b"\0" for word in _WORDS)


def test_a_packed_command_has_the_standard_input_and_ends_as_it_does() -> None:
    ended = subprocess.run(pack_command(["sh", "-c", "cat; exit 7"]), input=b"said", capture_output=True, check=False)
    assert (ended.returncode, ended.stdout) == (7, b"said")
