"""What a rollback says of a site that does not fit the release that users get."""

from __future__ import annotations

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._release.rollback import describe_site


@pytest.mark.parametrize(
    ("proxy", "is_web", "told"),
    [
        (None, True, "users may not reach it"),
        ({"host": "shop.test"}, False, "users of the site get 502"),
        (None, False, ""),
        ({"host": "shop.test"}, True, ""),
    ],
)
def test_a_release_and_a_site_that_do_not_go_together_are_told(proxy: object, told: str, *, is_web: bool) -> None:
    found = describe_site({"proxy": proxy}, is_web=is_web)
    assert told in found
    assert bool(found) == bool(told)
    assert not found or "run site.yml" in found
