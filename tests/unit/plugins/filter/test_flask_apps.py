from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.webstack.flask.plugins.filter.flask_apps import FilterModule, checked_apps, switch_inputs
from ansible_collections.webstack.flask.plugins.plugin_utils._flask_apps.checks import check_apps

_APP = {"name": "shop", "source": {"path": "shop"}, "wsgi": "wsgi:app", "server_names": ["shop.test"]}


def test_checked_apps_come_back_with_their_defaults() -> None:
    assert checked_apps([_APP]) == check_apps([_APP])


def test_a_wrong_description_is_an_error_of_the_filter_and_no_traceback() -> None:
    with pytest.raises(AnsibleFilterError, match="flask_apps cannot be deployed as described; nothing was changed"):
        checked_apps([{}])


def test_an_unknown_app_is_an_error_of_the_filter_and_no_traceback() -> None:
    with pytest.raises(AnsibleFilterError, match="flask_apps names no app 'blog'"):
        switch_inputs(check_apps([_APP]), "blog")


def test_the_playbooks_find_the_filters_by_name() -> None:
    assert {"checked_apps", "source_inputs", "environment_inputs", "release_inputs", "site_inputs", "hosts_inputs", "summary"} <= set(
        FilterModule().filters()
    )
