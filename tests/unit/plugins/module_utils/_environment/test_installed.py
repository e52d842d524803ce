from __future__ import annotations

import sys

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._environment.installed import read_python, require_debian_packages
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
