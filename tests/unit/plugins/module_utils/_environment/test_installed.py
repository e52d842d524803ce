from __future__ import annotations

import sys
from pathlib import Path

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._environment.installed import (
    find_closed,
    read_python,
    require_debian_packages,
    require_reachable,
)
from ansible_collections.webstack.flask.plugins.module_utils._environment.pythons import Python
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError


def test_the_version_of_an_interpreter_is_asked_of_itself() -> None:
    assert read_python(sys.executable) == Python(sys.executable, ".".join(map(str, sys.version_info[:3])))


@pytest.mark.parametrize("python", ["/nonexistent/python3", "/bin/false", "/etc/hostname"])
def test_an_interpreter_that_does_not_run_is_named(python: str) -> None:
    with pytest.raises(UserError, match=f"the interpreter {python} does not run"):
        read_python(python)


def test_debian_packages_that_a_build_needs_and_the_host_lacks_are_named() -> None:
    with pytest.raises(UserError) as caught:
        require_debian_packages(["libc6", "no-such-dev"])
    assert str(caught.value) == (
        "the Debian packages no-such-dev of `dependencies.build_packages` are not installed; "
        "run site.yml, which installs them (deploy.yml installs no Debian packages)"
    )
    require_debian_packages(["libc6"])
    require_debian_packages([])


@pytest.mark.parametrize("path", ["/root/.pyenv/versions/3.13.5/bin/python3", "/home/deploy/.local/share/uv/python/x/bin/python3.13"])
def test_an_interpreter_in_a_home_directory_is_refused_with_a_place_where_it_can_be(path: str) -> None:
    with pytest.raises(UserError) as caught:
        require_reachable(Python(path, "3.13.5"))
    home = "/".join(path.split("/")[:2])
    assert f"the interpreter {path} lies in {home}, where" in str(caught.value)
    assert "`UV_PYTHON_INSTALL_DIR=/opt/python" in str(caught.value)
    require_reachable(Python("/usr/bin/env", "3.11.2"))


def test_a_link_leads_to_where_an_interpreter_really_lies(tmp_path: Path) -> None:
    (tmp_path / "python").symlink_to("/root/python3")
    with pytest.raises(UserError, match="the interpreter /root/python3 lies in /root"):
        require_reachable(Python(str(tmp_path / "python"), "3.13.5"))


def test_what_is_closed_on_the_way_to_an_interpreter_is_found(tmp_path: Path) -> None:
    program = tmp_path / "closed/bin/python3"
    program.parent.mkdir(parents=True)
    program.touch()
    for place in (*program.parents, program):
        if place.is_relative_to(tmp_path.parents[-3]):
            place.chmod(0o755)
    assert find_closed(program) is None
    program.chmod(0o750)
    assert find_closed(program) == str(program)
    (tmp_path / "closed").chmod(0o700)
    assert find_closed(program) == str(tmp_path / "closed")
