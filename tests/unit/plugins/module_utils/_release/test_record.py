from __future__ import annotations

import json
from dataclasses import replace

from ansible_collections.webstack.flask.plugins.module_utils._release.record import (
    ReleaseRecord,
    choose_leftovers,
    choose_previous,
    is_unfinished,
    next_sequence,
)


def _record(name: str, *, verified: float | None = None, failed: float | None = None, created: float = 0) -> ReleaseRecord:
    return ReleaseRecord(name, f"build-{name}", f"environment-{name}", created, verified=verified, failed=failed)


def test_what_is_written_is_what_is_read() -> None:
    record = ReleaseRecord(
        "r1", "b1", "e1", 10.5, version="main", verified=11.5, variables=("A", "B"), commands_run=11.0, health={"path": "/up"}, sequence=3
    )
    assert ReleaseRecord.from_json(record.to_json()) == record


def test_a_record_of_a_later_version_of_the_collection_is_read_as_far_as_it_is_known() -> None:
    content = json.loads(_record("r1").to_json()) | {"colour": "blue"}
    assert ReleaseRecord.from_json(json.dumps(content)) == _record("r1")


def test_a_record_of_the_first_version_of_the_collection_is_read() -> None:
    text = '{"id": "r1", "build": "b1", "environment": "e1", "created": 1.0}'
    assert ReleaseRecord.from_json(text) == ReleaseRecord("r1", "b1", "e1", 1.0)


def test_a_release_is_healthy_once_it_has_served_and_until_it_fails() -> None:
    record = _record("r1")
    assert not record.healthy
    assert not record.mark_failed(1, "it died").healthy
    assert record.mark_verified(2).healthy
    assert not record.mark_verified(2).mark_failed(3, "it died").healthy
    mended = record.mark_failed(1, "it died").mark_verified(2)
    assert (mended.healthy, mended.failed, mended.reason) == (True, None, "")


def test_what_happens_to_a_release_leaves_the_rest_of_its_record_alone() -> None:
    record = _record("r1", created=5)
    assert record.mark_failed(7, "it died") == replace(record, failed=7, reason="it died")
    assert record.mark_verified(8) == replace(record, verified=8)
    assert record.mark_commands_run(9, "c1") == replace(record, commands_run=9, commands="c1")


def test_the_previous_release_is_the_healthy_one_that_users_reached_last() -> None:
    records = [_record("old", verified=1), _record("current", verified=9), _record("last", verified=5), _record("middle", verified=3)]
    assert choose_previous(records, "current") == _record("last", verified=5)
    assert choose_previous(records, None) == _record("current", verified=9)


def test_a_release_that_failed_or_never_served_is_not_gone_back_to() -> None:
    records = [_record("current", verified=9), _record("new", created=8), _record("bad", failed=7), _record("fallen", verified=5, failed=6)]
    assert choose_previous(records, "current") is None
    assert choose_previous([], None) is None


def test_going_back_twice_returns_to_where_one_was() -> None:
    records = [_record("old", verified=1), _record("a", verified=5), _record("b", verified=9)]
    first = choose_previous(records, "b")
    assert first is not None
    assert first.id == "a"
    second = choose_previous([records[0], first.mark_verified(11), records[2]], "a")
    assert second is not None
    assert second.id == "b"


def test_the_current_release_and_the_last_verified_ones_stay() -> None:
    records = [_record(f"r{number}", verified=number) for number in range(1, 7)]
    leftovers = choose_leftovers(records, [r.build for r in records], [r.environment for r in records], "r6", keep=3)
    assert leftovers.releases == ("r1", "r2")
    assert leftovers.builds == ("build-r1", "build-r2")
    assert leftovers.environments == ("environment-r1", "environment-r2")


def test_the_current_release_does_not_count_as_one_of_those_to_keep_and_stays_though_it_is_old() -> None:
    records = [_record(f"r{number}", verified=number) for number in range(1, 7)]
    assert choose_leftovers(records, [], [], "r1", keep=2).releases == ("r2", "r3", "r4")


def test_nothing_but_the_current_release_stays_when_none_is_to_be_kept() -> None:
    records = [_record("r1", verified=1), _record("r2", verified=2), _record("bad", failed=3)]
    assert choose_leftovers(records, [], [], "r2", keep=0, keep_failed=0).releases == ("bad", "r1")


