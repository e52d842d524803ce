from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._environment.dependencies import choose_dependencies
from ansible_collections.webstack.flask.plugins.module_utils._environment.requirements import list_local_directories, split_hashed
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError

_HASHED = "blinker==1.9.0 \\\n    --hash=sha256:aa \\\n    --hash=sha256:bb\n    # via flask\n"
_COMMIT = "4f0d3a9c1b2e5f60718293a4b5c6d7e8f9012345"


@pytest.mark.parametrize(
    "line",
    [
        "-e .",
        "--editable=./packages/own",
        "-e file:///srv/own",
        ".",
        "./packages/own ; python_version > '3'",
        "own @ file:packages/own",
        "./vendor/own-1.0-py3-none-any.whl",
        f"own @ git+https://x.test/own.git@{_COMMIT}",
        f"-e git+ssh://git@x.test/own.git@{_COMMIT}#egg=own",
    ],
)
def test_what_can_have_no_hash_is_installed_by_itself_beside_lines_with_hashes(line: str) -> None:
    kept, alone = split_hashed({"requirements.txt": f"# by uv\n{line}  # the app\n{_HASHED}"})
    assert (kept, alone) == ({"requirements.txt": f"# by uv\n{_HASHED}"}, [line])


@pytest.mark.parametrize(
    "line",
    [
        "flask==3.1.3",
        "own @ git+https://x.test/own.git@main",
        "own @ https://x.test/own.whl",
        "./vendor/own.whl --hash=sha256:cc",
        "-f wheels",
        "--index-url https://x.test/simple",
        "-r other.txt",
        "-c limits.txt",
    ],
)
def test_all_other_lines_stay_so_that_pip_demands_their_hashes(line: str) -> None:
    text = f"{line}\n{_HASHED}"
    assert split_hashed({"requirements.txt": text}) == ({"requirements.txt": text}, [])


def test_a_file_without_hashes_stays_as_it_is() -> None:
    texts = {"requirements.txt": "-e .\n-r more.txt\n", "more.txt": "./own\nflask==3.1.3\n"}
    assert split_hashed(texts) == (texts, [])


def test_a_hash_in_one_file_makes_pip_demand_them_in_all() -> None:
    texts = {"requirements.txt": "-e .\n-r more.txt\n", "more.txt": _HASHED}
    assert split_hashed(texts) == ({**texts, "requirements.txt": "-r more.txt\n"}, ["-e ."])


def test_the_projects_that_requirements_name_are_found() -> None:
    text = "-e .\n./packages/own[x]\nown @ file:other\n--editable=web ; python_version > '3'\nflask\n-f wheels\ngit+https://x.test/a\n"
    assert list_local_directories([text]) == [".", "packages/own", "other", "web"]


@pytest.mark.parametrize(("line", "refused"), [("-e .", True), ("-e .\niniconfig @ file:iniconfig", False), ("flask", False)])
def test_requirements_do_not_hide_that_a_project_of_theirs_sends_its_dependencies_elsewhere(
    tmp_path: Path,
    line: str,
    refused: bool,  # noqa: FBT001
) -> None:
    project = '[project]\nname = "shop"\ndependencies = ["iniconfig"]\n[tool.uv.sources]\niniconfig = {path = "iniconfig"}\n'
    (tmp_path / "pyproject.toml").write_text(project, encoding="utf-8")
    for hashed in ("", _HASHED):
        (tmp_path / "requirements.txt").write_text(f"{line}\n{hashed}", encoding="utf-8")
        outline = choose_dependencies(tmp_path, packages=()).outline
        if refused and not hashed:
            with pytest.raises(UserError, match=r"tool\.uv\.sources\.iniconfig \(path\)"):
                outline.identify(packages=(), wheels=None, series="3.13", additions=(), build="b")
        else:
            assert outline.identify(packages=(), wheels=None, series="3.13", additions=(), build="b")
