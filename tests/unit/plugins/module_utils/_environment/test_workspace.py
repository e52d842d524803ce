"""What an installation may see and do."""

from __future__ import annotations

import stat
import tarfile
from dataclasses import replace
from pathlib import Path
from typing import IO

import pytest
from ansible_collections.webstack.flask.plugins.module_utils import _layout as layout_module
from ansible_collections.webstack.flask.plugins.module_utils._environment.access import GitAccess
from ansible_collections.webstack.flask.plugins.module_utils._environment.pythons import Python
from ansible_collections.webstack.flask.plugins.module_utils._environment.workspace import Installer, Workspace, make_variables
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._layout import AppLayout
from ansible_collections.webstack.flask.plugins.module_utils._systemd import sandbox
from ansible_collections.webstack.flask.plugins.module_utils._systemd.sandbox import FENCES, LIMITS, Outcome

SHOP = AppLayout("shop", Path("/var/www/shop"))
INSTALLER = Installer(Python("/usr/bin/python3", "3.13.5"), "/usr/bin/python3", "/usr/bin/pipenv", {}, timeout=9)
PLACE = Workspace(INSTALLER, SHOP, SHOP.environment("e1"), 998, 998, 997, {}, {}, "machine x\n")


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """What the last call of a unit was given."""
    call: dict[str, object] = {}

    def run(unit: str, command: list[str], **options: object) -> Outcome:
        call.update(options, unit=unit, command=command)
        return Outcome(0, "done")

    monkeypatch.setattr(sandbox, "run", run)
    return call


def properties(called: dict[str, object]) -> dict[str, str]:
    listed = called["properties"]
    assert isinstance(listed, list)
    return dict(line.split("=", 1) for line in listed)


def test_an_installation_has_the_fences_of_an_app_and_limits_and_writes_to_its_own_work_alone(called: dict[str, object]) -> None:
    assert PLACE.run("true") == "done"
    found = properties(called)
    assert {**FENCES, **LIMITS}.items() <= found.items()
    assert found["ReadWritePaths"] == "/var/cache/webstack-flask/shop/work"
    assert found["BindPaths"] == "/var/cache/webstack-flask/shop/work/environment:/var/www/shop/environments/e1"
    assert called["unit"] == "shop-build.service"


def test_what_an_installation_unpacks_lies_where_room_was_looked_for_unless_the_description_names_another_place() -> None:
    assert make_variables(SHOP, PLACE.directory, INSTALLER, {})["TMPDIR"] == "/var/cache/webstack-flask/shop/work/tmp"
    assert make_variables(SHOP, PLACE.directory, INSTALLER, {"TMPDIR": "/srv/tmp"})["TMPDIR"] == "/srv/tmp"


@pytest.mark.parametrize("path", ["/home/admin/wheels", "/root/ca.pem"])
def test_of_home_directories_it_sees_what_the_description_names(called: dict[str, object], path: str) -> None:
    replace(PLACE, installer=replace(INSTALLER, variables={"PIP_CERT": path})).run("true")
    assert (properties(called)["ProtectHome"], properties(called)["BindReadOnlyPaths"]) == ("tmpfs", f"-{path}")


@pytest.mark.parametrize("value", ["/srv/wheels", "/home/a b", "/home/x:/etc", "-r /home/x"])
def test_other_values_open_nothing(called: dict[str, object], value: str) -> None:
    replace(PLACE, installer=replace(INSTALLER, variables={"X": value})).run("true")
    assert properties(called)["ProtectHome"] == "yes"
    assert "BindReadOnlyPaths" not in properties(called)


@pytest.mark.parametrize(
    ("outcome", "message"),
    [
        (Outcome(127, "sh: 1: exec: /usr/bin/pipenv9: not found\n"), "there is no program /usr/bin/pipenv9 on the host"),
        (Outcome(1, "", late=True), "took more than 9 s and was stopped"),
        (Outcome(1, "ERROR: no such package"), "`/usr/bin/pipenv9` failed:\n  ERROR: no such package"),
    ],
)
def test_how_a_command_has_failed_is_told(monkeypatch: pytest.MonkeyPatch, outcome: Outcome, message: str) -> None:
    monkeypatch.setattr(sandbox, "run", lambda *_words, **_options: outcome)
    with pytest.raises(UserError) as caught:
        PLACE.run("/usr/bin/pipenv9")
    assert message in str(caught.value)


def test_all_that_a_command_has_said_is_in_a_file_of_root_where_the_message_is_shorter(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(layout_module, "LOG_ROOT", tmp_path / "log")
    for number in (1, 2):
        said = "".join(f"line {line} of {number}, as s3cret\n" for line in range(100))
        monkeypatch.setattr(sandbox, "run", lambda *_words, said=said, **_options: Outcome(1, said))
        with pytest.raises(UserError) as caught:
            replace(PLACE, installer=replace(INSTALLER, secrets=frozenset({"s3cret"}))).run("pip")
        assert str(caught.value).endswith(f"\nAll of it is in {tmp_path}/log/shop-installation.log on the host.")
        assert SHOP.installation_log.read_text(encoding="utf-8") == said.replace("s3cret", "****")
    assert stat.S_IMODE(SHOP.installation_log.stat().st_mode) == 0o600
    assert stat.S_IMODE(SHOP.installation_log.parent.stat().st_mode) == 0o700


def test_the_reason_is_told_though_there_is_no_place_for_all_of_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(layout_module, "LOG_ROOT", tmp_path / "file" / "log")
    (tmp_path / "file").touch()
    monkeypatch.setattr(sandbox, "run", lambda *_words, **_options: Outcome(1, "line\n" * 99 + "no such package\n"))
    with pytest.raises(UserError) as caught:
        PLACE.run("pip")
    assert str(caught.value).endswith("no such package")


def test_what_it_shows_to_git_servers_it_gets_as_private_files_and_no_message_repeats_it(monkeypatch: pytest.MonkeyPatch) -> None:
    line = "b3BlbnNzaC1rZXktdjEAAAAABG5vbmU"
    access = GitAccess(f"-----BEGIN OPENSSH PRIVATE KEY-----\n{line}\n", "h.test ssh-ed25519 AAAA\n")
    packed: dict[str, int] = {}

    def run(_unit: str, command: list[str], *, stdin: IO[bytes], **options: object) -> Outcome:
        with tarfile.open(fileobj=stdin) as archive:
            packed.update({member.name: member.mode for member in archive})
        assert line not in str((command, options))
        return Outcome(1, f"a package says {line}")

    monkeypatch.setattr(sandbox, "run", run)
    with pytest.raises(UserError) as caught:
        replace(PLACE, installer=replace(INSTALLER, access=access)).run("pip")
    assert packed == {"netrc": 0o600, "ssh_key": 0o600, "known_hosts": 0o600}
    assert "a package says ****" in str(caught.value)
