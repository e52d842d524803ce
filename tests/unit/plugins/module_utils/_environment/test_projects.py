from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._environment import projects
from ansible_collections.webstack.flask.plugins.module_utils._environment.dependencies import choose_dependencies
from ansible_collections.webstack.flask.plugins.module_utils._environment.project_files import read_toml

_BUILT = '[build-system]\nrequires = ["x"]\n'
_PROJECT = '[project]\nname = "shop"\ndependencies = ["flask"]\n'


@pytest.mark.parametrize(
    "said",
    [
        "[tool.poetry]\npackage-mode = false\n",
        "[tool.uv]\npackage = false\n",
        "[tool.pdm]\ndistribution = false\n",
        "[tool.rye]\nvirtual = true\n",
    ],
)
def test_a_project_that_says_that_it_is_no_package_is_not_built_and_shares_its_environment(tmp_path: Path, said: str) -> None:
    (tmp_path / "pyproject.toml").write_text(f"{_PROJECT}{said}\n{_BUILT}", encoding="utf-8")
    needs = choose_dependencies(tmp_path, packages=())
    assert (needs.outline.local, needs.listed) == (False, ("flask",))


def test_a_project_of_poetry_s_that_needs_a_part_of_the_source_has_an_environment_for_each_build(tmp_path: Path) -> None:
    text = '[tool.poetry]\npackage-mode = false\n[tool.poetry.dependencies]\nown = {path = "own"}\n' + _BUILT
    (tmp_path / "pyproject.toml").write_text(text, encoding="utf-8")
    assert choose_dependencies(tmp_path, packages=()).outline.local


@pytest.mark.parametrize(
    "output",
    [
        "RuntimeError: Building a package is not possible in non-package mode.",
        "  - The fields ['authors', 'name'] are required in package mode.",
        "ValueError: No file/folder found for package shop-api",
        "ValueError: No file/folder found for module shop",
        "error: Multiple top-level packages discovered in a flat-layout: ['static', 'shop'].",
        "ValueError: Unable to determine which files to ship inside the wheel using the following heuristics:",
        "Error: Expected a Python module at: src/shop_api/__init__.py",
    ],
)
def test_a_build_that_finds_no_package_is_told_from_one_that_fails(output: str) -> None:
    assert projects.find_reason(f"Preparing\n  {output}\nerror: subprocess-exited-with-error")
    assert not projects.find_reason("error: command 'gcc' failed: No such file or directory")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('[build-system]\nrequires = ["setuptools>=64", "setuptools_scm[toml]>=8"]\n', True),
        ('[build-system]\nrequires = ["hatchling", "hatch-vcs"]\n', True),
        ('[build-system]\nrequires = ["pdm-backend"]\n[tool.pdm.version]\nsource = "scm"\n', True),
        ('[build-system]\nrequires = ["pdm-backend"]\n', False),
        ('[build-system]\nrequires = ["setuptools"]\n', False),
        ("build-system = 1\n", False),
    ],
)
def test_a_version_that_only_the_repository_knows_is_noticed(text: str, expected: bool) -> None:  # noqa: FBT001
    assert projects.takes_version_from_repository(read_toml("pyproject.toml", text)) is expected


def test_builds_are_told_a_version_unless_the_description_tells_it() -> None:
    variables = projects.make_version_variables("3f2a-B1", {"PBR_VERSION": "1.0"})
    assert variables["SETUPTOOLS_SCM_PRETEND_VERSION"] == "0.0.dev0+3f2ab1"
    assert "PBR_VERSION" not in variables


def test_the_lines_of_requirements_are_taken_from_all_that_a_program_says() -> None:
    assert projects.read_requires("a warning\nrequires:flask (>=3,<4)\nrequires:x ; extra == 'y'\n") == [
        "flask (>=3,<4)",
        "x ; extra == 'y'",
    ]
