from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._source.bounds import Room
from ansible_collections.webstack.flask.plugins.module_utils._source.submodules import Checkout


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout.of(tmp_path, Room("the repository"))


def test_a_repository_that_is_its_own_submodule_is_refused_at_some_depth(checkout: Checkout) -> None:
    for _level in range(10):
        checkout = checkout.enter("lib/self")
    assert checkout.above == 20
    with pytest.raises(UserError) as caught:
        checkout.enter("lib/self")
    assert str(caught.value) == "the submodule lib/self lies within 10 others, the most that is allowed; does one name itself?"


def test_very_many_submodules_are_refused_wherever_they_lie(checkout: Checkout) -> None:
    for number in range(100):
        checkout.enter(f"lib{number}").enter("inner")
    with pytest.raises(UserError, match="the repository has more than 200 submodules, those of submodules included; leave some out"):
        checkout.enter("one-more")


def test_a_submodule_is_not_written_through_a_link_out_of_the_build(checkout: Checkout) -> None:
    (checkout.directory / "out").symlink_to("/etc")
    for path in ("out/lib", "../lib", "/etc/lib"):
        with pytest.raises(UserError, match="would be written through a link out of the build"):
            checkout.enter(path)
