"""What of a module's work is written down."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._encoding import encode
from ansible_collections.webstack.flask.plugins.module_utils._host import acts
from ansible_collections.webstack.flask.plugins.module_utils._host.acts import (
    hide,
    list_secrets,
    tell_failure,
    tell_removal,
    tell_switch,
    write_down,
)
from ansible_collections.webstack.flask.plugins.module_utils._host.audit import Act

OLD, NEW = "0123456789ab", "ba9876543210"


def outcome(**known: Any) -> dict[str, Any]:  # noqa: ANN401 - as a module has them
    return {"previous": OLD, "current": OLD, "changed": True, "notes": [], **known}


def test_a_run_with_nothing_to_do_is_no_act() -> None:
    assert tell_switch("deploy", "shop", outcome(changed=False)) is None
    assert tell_removal("shop", {"changed": False, "removed": []}, with_data=False) is None
    assert tell_failure("build", "shop", {"changed": True}) is None


@pytest.mark.parametrize(
    ("known", "act"),
    [
        ({"current": NEW, "notes": ["a note"]}, Act("deploy", "shop", "", OLD, NEW, "v1", notes=("a note",))),
        ({"previous": None, "current": NEW}, Act("deploy", "shop", "", "", NEW, "v1", notes=())),
        ({"id": NEW, "error": "it died\nmore"}, Act("deploy", "shop", "", OLD, NEW, "v1", error="it died\nmore", notes=())),
        ({"id": None, "previous": None, "changed": False, "error": "x"}, Act("deploy", "shop", "", "", "", "v1", error="x", notes=())),
        ({"notes": ["put the processes in order"]}, Act("repair", "shop", "", OLD, OLD, "v1", notes=("put the processes in order",))),
        (
            {"notes": [f"finished the switch to {OLD} that was cut off"]},
            Act("recovery", "shop", "", OLD, OLD, "v1", notes=(f"finished the switch to {OLD} that was cut off",)),
        ),
    ],
)
def test_a_deploy_is_told_with_where_it_led_or_was_to_lead(known: dict[str, Any], act: Act) -> None:
    assert tell_switch("deploy", "shop", outcome(**known), version="v1") == act


def test_a_rollback_that_has_failed_says_where_it_was_to_lead() -> None:
    told = tell_switch("rollback", "shop", outcome(changed=False, error="no"), to="previous", what="with the data last")
    assert told == Act("rollback", "shop", "with the data last", OLD, "previous", error="no", notes=())


def test_a_removal_says_whether_the_data_went() -> None:
    assert tell_removal("shop", {"changed": True, "removed": ["/x"]}, with_data=True) == Act("removal", "shop", "with its data")
    assert tell_removal("shop", {"changed": False, "error": "no"}, with_data=False) == Act("removal", "shop", error="no")


def test_of_a_failed_build_the_reason_is_told_and_not_the_whole_call_of_pip() -> None:
    long = (
        "`/var/www/shop/environments/0123/bin/python -I -m pip install --requirement /x` failed:\n  ERROR: No matching distribution\n  more"
    )
    told = tell_failure("build", "shop", {"error": long})
    assert told == Act("build", "shop", error="pip install failed: ERROR: No matching distribution\n  more")
    known = f"the index cannot be reached. {long}"
    assert tell_failure("build", "shop", {"error": known}) == Act("build", "shop", error=known)


def test_values_of_variables_and_commands_are_in_no_line(monkeypatch: pytest.MonkeyPatch) -> None:
    app = {
        "variables": encode({"KEY": "hunter2\nof two lines", "PORT": 80, "MODE": "first"}),
        "commands": ["flask add --pin 1234\nflask x"],
        "setup": ["flask init"],
        "step": {"commands": ["npm i"], "variables": encode({"NPM_TOKEN": "npm_0123"})},
    }
    written: list[Act] = []

    def keep(act: Act) -> list[str]:
        written.append(act)
        return ["the disk is full"]

    monkeypatch.setattr(acts, "record", keep)
    warned: list[str] = []
    error = (
        "the release command `flask add --pin 1234\nflask x` failed first; `npm i` said npm_0123, hunter2\nof two lines. It says: anything"
    )
    write_down(Act("deploy", "shop", error=error, notes=["hunter2\nof two lines"]), 3.5, list_secrets(app), warned.append)
    ((act),) = written
    assert (act.error, act.notes, act.seconds) == ("the release command `…` failed first; `…` said …, …", ["…"], 3.5)
    assert warned == ["the disk is full"]
    write_down(None, 1, (), warned.append)
    assert len(written) == 1


def test_an_app_without_variables_has_no_secrets() -> None:
    assert list(list_secrets({"name": "shop", "step": None, "variables": encode({})})) == []
    assert hide("a reason", ["", "other"]) == "a reason"
