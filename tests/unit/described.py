"""Repositories as texts by their paths, and what `describe` writes for them."""

from __future__ import annotations

import re
from textwrap import dedent
from typing import TYPE_CHECKING, Any

import yaml
from ansible_collections.webstack.flask.plugins.plugin_utils._describe.description import Description, Origin, describe
from ansible_collections.webstack.flask.plugins.plugin_utils._describe.tree import Tree
from ansible_collections.webstack.flask.plugins.plugin_utils._flask_apps.checks import check_apps

if TYPE_CHECKING:
    from collections.abc import Mapping

ORIGIN = Origin({"git": "https://example.com/shop.git", "version": "main"}, "shop", "the repository that was read")
FLASK = "from flask import Flask\napp = Flask(__name__)\n"


def read(files: Mapping[str, str], origin: Origin = ORIGIN, **given: Any) -> Description:  # noqa: ANN401 - as the user has written it
    """Return what is written, after the collection's own check of it."""
    found = describe(Tree.of({path: dedent(text) for path, text in files.items()}), origin, given)
    # As Ansible has it: what is in braces is a variable that somebody gives.
    text = re.sub(r"\{\{ \w*ssh_key \}\}", "-----BEGIN OPENSSH PRIVATE KEY-----", found.text)
    loaded = yaml.safe_load(re.sub(r"\{\{ \w+ \}\}", "given", text))
    assert check_apps(loaded["flask_apps"])
    assert yaml.safe_load(found.text) == {"flask_apps": [found.entry]}
    return found


def entry_of(files: Mapping[str, str], **given: Any) -> dict[str, Any]:  # noqa: ANN401 - likewise
    """Return the keys of the entry but for those that every app has."""
    entry = read(files, **given).entry
    return {key: value for key, value in entry.items() if key not in ("name", "source", "server_names")}
