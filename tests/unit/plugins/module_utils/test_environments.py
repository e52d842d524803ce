from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import pytest
from ansible_collections.webstack.flask.plugins.module_utils.environments import (
    RECORD,
    close_to_writers,
    find_installed,
    is_finished,
    is_usable,
    list_installed_pins,
    list_missing,
    point_editables_to,
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


@pytest.mark.parametrize("series", ["python3.11", "pypy3.11"])
def test_what_was_installed_in_editable_mode_is_imported_from_the_build(tmp_path: Path, series: str) -> None:
    packages = tmp_path / "environment/lib" / series / "site-packages"
    packages.mkdir(parents=True)
    texts = {
        "easy-install.pth": "/cache/shop/project\n/cache/shop/project/src\n",
        "shop.egg-link": "/cache/shop/project/src\n../",
        "__editable__.shop-1.0.pth": "/cache/shop/project/src\n",
        "__editable___shop_1_0_finder.py": "MAPPING = {'shop': '/cache/shop/project/shop'}\n",
        "distutils-precedence.pth": "import os\n",
        "flask.py": "'/cache/shop/project'\n",
    }
    for name, text in texts.items():
        (packages / name).write_text(text, encoding="utf-8")
    (packages / "__editable__.pth").mkdir()
    (tmp_path / "outside").write_text("/cache/shop/project\n", encoding="utf-8")
    (packages / "trap.pth").symlink_to(tmp_path / "outside")
    (packages / "shop.egg-link").chmod(0o640)

    point_editables_to(Path("/www/shop/builds/b1"), Path("/cache/shop/project"), tmp_path / "environment")

    read = {name: (packages / name).read_text(encoding="utf-8") for name in texts}
    assert read == {
        "easy-install.pth": "/www/shop/builds/b1\n/www/shop/builds/b1/src\n",
        "shop.egg-link": "/www/shop/builds/b1/src\n../",
        "__editable__.shop-1.0.pth": "/www/shop/builds/b1/src\n",
        "__editable___shop_1_0_finder.py": "MAPPING = {'shop': '/www/shop/builds/b1/shop'}\n",
        "distutils-precedence.pth": "import os\n",
        "flask.py": "'/cache/shop/project'\n",
    }
    assert stat.S_IMODE((packages / "shop.egg-link").stat().st_mode) == 0o640
    assert (packages / "trap.pth").is_symlink()
    assert (tmp_path / "outside").read_text(encoding="utf-8") == "/cache/shop/project\n"


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give files away")
def test_nobody_but_root_can_write_to_a_closed_tree_and_others_cannot_look_into_it(tmp_path: Path) -> None:
    top = tmp_path / "environment"
    outside = tmp_path / "outside"
    outside.touch(0o666)
    outside.chmod(0o666)
    (top / "bin").mkdir(parents=True)
    for name, mode in (("bin/gunicorn", 0o700), ("bin/trap", 0o6755), ("pyvenv.cfg", 0o666)):
        (top / name).touch()
        os.chown(top / name, 1234, 1234)
        (top / name).chmod(mode)
    (top / "bin/python").symlink_to("/usr/bin/python3")
    (top / "bin/outside").symlink_to(outside)

    close_to_writers(top, 4321)

    modes = {str(path.relative_to(top)): stat.S_IMODE(path.stat().st_mode) for path in top.rglob("*") if not path.is_symlink()}
    assert modes == {"bin": 0o750, "bin/gunicorn": 0o750, "bin/trap": 0o750, "pyvenv.cfg": 0o640}
    owners = {(path.lstat().st_uid, path.lstat().st_gid) for path in (top, *top.rglob("*"))}
    assert owners == {(0, 4321)}
    assert stat.S_IMODE(outside.stat().st_mode) == 0o666
    assert outside.stat().st_gid != 4321
