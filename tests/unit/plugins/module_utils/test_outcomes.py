from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.webstack.flask.plugins.module_utils.layout import Problem
from ansible_collections.webstack.flask.plugins.module_utils.outcomes import attend_to_each


def test_the_failure_of_one_does_not_keep_it_from_the_others() -> None:
    def attend(app: dict[str, Any]) -> dict[str, Any]:
        if app["name"] == "full":
            raise OSError(28, "No space left on device")
        if app["name"] == "wrong":
            raise Problem("there is no such branch")
        return {"changed": True}

    outcomes = attend_to_each([{"name": name} for name in ("full", "wrong", "good")], attend, {"changed": False})
    assert outcomes == {
        "full": {"changed": False, "error": "[Errno 28] No space left on device"},
        "wrong": {"changed": False, "error": "there is no such branch"},
        "good": {"changed": True},
    }


def test_a_mistake_in_the_code_is_no_outcome() -> None:
    with pytest.raises(KeyError):
        attend_to_each([{"name": "shop"}], lambda app: app["nothing"], {"changed": False})
