from __future__ import annotations

import os
import sys
from pathlib import Path, PurePosixPath

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._environment.environments import (
    RECORD,
    find_installed,
    is_finished,
    is_usable,
    list_installed_pins,
    list_missing,
    names_places,
)


def test_what_is_installed_is_known_by_name_and_version(tmp_path: Path) -> None:
    packages = tmp_path / "lib/python3.13/site-packages"
    for name in (
        "Flask_Login-0.6.3.dist-info",
        "zope.interface-7.2.dist-info",
        "old-1.0.post1-py3.13.egg-info",
        "own.egg-link",
        "flask_login/thing-1.0.dist-info",
        "flask_login-0.6.3.data",
        "__pycache__",
    ):
        (packages / name).mkdir(parents=True)
    installed = find_installed(tmp_path)
    assert installed == {"flask-login": "0.6.3", "old": "1.0.post1", "own": "", "zope-interface": "7.2"}
    assert list_installed_pins(installed) == ["flask-login==0.6.3", "old==1.0.post1", "zope-interface==7.2"]


def test_nothing_installed_is_no_constraint(tmp_path: Path) -> None:
    assert list_installed_pins(find_installed(tmp_path)) == []


def test_an_environment_is_finished_once_its_record_is_written(tmp_path: Path) -> None:
    assert not is_finished(tmp_path / "missing")
    assert not is_finished(tmp_path)
    (tmp_path / RECORD).touch()
    assert is_finished(tmp_path)


def test_a_record_that_is_a_link_does_not_count(tmp_path: Path) -> None:
    (tmp_path / "other").touch()
    (tmp_path / RECORD).symlink_to("other")
    assert not is_finished(tmp_path)


def test_an_environment_whose_interpreter_is_gone_is_not_usable(tmp_path: Path) -> None:
    (tmp_path / RECORD).touch()
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/python").symlink_to(sys.executable)
    assert is_usable(tmp_path)
    (tmp_path / "bin/python").unlink()
    (tmp_path / "bin/python").symlink_to("/usr/bin/python3.2")
    assert not is_usable(tmp_path)


_INSTALLED = {"gevent": "22.10.2", "gunicorn": "23.0.0", "tornado": "", "uvicorn-worker": "0.1"}


@pytest.mark.parametrize("addition", ["gevent==26.9.0", "gunicorn==27.0.1", "uvicorn-worker==0.4.0", "Tornado==6.6.1"])
def test_what_the_app_brings_in_whatever_way_is_not_added(addition: str) -> None:
    assert list_missing([addition], _INSTALLED) == []


def test_of_the_additions_that_nothing_brings_the_first_of_a_name_counts() -> None:
    assert list_missing(["eventlet==0.41.3", "gunicorn==25.3.0", "gunicorn==27.0.1"], {"geventlet": "1"}) == [
        "eventlet==0.41.3",
        "gunicorn==25.3.0",
    ]


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give files away")
def test_a_record_that_what_was_installed_has_written_does_not_count(tmp_path: Path) -> None:
    (tmp_path / RECORD).touch()
    os.chown(tmp_path / RECORD, 1234, 1234)
    assert not is_finished(tmp_path)


@pytest.mark.parametrize(
    "path",
    [
        "lib/python3.11/site-packages/easy-install.pth",
        "lib/pypy3.11/site-packages/shop.egg-link",
        "lib/python3.13/site-packages/__editable__.shop-1.0.pth",
        "lib/python3.13/site-packages/__editable___shop_1_0_finder.py",
    ],
)
def test_what_was_installed_in_editable_mode_is_imported_from_the_build(path: str) -> None:
    assert names_places(PurePosixPath(path))


@pytest.mark.parametrize("path", ["lib/python3.11/site-packages/flask.py", "bin/x.pth", "lib/python3.11/site-packages/flask/x.pth"])
def test_other_files_of_an_environment_stay_as_they_are(path: str) -> None:
    assert not names_places(PurePosixPath(path))


def test_a_place_of_packages_that_is_a_link_is_not_looked_into(tmp_path: Path) -> None:
    others = tmp_path / "others/lib/python3.13/site-packages/secret-1.0.dist-info"
    others.mkdir(parents=True)
    for number, link in enumerate(("lib", "lib/python3.13", "lib/python3.13/site-packages")):
        environment = tmp_path / str(number)
        (environment / link).parent.mkdir(parents=True, exist_ok=True)
        (environment / link).symlink_to(tmp_path / "others" / link)
        assert find_installed(environment) == {}, link
