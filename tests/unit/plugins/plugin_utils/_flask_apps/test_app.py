from __future__ import annotations

import pytest
from ansible_collections.webstack.flask.plugins.plugin_utils._flask_apps.app import list_static_mappings
from ansible_collections.webstack.flask.plugins.plugin_utils._flask_apps.checks import check_apps
from unit.flask_entries import describe


@pytest.mark.parametrize(
    ("wsgi", "chdir", "paths"),
    [
        ("wsgi:app", "", ["static", "wsgi/static"]),
        ("shop.web.main:app", "", ["static", "shop/static"]),
        ("shop:app", "src", ["src/static", "src/shop/static"]),
        ("shop:app", "./src//deep/", ["src/deep/static", "src/deep/shop/static"]),
        (".shop:app", "", ["static"]),
        ("größe:app", "", ["static"]),
    ],
)
def test_flask_s_own_static_directory_is_served_by_default(wsgi: str, chdir: str, paths: list[str]) -> None:
    (app,) = check_apps([describe(wsgi=wsgi, chdir=chdir)])
    assert list_static_mappings(app) == [{"url": "/static/", "paths": paths}]


def test_a_default_is_nothing_that_nginx_would_not_take() -> None:
    assert list_static_mappings(check_apps([describe(chdir="my app")])[0]) == []


def test_static_mappings_replace_the_default_and_an_empty_list_turns_it_off() -> None:
    mapping = {"url": "/assets/", "paths": ["dist"], "expires": "1h"}
    assert list_static_mappings(check_apps([describe(static=[mapping])])[0]) == [mapping]
    assert list_static_mappings(check_apps([describe(static=[])])[0]) == []
