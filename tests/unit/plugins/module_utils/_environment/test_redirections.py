from __future__ import annotations

import json
from pathlib import Path

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._environment.dependencies import (
    Outline,
    choose_dependencies,
    outline_dependencies,
)
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError

_PROJECT = '[project]\nname = "shop"\ndependencies = ["flask", "iniconfig[x]>=1"]\n'
_POETRY = '[tool.poetry.dependencies]\npython = "^3.11"\nflask = "^3"\n'
_BUILT = '[build-system]\nrequires = ["poetry-core"]\nbuild-backend = "poetry.core.masonry.api"\n'
_PRIVATE = 'url = "https://pypi.example.com/simple"'


def _outline(source: Path, text: str, **others: str) -> Outline:
    for name, content in {"pyproject.toml": text, **others}.items():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text(content, encoding="utf-8")
    return choose_dependencies(source, packages=()).outline


def _identify(outline: Outline, *, wheels: str | None = None, index: str | None = None) -> str:
    return outline.identify(packages=(), wheels=wheels, series="3.13", additions=(), build="b1", index=index)


def _refusal(outline: Outline, *, wheels: str | None = None, index: str | None = None) -> str:
    with pytest.raises(UserError) as caught:
        _identify(outline, wheels=wheels, index=index)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (_PROJECT + "[tool.uv.sources]\niniconfig = {workspace = true}\n", "tool.uv.sources.iniconfig (workspace)"),
        (_PROJECT + '[tool.uv.sources]\nIni_Config = {git = "x"}\niniconfig = {path = "i"}\n', "tool.uv.sources.iniconfig (path)"),
        (_PROJECT + '[tool.uv.sources]\niniconfig = {git = "https://x.test/i"}\n', "tool.uv.sources.iniconfig (git)"),
        (_PROJECT + '[tool.uv.sources]\niniconfig = {url = "https://x.test/i.whl"}\n', "tool.uv.sources.iniconfig (url)"),
        (_PROJECT + '[tool.uv.sources]\niniconfig = [{index = "own", marker = "x"}]\n', "tool.uv.sources.iniconfig (index)"),
        (_PROJECT + f'[[tool.uv.index]]\nname = "own"\n{_PRIVATE}\n', "tool.uv.index (own)"),
        (_PROJECT + '[tool.uv]\nindex-url = "https://x.test/simple"\n', "tool.uv.index-url"),
        (_PROJECT + '[tool.uv]\nextra-index-url = ["https://x.test/simple"]\n', "tool.uv.extra-index-url"),
        (_PROJECT + '[tool.uv]\nfind-links = ["wheels"]\n', "tool.uv.find-links"),
        (_PROJECT + '[tool.uv]\noverride-dependencies = ["click<8"]\n', "tool.uv.override-dependencies"),
        (_PROJECT + f'[[tool.pdm.source]]\nname = "own"\n{_PRIVATE}\n', "tool.pdm.source (own)"),
        (_PROJECT + '[tool.pdm.resolution.overrides]\nclick = "7"\n', "tool.pdm.resolution.overrides"),
        (_PROJECT + '[tool.pdm.overrides]\nclick = "7"\n', "tool.pdm.overrides"),
        (_PROJECT + f'[[tool.rye.sources]]\nname = "own"\n{_PRIVATE}\n', "tool.rye.sources (own)"),
        (_PROJECT + '[tool.pixi.pypi-options]\nindex-url = "https://x.test/simple"\n', "tool.pixi.pypi-options.index-url"),
        (_PROJECT + '[tool.pixi.pypi-dependencies]\niniconfig = {path = "i"}\n', "tool.pixi.pypi-dependencies.iniconfig"),
        (_POETRY + f'[[tool.poetry.source]]\nname = "own"\n{_PRIVATE}\n' + _BUILT, "tool.poetry.source (own)"),
        (_POETRY + f'iniconfig = {{source = "own"}}\n[[tool.poetry.source]]\nname = "own"\npriority = "explicit"\n{_PRIVATE}\n' + _BUILT,
         "tool.poetry.dependencies.iniconfig (source)"),
        (_PROJECT + _POETRY + 'iniconfig = {path = "i"}\n' + _BUILT, "tool.poetry.dependencies.iniconfig (path)"),
        (_PROJECT + _POETRY + 'iniconfig = [{git = "https://x.test/i"}]\n' + _BUILT, "tool.poetry.dependencies.iniconfig (git)"),
        (_BUILT + f'[[tool.uv.index]]\nname = "own"\n{_PRIVATE}\n', "tool.uv.index (own)"),
    ],
)  # fmt: skip
def test_what_sends_a_dependency_elsewhere_is_refused_by_its_key(tmp_path: Path, text: str, named: str) -> None:
    said = _refusal(_outline(tmp_path, text))
    assert f"in a way that pip does not follow: {named}. pip would install what anybody has published" in said
    assert " requirements.txt" in said, "the way out"


