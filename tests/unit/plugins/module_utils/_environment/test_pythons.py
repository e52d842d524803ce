from __future__ import annotations

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._environment.pythons import Demand, Python, choose_python, meets
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from hypothesis import given
from hypothesis import strategies as st

_DEBIAN = Python("/usr/bin/python3", "3.11.2")
_OTHERS = (Python("/usr/local/bin/python3.10", "3.10.14"), Python("/usr/bin/python3.11", "3.11.2"), Python("/opt/python3.13", "3.13.1"))


@pytest.mark.parametrize(
    "demand", ["3.11", "3.11.9", "3", "==3.11.*", "*", "", ">=3.9", ">=3.9,<4", "~=3.11", "~=3.9", "!=3.10.*", "<3.12"]
)
def test_what_a_version_meets(demand: str) -> None:
    assert meets(demand, "3.11.2")


@pytest.mark.parametrize(
    "demand", ["3.9", "3.1", "3.12.1", "2", "==3.10.*", ">=3.12", ">3.11", "<3.11", ">=3.9, <3.11", "~=3.12", "!=3.11.*", "<=3.10"]
)
def test_what_a_version_does_not_meet(demand: str) -> None:
    assert not meets(demand, "3.11.2")


@given(st.integers(0, 20), st.integers(0, 20), st.integers(0, 30))
def test_at_least_and_below_are_opposites(wanted: int, minor: int, patch: int) -> None:
    version = f"3.{minor}.{patch}"
    assert meets(f">=3.{wanted}", version) is not meets(f"<3.{wanted}", version)
    assert meets(f">3.{wanted}", version) is not meets(f"<=3.{wanted}", version)
    assert meets(f"3.{minor}", version)


def _choose(demand: str = "", *, asked: str = "", available: tuple[Python, ...] = _OTHERS, ignore: bool = False) -> str:
    wish = Demand(demand, "python_version in [requires] of Pipfile") if demand else None
    return choose_python(asked=asked, demand=wish, default=_DEBIAN, available=available, ignore=ignore).path


def test_the_usual_interpreter_is_taken_where_nothing_is_demanded_and_where_it_will_do() -> None:
    assert _choose() == _choose("3.11") == _choose(">=3.9") == "/usr/bin/python3"


def test_the_newest_that_the_app_accepts_is_taken_where_the_usual_one_will_not_do() -> None:
    assert _choose("3.10") == "/usr/local/bin/python3.10"
    assert _choose(">=3.12") == "/opt/python3.13"
    assert _choose("!=3.11.*") == "/opt/python3.13"


def test_a_series_that_is_asked_for_is_taken() -> None:
    assert _choose(asked="3.13") == "/opt/python3.13"
    assert _choose(asked="3.11", available=()) == "/usr/bin/python3"


def test_what_the_app_demands_can_be_ignored() -> None:
    assert _choose("3.9", ignore=True) == "/usr/bin/python3"
    assert _choose("3.9", asked="3.13", ignore=True) == "/opt/python3.13"


def _problem(demand: str = "", *, asked: str = "") -> str:
    with pytest.raises(UserError) as caught:
        _choose(demand, asked=asked)
    return str(caught.value)


_HAS = "3.11.2 (/usr/bin/python3), 3.10.14 (/usr/local/bin/python3.10), 3.11.2 (/usr/bin/python3.11), 3.13.1 (/opt/python3.13)"


def test_a_demand_that_no_interpreter_meets_is_told_with_the_setting_that_goes_on() -> None:
    assert _problem("3.9") == (
        f"the host has {_HAS}, and the app demands Python 3.9 (python_version in [requires] of Pipfile). Change that file, "
        "install such a Python and name it in `dependencies.python`, or set `dependencies.ignore_python_requirement: true` "
        "to install with 3.11.2 all the same"
    )


def test_a_series_that_the_host_lacks_is_told_with_those_that_it_has() -> None:
    assert _problem(asked="3.9") == (
        f"Python 3.9 is asked for, and the host has none; it has {_HAS}. "
        "Install it, or name another one in `dependencies.python`: a version such as 3.11 or the path of an interpreter"
    )


def test_what_is_asked_for_does_not_overrule_the_app_silently() -> None:
    assert _problem("3.10", asked="3.13").startswith("Python 3.13 is asked for and the app demands Python 3.10 (python_version")


def test_packages_of_one_implementation_are_not_those_of_another() -> None:
    assert Python("/usr/bin/python3", "3.11.2").series == "3.11"
    assert Python("/usr/bin/pypy3", "3.11.11", "PyPy").series == "pypy3.11"
