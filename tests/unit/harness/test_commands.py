"""The commands of ./dev: what they decide before they run anything."""

from __future__ import annotations

import argparse
import io
import re
import sys
from collections.abc import Collection
from pathlib import Path

import pytest
from harness import bootstrap, cli, docker, images, machines, paths, process, scenario, steps, system
from harness.commands import lint, molecule, sanity, versions
from harness.commands import test as full_test
from harness.process import CommandError, HarnessError
from scenario_tests import one_of


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["--help"])
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    for command in ("demo", "test", "molecule", "lint", "unit", "sanity", "build", "versions", "hosts", "docs", "bench"):
        assert f"\n    {command} " in shown


@pytest.mark.parametrize(
    ("line", "ours", "passed_on"),
    [
        ("unit -q tests/unit", ["unit"], ["-q", "tests/unit"]),
        ("unit --help", ["unit", "--help"], []),
        ("molecule site converge -- --diff", ["molecule", "site"], ["converge", "--", "--diff"]),
        ("molecule site", ["molecule", "site"], []),
        ("demo --down", ["demo", "--down"], []),
        ("", [], []),
    ],
)
def test_words_for_another_program_are_passed_on_as_they_are(line: str, ours: list[str], passed_on: list[str]) -> None:
    assert cli.split(line.split()) == (ours, passed_on)


def test_a_measurement_that_there_is_not_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["bench", "nothing", "nothng"]) == 1
    assert "There is no measurement 'nothng'; there are first, nothing," in capsys.readouterr().err


def test_pip_settings_of_files_and_environment_reach_ansible_test() -> None:
    listed = ":env:.cert='/company.pem'\n:env:.timeout='180'\nglobal.cert='/old.pem'\nglobal.index-url='https://mirror.test/simple'\n"
    assert sanity.pip_configuration(listed) == "[global]\ncert = /company.pem\nindex-url = https://mirror.test/simple\ntimeout = 180\n"


def test_plugins_are_typed_under_the_name_by_which_they_are_imported() -> None:
    files = ["plugins/modules/a.py", "tests/harness/cli.py", "tests/apps/x/app.py", "molecule/x/files/app.py", "README.md"]
    assert lint.typed_sources(files) == [
        ".collections/ansible_collections/webstack/flask/plugins/modules/a.py",
        "tests/harness/cli.py",
    ]


def test_the_full_test_has_every_scenario() -> None:
    names = [step.name for step in full_test.all_steps()]
    assert len(names) == len(set(names))
    assert {f"molecule {name}" for name in molecule.scenarios()} <= set(names)


@pytest.mark.parametrize("scenario", molecule.scenarios())
def test_every_scenario_has_tests_and_does_without_exceptions(scenario: str) -> None:
    directory = paths.SCENARIOS / scenario
    assert list(directory.glob("tests/test_*.py"))
    for file in directory.rglob("*.yml"):
        assert "notest" not in file.read_text(encoding="utf-8")
        assert "molecule-idempotence" not in file.read_text(encoding="utf-8")


@pytest.mark.parametrize(("fast", "order"), [(True, ["steps"]), (False, ["programs", "steps"])])
def test_what_runs_machines_is_installed_before_the_first_step_of_a_run_that_needs_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, order: list[str], *, fast: bool
) -> None:
    done: list[str] = []

    def run_all(_steps: object) -> list[steps.Result]:
        done.append("steps")
        return []

    monkeypatch.setattr(docker, "command", lambda: ("docker",))
    monkeypatch.setattr(images, "ensure", lambda _suite: "tag")
    monkeypatch.setattr(machines, "require_programs", lambda: done.append("programs"))
    monkeypatch.setattr(steps, "run_all", run_all)
    monkeypatch.setattr(paths, "LOGS", tmp_path)
    assert full_test.run(argparse.Namespace(fast=fast, all=False)) == 0
    assert done == order


