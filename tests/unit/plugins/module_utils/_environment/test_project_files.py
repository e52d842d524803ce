from __future__ import annotations

import json

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._environment.project_files import (
    Pin,
    describe_lock_mismatch,
    find_lock_gaps,
    find_pipfile_demand,
    is_installable,
    list_index_urls,
    list_pins,
    list_project_dependencies,
    read_toml,
)
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError


@pytest.mark.parametrize(
    ("requires", "demand"),
    [
        ('python_version = "3.9"', "Python 3.9 (python_version in [requires] of web/Pipfile)"),
        (
            'python_version = "3.9"\npython_full_version = "3.9.4"',
            "Python 3.9.4 (python_full_version in [requires] of web/Pipfile)",
        ),
        ("python_version = 3", "None"),
        ("", "None"),
    ],
)
def test_what_a_pipfile_demands_of_python(requires: str, demand: str) -> None:
    assert str(find_pipfile_demand("web/Pipfile", f"[packages]\n[requires]\n{requires}\n")) == demand
    assert find_pipfile_demand("Pipfile", "[packages]\n") is None


def _lock(**versions: str) -> str:
    return json.dumps({"default": {name.replace("_", "-"): {"version": f"=={version}"} for name, version in versions.items()}})


@pytest.mark.parametrize(
    ("packages", "gaps"),
    [
        ('flask = "*"', []),
        ('Flask = {version = ">=3", extras = ["async"]}', []),
        ('flask = "==3.1.0"', []),
        ('flask = "==3.*"', []),
        ('flask_login = "*"', []),
        ('"zope.interface" = "*"', []),
        ('flask = {git = "https://example.com/flask.git"}', []),
        ('redis = "*"', ["it lacks redis"]),
        ('flask = "==3.1.1"\nredis = "*"', ["it has flask==3.1.0 where the Pipfile has ==3.1.1", "it lacks redis"]),
        ('flask = {version = "==3.0"}', ["it has flask==3.1.0 where the Pipfile has ==3.0"]),
    ],
)
def test_what_a_lock_lacks_of_its_pipfile_is_told_precisely(packages: str, gaps: list[str]) -> None:
    lock = _lock(flask="3.1.0", Flask_Login="1.0", zope_interface="7")
    assert find_lock_gaps(f"[packages]\n{packages}\n[dev-packages]\npytest = '*'\n", lock) == gaps


def test_a_lock_that_is_no_json_is_refused() -> None:
    with pytest.raises(UserError, match=r"^Pipfile\.lock is not valid JSON: "):
        find_lock_gaps("[packages]\n", "<<<<<<< HEAD")


_WAYS_OUT = (
    ". Run `pipenv lock` where you develop, and commit both; or set `dependencies.ignore_lock_mismatch: true` to install the lock as it is"
)


def test_a_lock_that_lacks_something_is_described_by_that() -> None:
    assert describe_lock_mismatch(["it lacks redis"]) == f"the Pipfile.lock does not fit its Pipfile: it lacks redis{_WAYS_OUT}"


def test_a_lock_of_which_the_hash_alone_differs_is_described_as_that() -> None:
    assert describe_lock_mismatch([]) == (
        "the Pipfile.lock is not made of this Pipfile, says the host's pipenv: the hashes differ. "
        "The lock has all packages that the Pipfile names, so the Pipfile was changed in some other way, "
        f"or a version of pipenv that computes another hash has locked it{_WAYS_OUT}"
    )


_DIGEST = "a" * 64


def _lock_of(package: object, sources: object = ({"url": "https://pypi.org/simple", "verify_ssl": True},)) -> str:
    return json.dumps({"_meta": {"sources": sources}, "default": {"Some.Thing": package}})


def test_the_pins_of_a_lock_are_requirements_with_hashes() -> None:
    package = {"version": "==1.0", "hashes": [f"sha256:{_DIGEST}"], "markers": "python_version >= '3.9'", "index": "pypi"}
    (pin,) = list_pins(_lock_of(package))
    assert pin == Pin("some-thing", "1.0", frozenset({_DIGEST}), "python_version >= '3.9'")
    assert pin.requirement == f"some-thing==1.0 ; python_version >= '3.9' --hash=sha256:{_DIGEST}"


@pytest.mark.parametrize(
    "package",
    [
        {"version": "==1.0"},
        {"version": "==1.0", "hashes": []},
        {"version": "==1.0", "hashes": ["md5:0"]},
        {"version": "*", "hashes": [f"sha256:{_DIGEST}"]},
        {"version": "==1.0\n--index-url https://evil.example", "hashes": [f"sha256:{_DIGEST}"]},
        {"version": "==1.0", "hashes": [f"sha256:{_DIGEST}"], "markers": "\n--index-url https://evil.example"},
        {"path": ".", "editable": True},
        {"git": "https://example.com/thing.git", "ref": "abc"},
        "==1.0",
    ],
)
def test_a_lock_of_which_something_is_not_pinned_by_digest_has_no_pins(package: object) -> None:
    assert list_pins(_lock_of(package)) == []


@pytest.mark.parametrize(
    "sources", [[], [{"url": "https://a.example"}, {"url": "https://b.example"}], [{"verify_ssl": False}], ["pypi"], {}]
)
def test_a_lock_of_other_than_one_index_with_a_certificate_has_no_pins(sources: object) -> None:
    assert list_pins(_lock_of({"version": "==1.0", "hashes": [f"sha256:{_DIGEST}"]}, sources)) == []


_DEEP, _LONG = "[" * 100_000, "9" * 5000


@pytest.mark.parametrize("lock", [_DEEP, f'{{"default": {_LONG}}}'])
def test_a_lock_that_was_made_to_break_its_reader_is_no_json(lock: str) -> None:
    with pytest.raises(UserError, match=r"^Pipfile\.lock is not valid JSON: "):
        list_pins(lock)


@pytest.mark.parametrize("text", [f"a = {_DEEP}", f"a = {_LONG}", "a = {b = " * 10_000, "<<<<<<<"])
def test_a_file_that_was_made_to_break_its_reader_is_no_toml(text: str) -> None:
    with pytest.raises(UserError, match=r"^pyproject\.toml is not valid TOML: ") as caught:
        read_toml("pyproject.toml", text)
    assert len(str(caught.value)) < 400


def test_a_toml_file_that_would_take_minutes_to_read_is_refused() -> None:
    with pytest.raises(UserError, match="has more than 262144 characters"):
        read_toml("Pipfile", "a." * 200_000 + "a = 1")


@pytest.mark.parametrize("value", ["5", "true", '"flask"', "{a = 1}", '[5, "flask"]'])
def test_a_value_of_another_type_than_it_should_be_says_nothing(value: str) -> None:
    content = read_toml("pyproject.toml", f"[project]\ndependencies = {value}\ndynamic = {value}\nrequires-python = {value}\n")
    assert list_project_dependencies(content) == (["5", "flask"] if value.startswith("[") else [])
    assert not is_installable(content)
    assert list_index_urls("Pipfile", f"source = {value}\n") == []
    assert list_index_urls("Pipfile.lock", '{"_meta": {"sources": 5}}') == []
    assert list_pins('{"_meta": {"sources": {"a": 1}}, "default": 5}') == []
