"""Whatever is written for a process or a schedule is taken, or refused by its key in a short message."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._source.shared_data import SEEDS
from ansible_collections.webstack.flask.plugins.plugin_utils._flask_apps.checks import check_apps
from ansible_collections.webstack.flask.plugins.plugin_utils._flask_apps.spec import PROCESS_SPEC, SCHEDULE_SPEC
from unit.flask_entries import describe, find_problem

KINDS = {"processes": ({"command": "c"}, PROCESS_SPEC), "schedules": ({"command": "c", "at": "daily"}, SCHEDULE_SPEC)}
LONG = "x" * 99999
NAMES: list[object] = [
    *(None, True, 0, -1, 1.5, 10**30, float("inf"), float("nan"), b"x"),
    *("", " ", "ü", "a\nb", "a\0b", "{{ x }}", "1e5", LONG),
]
VALUES: list[object] = [
    *NAMES,
    *(False, "%h $HOME \\", "{% x %}", "5m", "on"),
    *([], ["a"], [LONG], {}, {"a": 1}, {1: 2}, {"A": LONG}, {LONG: 1}),
]


def list_wrong(kind: str) -> Iterator[tuple[str, object]]:
    """Yield what may be wrong of a kind, after what its message begins with."""
    one, spec = KINDS[kind]
    for value in VALUES:
        yield kind, value
        yield f"{kind}.x", {"x": value}
        yield from ((f"{kind}.x", {"x": {**one, key: value}}) for key in (*spec, "unknown"))
    for name in NAMES:
        yield f"{kind} names one", {name: one}


@pytest.mark.parametrize("kind", KINDS)
def test_whatever_is_written_is_taken_or_refused_by_its_key_in_a_short_message(kind: str) -> None:
    refused = 0
    for key, described in list_wrong(kind):
        try:
            check_apps([describe(**{kind: described})])
        except UserError as problem:
            said = str(problem)
        else:
            continue
        refused += 1
        assert f"\n- flask_apps[0] (shop): {key}" in said or f"\n- flask_apps[0] (shop).{key}" in said, (described, said)
        assert len(said) < 1500, said[:3000]
    assert refused > 200


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        (
            {"keep_releases": float("inf")},
            "keep_releases: cannot convert ",
        ),
        ({"drain": float("inf")}, "drain is inf; it must not be more than 31622400"),
        ({"health": {"deadline": float("inf")}}, "health.deadline is inf; it must not be more than 31622400"),
        ({"release_command_timeout": 1e9}, "release_command_timeout is 1e+09; it must not be more than 31622400"),
        ({"release_commands": ["a\x1b"]}, "release_commands[0] is 'a\\x1b'; it holds a control character"),
        ({"build_commands": ["make", ""]}, "build_commands[1] is '', which is no command"),
        ({"build_commands": ["make"], "build_env": {"A-B": "c"}}, "the variable in build_env 'A-B': a name consists"),
        ({"shared": {"directories": [f"{SEEDS}/x"]}}, f"shared names '{SEEDS}/x'; {SEEDS} is where a build keeps"),
        ({"service": {1: 2}}, "service.1 is not the name of a systemd directive"),
    ],
)
def test_numbers_without_an_end_and_commands_that_nobody_can_type_are_refused(changes: dict[str, object], problem: str) -> None:
    assert find_problem(**changes).startswith(problem)
