"""What two modules say of the options that they share, they say alike, and as they take them."""

from __future__ import annotations

from typing import Any

import yaml
from ansible_collections.webstack.flask.plugins.doc_fragments.switch import ModuleDocFragment
from ansible_collections.webstack.flask.plugins.module_utils._release.options import SWITCH_OPTIONS
from ansible_collections.webstack.flask.plugins.modules import app_removal, releases, rollback

WORDS = ("description", "apply_defaults")


def _bare(options: dict[str, Any]) -> dict[str, Any]:
    inner = {"suboptions": "options"}
    return {
        name: {
            inner.get(key, key): _bare(value) if key in ("options", "suboptions") else value
            for key, value in option.items()
            if key not in WORDS
        }
        for name, option in options.items()
    }


def test_the_options_of_a_switch_are_documented_as_they_are_taken() -> None:
    for module in (releases, rollback):
        documented = yaml.safe_load(module.DOCUMENTATION)["options"]["apps"]["suboptions"]
        assert _bare({name: documented[name] for name in SWITCH_OPTIONS}) == _bare(SWITCH_OPTIONS)


def test_the_wait_for_the_lock_is_documented_as_it_is_taken() -> None:
    (documented,) = _bare({"lock_timeout": yaml.safe_load(ModuleDocFragment.DOCUMENTATION)["options"]["lock_timeout"]}).values()
    for module in (releases, rollback, app_removal):
        assert module.ARGUMENT_SPEC["lock_timeout"] == documented
        assert "webstack.flask.switch" in module.DOCUMENTATION