def test_the_full_matrix_has_every_ansible_core_and_each_test_on_both_debians(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    tried: list[Collection[str]] = []

    def run_all(listed: list[steps.Step]) -> list[steps.Result]:
        (cores,) = (step for step in listed if step.name == "ansible-core versions")
        cores.act(io.StringIO())
        return []

    assert one_of("debian13", "debian12") == ["debian13"]
    monkeypatch.setenv(scenario.EVERY_DEBIAN, "")  # is set back afterwards
    for module, name, does in (
        (docker, "command", lambda: ("docker",)),
        (images, "ensure", lambda _suite: "tag"),
        (machines, "require_programs", lambda: None),
        (versions, "try_out", lambda names, _log: tried.append(names)),
        (steps, "run_all", run_all),
    ):
        monkeypatch.setattr(module, name, does)
    monkeypatch.setattr(paths, "LOGS", tmp_path)
    assert full_test.run(argparse.Namespace(fast=False, all=True)) == 0
    assert tried == [versions.SUPPORTED]
    assert one_of("debian13", "debian12") == ["debian13", "debian12"]


def test_a_failed_command_says_what_was_run_and_what_it_said() -> None:
    with pytest.raises(CommandError) as failed:
        process.output([sys.executable, "-c", "import sys; print('why'); sys.exit(3)"])
    assert failed.value.status == 3
    assert "status 3" in str(failed.value)
    assert "why" in str(failed.value)


def test_a_program_that_is_not_there_fails_like_one_that_failed() -> None:
    assert not process.succeeds(["/no/such/program"])
    with pytest.raises(CommandError):
        process.output(["/no/such/program"])


def test_without_docker_and_without_rights_one_sentence_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(docker, "_reachable", lambda: None)
    monkeypatch.setattr(system, "root_prefix", lambda: None)
    monkeypatch.setattr("shutil.which", lambda _name: None)
    docker.command.cache_clear()
    with pytest.raises(HarnessError) as refused:
        docker.command()
    docker.command.cache_clear()
    assert str(refused.value) == "Docker is missing, and test hosts are containers: run `sudo apt-get install docker.io iptables`."


def test_a_socket_that_is_not_for_this_user_is_told_apart_from_a_daemon_that_does_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(*_args: object, **_options: object) -> str:
        raise CommandError(["docker", "info"], 1, "permission denied while trying to connect to the Docker daemon socket")

    monkeypatch.setattr(docker, "_reachable", lambda: None)
    monkeypatch.setattr(system, "root_prefix", lambda: None)
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(process, "output", denied)
    docker.command.cache_clear()
    with pytest.raises(HarnessError, match="usermod -aG docker"):
        docker.command()
    docker.command.cache_clear()


def test_requirements_are_installed_again_only_when_they_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("demo", "test"):
        (tmp_path / "requirements").mkdir(exist_ok=True)
        (tmp_path / "requirements" / f"{name}.txt").write_text(name, encoding="ascii")
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    demo, test = bootstrap.digest("demo"), bootstrap.digest("test")
    assert demo != test
    (tmp_path / "requirements" / "test.txt").write_text("other", encoding="ascii")
    assert bootstrap.digest("demo") == demo
    assert bootstrap.digest("test") != test
    (tmp_path / "requirements" / "demo.txt").write_text("other", encoding="ascii")
    assert bootstrap.digest("demo") != demo


def test_every_requirement_is_pinned() -> None:
    for name in ("demo", "test"):
        for line in (paths.ROOT / "requirements" / f"{name}.txt").read_text(encoding="ascii").splitlines():
            assert line.startswith(("#", "-r ")) or "==" in line, line


RECAP = "PLAY RECAP ****\ndebian12                   : ok=9    changed={}    unreachable=0    failed=0\n"


def test_a_second_run_that_changes_something_is_not_let_pass_and_its_tasks_are_named() -> None:
    versions.require_unchanged("2.14", "debian12", RECAP.format(0))
    output = "\nTASK [Fetch] ***\nok: [debian12]\n\nTASK [Write] ***\n--- before\n+++ after\nchanged: [debian12]\n" + RECAP.format(1)
    with pytest.raises(HarnessError, match=r"2\.14 has changed debian12 again(.|\n)*: *\nTASK .Write"):
        versions.require_unchanged("2.14", "debian12", output)
    with pytest.raises(HarnessError, match="has changed"):
        versions.require_unchanged("2.14", "debian12", "no recap at all")


def test_a_supported_version_is_one_that_the_collection_says_it_runs_with() -> None:
    (oldest,) = re.findall(r">=([\d.]+)", (paths.ROOT / "meta" / "runtime.yml").read_text(encoding="utf-8"))
    assert f"{min(versions.SUPPORTED)}.0" == oldest
    for role in (paths.ROOT / "roles").glob("*/meta/main.yml"):
        assert f'min_ansible_version: "{min(versions.SUPPORTED)}"' in role.read_text(encoding="utf-8")
    readme = (paths.ROOT / "README.md").read_text(encoding="utf-8")
    assert f"ansible-core {min(versions.SUPPORTED)} to {max(versions.SUPPORTED)} are tried" in readme
    assert set(versions.FIRST) == {min(versions.SUPPORTED), max(versions.SUPPORTED)}
    warned = "[WARNING]: Collection webstack.flask does not support Ansible version 2.14.1\n" + RECAP.format(0)
    with pytest.raises(HarnessError, match=r"meta/runtime\.yml"):
        versions.require_unchanged("2.14", "debian12", warned)