@pytest.mark.parametrize(
    "text",
    [
        _PROJECT + "[tool.uv.sources]\npytest = {workspace = true}\n",
        _PROJECT + '[tool.uv.sources]\niniconfig = {git = "https://x.test/i", group = "dev"}\n',
        _PROJECT + '[dependency-groups]\ndev = ["pytest"]\n[tool.uv.workspace]\nmembers = ["packages/*"]\n',
        _PROJECT + '[[tool.uv.index]]\nname = "pypi"\nurl = "https://pypi.org/simple"\ndefault = true\n',
        _PROJECT + f'[[tool.uv.index]]\nname = "own"\nexplicit = true\n{_PRIVATE}\n',
        _PROJECT
        + '[tool.uv.sources]\niniconfig = {index = "p"}\n[[tool.uv.index]]\nname = "p"\nurl = "https://pypi.org/simple"\nexplicit = true\n',
        _PROJECT + '[tool.poetry.group.dev.dependencies]\npytest = {git = "https://x.test/p"}\n',
        _POETRY + 'iniconfig = {path = "i"}\n[[tool.poetry.source]]\nname = "PyPI"\n' + _BUILT,
        _POETRY + f'[[tool.poetry.source]]\nname = "own"\npriority = "explicit"\n{_PRIVATE}\n' + _BUILT,
        _POETRY + 'iniconfig = {version = "1", optional = true, source = "own"}\n' + _BUILT,
        '[project]\nname = "shop"\ndependencies = []\n[[tool.uv.index]]\nname = "own"\n' + _PRIVATE,
        _PROJECT + "[tool]\nuv = 1\npdm = []\n",
        _PROJECT + '[tool.uv]\nsources = "x"\nindex = 3\n',
    ],
)
def test_what_concerns_nothing_that_is_installed_is_let_be(tmp_path: Path, text: str) -> None:
    assert _identify(_outline(tmp_path, text))


def test_a_member_of_a_workspace_is_under_the_tables_of_its_root(tmp_path: Path) -> None:
    root = f'[tool.uv.workspace]\nmembers = ["web"]\n[tool.uv.sources]\niniconfig = {{workspace = true}}\n[[tool.uv.index]]\n{_PRIVATE}\n'
    _outline(tmp_path, root, **{"web/pyproject.toml": _PROJECT})
    said = _refusal(choose_dependencies(tmp_path, packages=(), file="web/pyproject.toml").outline)
    assert "tool.uv.sources.iniconfig (workspace); tool.uv.index." in said
    assert "counts before web/pyproject.toml" in said


def test_uv_s_own_file_counts_as_its_table_does(tmp_path: Path) -> None:
    assert "tool.uv.index (own)" in _refusal(_outline(tmp_path, _PROJECT, **{"uv.toml": f'[[index]]\nname = "own"\n{_PRIVATE}\n'}))


def test_an_index_that_the_description_names_takes_the_place_of_the_project_s_and_of_no_other_source(tmp_path: Path) -> None:
    outline = _outline(tmp_path, _PROJECT + f'[[tool.uv.index]]\nname = "own"\n{_PRIVATE}\n')
    assert "or name the one index that has all packages in `dependencies.index_url`" in _refusal(outline)
    assert _identify(outline, index="https://pypi.example.com/simple")
    assert _identify(outline, wheels="/srv/wheels")
    elsewhere = _outline(tmp_path, _PROJECT + '[tool.uv.sources]\niniconfig = {path = "i"}\n')
    assert "`dependencies.index_url`" not in _refusal(elsewhere, index="https://pypi.example.com/simple")
    assert _identify(elsewhere, wheels="/srv/wheels")
    versions = _outline(tmp_path, _PROJECT + '[tool.uv]\noverride-dependencies = ["click<8"]\n')
    assert _refusal(versions, index="https://pypi.example.com/simple", wheels="/srv/wheels")


def test_a_check_run_refuses_it_as_well(tmp_path: Path) -> None:
    _outline(tmp_path, _PROJECT + "[tool.uv.sources]\niniconfig = {workspace = true}\n")
    told = Outline.from_plain(json.loads(json.dumps(outline_dependencies(tmp_path, None))))
    assert "tool.uv.sources.iniconfig" in _refusal(told)


def test_constraints_of_uv_are_followed_and_make_another_environment(tmp_path: Path) -> None:
    plain = _identify(_outline(tmp_path, _PROJECT))
    outline = _outline(tmp_path, _PROJECT + '[tool.uv]\nconstraint-dependencies = ["click[x]<8"]\n')
    assert _identify(outline) != plain
    assert choose_dependencies(tmp_path, packages=()).constraints == ("click<8",)


def test_a_password_in_a_url_is_not_shown(tmp_path: Path) -> None:
    assert "s3cret" not in _refusal(_outline(tmp_path, _PROJECT + '[tool.uv]\nindex-url = "https://ann:s3cret@x.test/simple"\n'))