def test_failed_releases_never_push_out_good_ones_and_few_of_them_stay() -> None:
    good = [_record("good1", verified=1), _record("good2", verified=2), _record("now", verified=3)]
    bad = [_record(f"bad{number}", failed=10 + number) for number in range(1, 6)]
    assert choose_leftovers(good + bad, [], [], "now", keep=2).releases == ("bad1", "bad2", "bad3")


def test_a_release_that_served_and_then_failed_is_a_failed_one() -> None:
    records = [_record("now", verified=9), _record("fallen", verified=5, failed=6), _record("good", verified=1)]
    assert choose_leftovers(records, [], [], "now", keep=1, keep_failed=0).releases == ("fallen",)


def test_a_release_of_which_nothing_is_known_yet_is_as_old_as_its_creation() -> None:
    records = [_record("cut off", created=20), _record("bad", failed=10), _record("older", created=1)]
    assert choose_leftovers(records, [], [], None, keep=3, keep_failed=2).releases == ("older",)


def test_a_current_release_that_failed_stays() -> None:
    assert choose_leftovers([_record("now", failed=1)], ["build-now"], ["environment-now"], "now", 0, 0).releases == ()
    assert choose_leftovers([_record("now", failed=1)], ["build-now"], ["environment-now"], "now", 0, 0).builds == ()


def test_a_build_or_an_environment_that_one_remaining_release_uses_stays() -> None:
    records = [_record("r1", verified=1), replace(_record("r2", verified=2), build="build-r1"), _record("r3", verified=3)]
    leftovers = choose_leftovers(records, ["build-r1", "build-r3", "stray"], ["environment-r1", "environment-r3"], "r3", keep=1)
    assert leftovers.releases == ("r1",)
    assert leftovers.builds == ("stray",)
    assert leftovers.environments == ("environment-r1",)


def test_before_the_first_release_nothing_is_used() -> None:
    leftovers = choose_leftovers([], ["b1"], ["e1"], None, keep=3)
    assert (leftovers.releases, leftovers.builds, leftovers.environments) == ((), ("b1",), ("e1",))


def test_a_failure_counts_though_the_clock_was_set_back_before_it() -> None:
    record = _record("r1").mark_verified(1000)
    assert not record.mark_failed(10, "it died").healthy
    assert record.mark_failed(10, "it died").mark_verified(5).healthy


def test_the_release_that_users_reached_last_is_gone_back_to_though_the_clock_was_set_back() -> None:
    records = [replace(_record("old", verified=1000), sequence=1), replace(_record("last", verified=10), sequence=2)]
    previous = choose_previous(records, "current")
    assert previous is not None
    assert previous.id == "last"
    assert choose_leftovers(records, [], [], "current", keep=1).releases == ("old",)


def test_of_failed_releases_the_last_ones_stay_though_the_clock_was_set_back() -> None:
    records = [replace(_record(f"bad{number}", failed=100 - number), sequence=number) for number in range(1, 4)]
    assert choose_leftovers(records, [], [], None, keep=3, keep_failed=1).releases == ("bad1", "bad2")


def test_releases_of_before_events_were_counted_are_older_and_among_them_the_clock_decides() -> None:
    records = [_record("old", verified=5000), _record("older", verified=4000), replace(_record("new", verified=10), sequence=1)]
    assert choose_leftovers(records, [], [], None, keep=1).releases == ("old", "older")
    assert choose_leftovers(records, [], [], None, keep=2).releases == ("older",)


def test_events_are_counted_across_the_releases_of_an_app() -> None:
    assert next_sequence([]) == 1
    assert next_sequence([_record("r1"), replace(_record("r2"), sequence=4), replace(_record("r3"), sequence=2)]) == 5


def test_a_switch_is_unfinished_until_its_release_is_the_last_that_was_seen_to_serve() -> None:
    former, latter = (replace(_record(name, verified=1), sequence=number) for number, name in enumerate(("former", "latter"), 1))
    assert not is_unfinished([former, latter], "latter")
    assert is_unfinished([former, latter], "former")
    assert is_unfinished([former, _record("new")], "new")
    assert not is_unfinished([former, latter.mark_failed(2, "it died")], "former")
    assert not is_unfinished([former], "garbled")
