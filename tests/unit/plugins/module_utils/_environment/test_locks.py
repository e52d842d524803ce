from __future__ import annotations

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._environment.locks import (
    describe_mismatch,
    find_gaps,
    find_lock_demand,
    installs_itself,
    names_local_lock,
    split_export,
)
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError

_HASHED = "flask==3.1.3 \\\n    --hash=sha256:0ef0 \\\n    --hash=sha256:f4bc\n"
_COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.mark.parametrize(
    "line",
    [
        "-e .",
        "-e ./packages/iniconfig",
        "./vendor/thing",
        "-e file:///srv/thing",
        "vendored @ file:///srv/thing",
        f"thing @ git+https://example.com/thing@{_COMMIT}",
        f"thing[web] @ git+ssh://git@example.com/thing.git@{_COMMIT}#subdirectory=x",
    ],
)
def test_what_cannot_have_a_hash_is_taken_out_of_an_export(line: str) -> None:
    assert split_export("uv.lock", f"--index-url https://x.test\n{line}\n{_HASHED}") == (
        ["--index-url https://x.test", *_HASHED.splitlines()],
        [line],
    )


def test_an_export_may_have_nothing_but_the_project() -> None:
    assert split_export("uv.lock", "# by uv\n-e .\n") == ([], ["-e ."])
    assert split_export("uv.lock", "--index-url https://x.test\n\n") == ([], [])


def test_a_lock_without_hashes_is_refused() -> None:
    with pytest.raises(UserError, match=r"^the web/pdm\.lock has no hashes"):
        split_export("web/pdm.lock", "flask==3.1.3\n")


@pytest.mark.parametrize(
    "lock",
    [
        'source = { editable = "." }',
        'source = { directory = "vendor" }',
        'source = { path = "x.whl" }',
        '[package.source]\ntype = "directory"\nurl = "edit"',
        'path = "./vendored"',
        '[[packages]]\nname = "x"\n[packages.directory]\n',
        'directory = {path = "."}',
    ],
)
def test_a_lock_that_names_a_part_of_the_source_is_one_of_each_build(lock: str) -> None:
    assert names_local_lock(lock)


@pytest.mark.parametrize("lock", ['source = { virtual = "." }', 'source = { registry = "https://pypi.org/simple" }', 'type = "legacy"'])
def test_other_locks_are_not(lock: str) -> None:
    assert not names_local_lock(lock)


def test_what_a_pylock_lacks_of_its_project_is_told() -> None:
    lock = '[[packages]]\nname = "flask-login"\n'
    assert find_gaps(lock, ["Flask_Login[x]>=1", "redis", 'tomli; python_version < "3.11"']) == ["it lacks redis"]


def test_a_lock_that_does_not_fit_is_described_with_the_ways_out() -> None:
    assert describe_mismatch("web/poetry.lock", "poetry lock", [], can_ignore=False) == (
        "the web/poetry.lock does not fit its pyproject.toml, says poetry. Run `poetry lock` where you develop, and commit both; "
        "or name another file in `dependencies.file`"
    )
    assert "pyproject.toml: it lacks redis. Run" in describe_mismatch("uv.lock", "uv lock", ["it lacks redis"], can_ignore=True)
    assert "set `dependencies.ignore_lock_mismatch: true`" in describe_mismatch("uv.lock", "uv lock", [], can_ignore=True)


def test_a_pylock_demands_a_python() -> None:
    assert find_lock_demand('lock-version = "1.0"\nrequires-python = ">=3.11"\n') == ">=3.11"
    assert find_lock_demand('lock-version = "1.0"\n') == ""


def test_a_project_is_installed_beside_its_lock_unless_its_tool_says_that_it_is_none() -> None:
    assert installs_itself("poetry.lock", {}, installable=True)
    assert installs_itself("pdm.lock", {"tool": {"pdm": {}}}, installable=True)
    assert not installs_itself("pdm.lock", {"tool": {"pdm": {"distribution": False}}}, installable=True)
    assert not installs_itself("poetry.lock", {"tool": {"poetry": {"package-mode": False}}}, installable=True)
    assert not installs_itself("poetry.lock", {}, installable=False)
    assert not installs_itself("uv.lock", {}, installable=True), "its export says so"
