"""Packages that are not made for threads are known in an environment."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._environment.project_files import canonical_name
from ansible_collections.webstack.flask.plugins.module_utils._release.threads import UNFIT, describe_unfit, find_unfit, list_packages


@pytest.mark.parametrize(
    ("installed", "found"),
    [
        ("matplotlib-3.11.0", "matplotlib"),
        ("netCDF4-1.7.4", "netcdf4"),
        ("timeout_decorator-0.5.0", "timeout-decorator"),
        ("timeout.decorator-0.5.0", "timeout-decorator"),
        ("httplib2-0.31.0", "httplib2"),
        ("playwright-1.56.0", "playwright"),
        ("matplotlib_inline-0.2.1", None),
        ("flask-3.1.3", None),
    ],
)
@pytest.mark.parametrize("interpreter", ["python3.13", "pypy3.11"])
def test_a_package_is_known_by_what_its_installation_leaves(tmp_path: Path, interpreter: str, installed: str, found: str | None) -> None:
    (tmp_path / f"lib/{interpreter}/site-packages/{installed}.dist-info").mkdir(parents=True)
    assert find_unfit(list_packages(tmp_path)) == ([found] if found else [])


def test_all_of_them_are_told_with_what_to_mind_and_how_to_end_it() -> None:
    text = describe_unfit("shop", ["playwright", "flask", "matplotlib"])
    assert text.startswith("shop: requests are served in threads by default")
    assert text.index("matplotlib (pyplot's current figure") < text.index("playwright (each thread needs")
    assert "{worker_class: sync}" in text
    assert "{worker_class: gthread}" in text
    assert describe_unfit("shop", ["flask"]) == ""


def test_names_are_canonical() -> None:
    assert [canonical_name(name) for name in UNFIT] == list(UNFIT)
