"""Messages that cannot be sent are tried again, later each time, and none is lost without a word."""

from __future__ import annotations

from dataclasses import replace

from ansible_collections.webstack.flask.plugins.module_utils._notifications.message import with_delay
from ansible_collections.webstack.flask.plugins.module_utils._notifications.queue import Message, Queue, adopt, enqueue, find_due, settle
from hypothesis import given, settings
from hypothesis import strategies as st

NOW = 1_000_000_000.0
MESSAGE = Message(0, "failure", "FAILURE: shop on web1", "Failed:\n- it is ill", NOW)


def test_a_target_that_fails_has_a_longer_pause_each_time_and_holds_up_no_other() -> None:
    queue, now, pauses = enqueue(Queue(), [MESSAGE, replace(MESSAGE, target=1)]), NOW, []
    for _try in range(9):
        due = find_due(queue, now)
        assert due == MESSAGE
        queue = settle(queue, due, "connection refused", now)
        pauses.append(queue.failing[0].next - now)
        now = queue.failing[0].next
        other = find_due(queue, now - 1)
        assert (other.target if other else None) == (1 if 1 in {each.target for each in queue.waiting} else None)
        queue = settle(queue, other, None, now) if other else queue
    assert pauses == [60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]
    assert (queue.failing[0].since, queue.failing[0].error) == (NOW, "connection refused")
    assert settle(queue, MESSAGE, None, now) == Queue([], {}, {})


def test_a_clock_that_is_set_back_makes_no_pause_longer() -> None:
    queue = settle(enqueue(Queue(), [MESSAGE]), MESSAGE, "connection refused", NOW)
    assert find_due(queue, NOW + 59) is None
    assert find_due(queue, NOW - 86400) == MESSAGE


def test_of_too_many_the_oldest_go_and_the_next_one_says_so() -> None:
    queue = Queue()
    for number in range(23):
        queue = enqueue(queue, [replace(MESSAGE, at=NOW + number)])
    assert [each.at - NOW for each in queue.waiting] == list(range(3, 23))
    first = find_due(queue, NOW + 23)
    assert first is not None
    assert with_delay(first, queue.lost[0], NOW + 600).splitlines()[-2:] == [
        "This is of 2001-09-09 01:46 UTC; it could not be sent before.",
        "3 older messages could not be sent at all.",
    ]
    assert settle(queue, first, None, NOW + 600).lost == {}


def test_with_other_targets_all_is_tried_at_once_and_what_has_none_goes() -> None:
    waiting = [MESSAGE, replace(MESSAGE, target=1)]
    queue = settle(enqueue(Queue(), waiting), MESSAGE, "connection refused", NOW)
    assert find_due(adopt(queue, 2), NOW) == MESSAGE
    assert adopt(queue, 1).waiting == [MESSAGE]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.booleans()), max_size=60))
def test_each_message_arrives_once_and_in_order(steps: list[tuple[int, bool]]) -> None:
    queue, now, sent, arrived = Queue(), NOW, [], []
    for number, (target, reached) in enumerate([*steps, *[(0, True)] * 80]):
        now += 3600
        if number < min(len(steps), 20):
            sent.append(replace(MESSAGE, target=target, at=now))
            queue = enqueue(queue, sent[-1:])
        if due := find_due(queue, now):
            arrived += [due] if reached else []
            queue = settle(queue, due, None if reached else "down", now)
    for target in range(3):
        assert [each for each in arrived if each.target == target] == [each for each in sent if each.target == target]
