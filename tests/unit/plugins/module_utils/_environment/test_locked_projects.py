"""How the tools that have made a lock are asked to write it in pip's words."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._environment import locked_projects
from ansible_collections.webstack.flask.plugins.module_utils._environment.dependencies import Dependencies, Outline
from ansible_collections.webstack.flask.plugins.module_utils._environment.pythons import Python
from ansible_collections.webstack.flask.plugins.module_utils._environment.workspace import Installer, Workspace
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._layout import AppLayout
from ansible_collections.webstack.flask.plugins.module_utils._systemd import sandbox
from ansible_collections.webstack.flask.plugins.module_utils._systemd.sandbox import Outcome

SHOP = AppLayout("shop", Path("/var/www/shop"))
PROJECT = '[project]\nname = "shop"\ndependencies = ["flask"]\n'
PIN = "flask==3.1.3 --hash=sha256:0ef0\n"

Calls = list[list[str]]


class Host:
    """Answers the commands of an installation: what a program says, and whether that is a failure."""

    def __init__(self, refusals: dict[str, str], exported: str) -> None:
        """Begin with what each command, by a part of it, says when it fails; and with what is exported."""
        self.refusals, self.exported = refusals, exported
        self.calls: Calls = []
        self.variables: list[dict[str, str]] = []

    def run(self, _unit: str, command: list[str], *, variables: dict[str, str], **_options: object) -> Outcome:
        """Stand for `sandbox.run`."""
        words = command[4:]  # after what unpacks the private files
        self.calls.append(words)
        self.variables.append(variables)
        line = " ".join(words)
        said = next((said for part, said in self.refusals.items() if part in line), None)
        return Outcome(1, said) if said is not None else Outcome(0, self.exported if words[0] == "/bin/cat" else "")

    def find(self, *words: str) -> list[str]:
        """Return the one command that has these words."""
        (found,) = (call for call in self.calls if set(words) <= {*call, call[0].rpartition("/")[2]})
        return found


def install(
    monkeypatch: pytest.MonkeyPatch, file: str, *, refusals: dict[str, str] | None = None, exported: str = PIN, ignore: bool = False
) -> Host:
    host = Host(refusals or {}, exported)
    monkeypatch.setattr(sandbox, "run", host.run)
    variables = {"PIP_CERT": "/etc/ssl/ca.pem"}
    installer = Installer(
        Python("/usr/bin/python3", "3.13.5"), "/usr/bin/python3", "/usr/bin/pipenv", variables, 9, ignore_lock_mismatch=ignore
    )
    workspace = Workspace(installer, SHOP, SHOP.environment("e1"), 998, 998, 997, variables, {})
    needs = Dependencies(Outline(file, file), (("pyproject.toml", PROJECT), (file, "")), content={"project": {"dependencies": ["flask"]}})
    locked_projects.install_locked_project(workspace, needs, "b1", workspace.project)
    return host


@pytest.mark.parametrize(
    ("file", "refusals", "way"),
    [
        ("uv.lock", {"uv export": "error: The lockfile at `uv.lock` needs to be updated, but `--locked` was provided."}, "; or set `dep"),
        (
            "poetry.lock",
            {"poetry export": "pyproject.toml changed significantly. Run `poetry lock` to fix"},
            "; or",
        ),
        ("pdm.lock", {"pdm lock --check": "Lockfile hash doesn't match pyproject.toml, packages may be outdated"}, "; or set `dep"),
    ],
)
def test_a_lock_that_its_tool_finds_old_is_refused_with_the_command_that_renews_it(
    monkeypatch: pytest.MonkeyPatch, file: str, refusals: dict[str, str], way: str
) -> None:
    tool = file.removesuffix(".lock")
    message = f"the {file} does not fit its pyproject.toml, says {tool}. Run `{tool} lock` where you develop, and commit both{way}"
    with pytest.raises(UserError) as caught:
        install(monkeypatch, file, refusals=refusals)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(("file", "part"), [("uv.lock", "uv export"), ("poetry.lock", "poetry export"), ("pdm.lock", "pdm export")])
def test_another_failure_of_a_tool_is_told_as_it_is(monkeypatch: pytest.MonkeyPatch, file: str, part: str) -> None:
    with pytest.raises(UserError, match=r"failed:\n  error: no route to the index$"):
        install(monkeypatch, file, refusals={part: "error: no route to the index"})


@pytest.mark.parametrize(("file", "strict", "lax"), [("uv.lock", "--locked", "--frozen"), ("pdm.lock", "--check", "")])
def test_a_lock_is_taken_as_it_is_where_the_description_says_so(monkeypatch: pytest.MonkeyPatch, file: str, strict: str, lax: str) -> None:
    assert any(strict in call for call in install(monkeypatch, file).calls)
    ignoring = install(monkeypatch, file, ignore=True).calls
    assert not any(strict in call for call in ignoring)
    assert not lax or any(lax in call for call in ignoring)


@pytest.mark.parametrize("file", ["uv.lock", "poetry.lock", "pdm.lock"])
def test_what_is_exported_is_installed_by_its_hashes_and_what_can_have_none_without_what_it_needs(
    monkeypatch: pytest.MonkeyPatch, file: str
) -> None:
    host = install(monkeypatch, file, exported=f"-e ./member\n{PIN}")
    first, second = (call for call in host.calls if "--no-deps" in call)
    assert ("--require-hashes" in first, "--require-hashes" in second) == (True, False)


def test_a_pylock_is_installed_by_uv_which_trusts_the_same_certificates(monkeypatch: pytest.MonkeyPatch) -> None:
    host = install(monkeypatch, "pylock.toml", ignore=True)
    call = host.find("uv", "pip", "install")
    assert call[-1] == "/var/cache/webstack-flask/shop/work/project/pylock.toml"
    assert host.variables[host.calls.index(call)]["SSL_CERT_FILE"] == "/etc/ssl/ca.pem"


def test_a_pylock_that_lacks_a_dependency_of_its_project_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match=r"^the pylock\.toml does not fit its pyproject\.toml: it lacks flask\. Run `uv export"):
        install(monkeypatch, "pylock.toml")


def test_a_lock_with_packages_that_can_have_no_hash_is_exported_as_a_pylock_where_its_tool_writes_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    host = install(monkeypatch, "pdm.lock", refusals={"--format=requirements": "[PdmUsageError]: Hash is not available for 'kept @ git+x'"})
    exported = "/var/cache/webstack-flask/shop/work/project/pylock.exported.toml"
    assert host.find("pdm", "export", "--prod", "--format=pylock")[-1] == f"--output={exported}"
    assert host.find("uv", "pip", "install")[-1] == exported
    assert not any("--require-hashes" in call for call in host.calls)
