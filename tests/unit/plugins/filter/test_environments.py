from __future__ import annotations

import base64
import json

from ansible_collections.webstack.flask.plugins.filter.environments import environment_parameters


def test_the_variables_of_an_installation_are_one_value_and_an_app_s_own_count_most() -> None:
    common = {"PIP_RETRIES": 3, "PIP_CERT": "/ca.pem"}
    shop, blog = environment_parameters([{"name": "shop", "build": "b1", "environment": {"PIP_RETRIES": 0}}, {"name": "blog"}], common)
    assert json.loads(base64.b64decode(shop.pop("variables"))) == {"PIP_RETRIES": "0", "PIP_CERT": "/ca.pem"}
    assert json.loads(base64.b64decode(blog.pop("variables"))) == {"PIP_RETRIES": "3", "PIP_CERT": "/ca.pem"}
    assert (shop, blog) == ({"name": "shop", "build": "b1"}, {"name": "blog"})


def test_what_an_installation_shows_to_git_servers_is_one_value() -> None:
    shop, blog = environment_parameters(
        [{"name": "shop", "git_credentials": {"ssh_key": "k", "url": None}}, {"name": "b", "git_credentials": None}], {}
    )
    assert json.loads(base64.b64decode(shop["git_credentials"])) == {"ssh_key": "k"}
    assert "git_credentials" not in blog
