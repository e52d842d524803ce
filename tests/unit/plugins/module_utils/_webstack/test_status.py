"""What is wrong with an app is told, and the worst comes first."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._release.record import ReleaseRecord
from ansible_collections.webstack.flask.plugins.module_utils._webstack.status import (
    CERTIFICATE_MARGIN,
    AppStatus,
    Findings,
    Weight,
    describe_app_releases,
    describe_releases,
    find_last_failure,
    find_troubles,
    find_undecided,
    sort_worst_first,
)

NOW = 1_000_000_000.0
WELL = Findings(
    "shop", live="a", ill=None, dead={}, failure=None, installation=None, failed_jobs={}, backup_complaints={}, certificate_ends=None
)
OLD = ReleaseRecord("a", "b", "e", created=1, verified=2, sequence=2)
BAD = ReleaseRecord("c", "b", "e", created=3, failed=4, reason="it died", sequence=3)


def test_nothing_is_wrong_with_an_app_that_is_well() -> None:
    assert find_troubles(replace(WELL, certificate_ends=NOW + CERTIFICATE_MARGIN), NOW) == []


@pytest.mark.parametrize(
    ("findings", "weight", "text"),
    [
        (replace(WELL, live=None), Weight.DOWN, "it has no release that users reach"),
        (replace(WELL, ill="GET / answered 500"), Weight.DOWN, "it is not healthy: GET / answered 500"),
        (replace(WELL, dead={"bot": "it has stopped"}), Weight.PART, "the process bot does not run: it has stopped"),
        (replace(WELL, failure=BAD), Weight.PART, "the deploy of release c has failed; `webstack shop why` says why"),
        (replace(WELL, installation=1.0), Weight.PART, "an installation of packages has failed; `webstack shop why` says why"),
        (replace(WELL, failed_jobs={"tidy": "exit status 1"}), Weight.PART, "the last run of the job tidy has failed: exit status 1"),
        (replace(WELL, backup_complaints={"backup": "no backup"}), Weight.PART, "no backup"),
        (replace(WELL, silent_jobs={"tidy": "its timer stands"}), Weight.PART, "the job tidy does not run at its times: its timer stands"),
        (replace(WELL, silent_backups={"backup": "its timer stands"}), Weight.PART, "its timer stands"),
        (replace(WELL, unsent=["json://…: refused"]), Weight.PART, "notifications cannot be sent: json://…: refused"),
        (replace(WELL, certificate_ends=NOW - 1), Weight.DOWN, "its certificate has ended"),
        (replace(WELL, certificate_ends=NOW + 2.5 * 86400), Weight.SOON, "its certificate ends in 2 days"),
    ],
)
def test_each_trouble_is_told_in_words(findings: Findings, weight: Weight, text: str) -> None:
    assert [(trouble.weight, trouble.text) for trouble in find_troubles(findings, NOW)] == [(weight, text)]


def test_each_trouble_is_known_again_when_its_words_change_and_none_is_taken_for_another() -> None:
    all_at_once = replace(
        WELL,
        live=None,
        ill="GET / answered 500",
        dead={"bot": "it has stopped"},
        failure=BAD,
        installation=1.0,
        failed_jobs={"bot": "exit status 1", "backup": "exit status 1"},
        backup_complaints={"backup": "it is old", "verify": "it is old"},
        certificate_ends=NOW + 86400,
        silent_jobs={"bot": "its timer stands", "backup": "its timer stands"},
        silent_backups={"backup": "its timer stands", "verify": "its timer stands"},
        unsent=["refused"],
    )
    keys = [trouble.key for trouble in find_troubles(all_at_once, NOW)]
    assert all(keys)
    assert len(set(keys)) == len(keys)
    others = replace(all_at_once, ill="GET / answered 502", dead={"bot": "it was killed"}, failed_jobs={"bot": "2", "backup": "2"})
    assert [trouble.key for trouble in find_troubles(others, NOW + 60)] == keys


def test_of_what_a_deploy_has_yet_to_start_nothing_is_said_meanwhile() -> None:
    troubles = find_troubles(replace(WELL, live=None, ill="GET / answered 500", dead={"bot": "it is starting"}), NOW)
    assert find_undecided(troubles, ["tidy"], is_changing=False) == ["job tidy"]
    assert find_undecided(troubles, [], is_changing=True) == ["release", "process bot"]


def test_another_failed_deploy_is_told_from_the_one_before() -> None:
    first, second = (find_troubles(replace(WELL, failure=each), NOW)[0] for each in (BAD, replace(BAD, failed=5)))
    assert (first.key, first.look) == (second.key, second.look) == ("deploy", "why")
    assert first.mark != second.mark


def test_the_worst_comes_first_of_troubles_and_of_apps() -> None:
    troubles = find_troubles(replace(WELL, ill="no answer", certificate_ends=NOW + 1, dead={"bot": "gone"}), NOW)
    assert [trouble.weight for trouble in troubles] == [Weight.DOWN, Weight.PART, Weight.SOON]
    part, soon = AppStatus("part", troubles=troubles[1:]), AppStatus("soon", troubles=troubles[2:])
    statuses = [AppStatus("well"), soon, part, AppStatus("down", troubles=troubles), AppStatus("also-well")]
    assert [status.app for status in sort_worst_first(statuses)] == ["down", "part", "soon", "also-well", "well"]


@pytest.mark.parametrize(
    ("records", "live", "failed"),
    [
        ([OLD], "a", None),
        ([OLD, BAD], "a", "c"),
        ([OLD, BAD, replace(BAD, id="d", sequence=4)], "a", "d"),
        ([replace(OLD, sequence=5), BAD], "a", None),
        ([BAD], None, "c"),
        ([], None, None),
    ],
)
def test_a_deploy_has_failed_if_nothing_good_came_after_it(records: list[ReleaseRecord], live: str | None, failed: str | None) -> None:
    found = find_last_failure(records, live)
    assert (found.id if found else None) == failed


def test_each_release_is_told_with_what_it_is_to_users() -> None:
    older, never = replace(OLD, id="0", sequence=1), ReleaseRecord("n", "b", "e", created=9, sequence=4)
    told = describe_releases([OLD, older, replace(older, id="-1", sequence=0), BAD, never], "a")
    assert [(each["release"], each["state"]) for each in told] == [
        ("n", "never live"),
        ("c", "failed"),
        ("a", "live"),
        ("0", "rollback goes here"),
        ("-1", "was live"),
    ]


def test_which_release_an_app_has_and_to_which_a_rollback_goes() -> None:
    older = replace(OLD, id="0", sequence=1)
    told = describe_app_releases([replace(OLD, version="v1"), older, BAD], "a")
    assert (told["live"], told["version"], told["since"], told["previous"]) == ("a", "v1", 2, "0")
    assert [each["release"] for each in told["releases"]] == ["c", "a", "0"]
    none = describe_app_releases([BAD], None)
    assert (none["live"], none["version"], none["since"], none["previous"], len(none["releases"])) == (None, "", None, None, 1)
