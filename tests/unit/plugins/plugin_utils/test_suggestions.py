from __future__ import annotations

from ansible_collections.webstack.flask.plugins.plugin_utils._suggestions import describe_unknown_key, find_closest


def test_the_most_similar_name_is_found_if_it_is_similar_enough() -> None:
    assert find_closest("worker", {"timeout", "workers"}) == "workers"
    assert find_closest("worker", {"timeout", "workers"}, cutoff=0.99) is None
    assert find_closest(1, {"timeout"}) is None


def test_an_unknown_key_is_told_with_all_that_there_are() -> None:
    assert describe_unknown_key("pth", {"timeout", "path"}) == "'pth' is not a key; did you mean 'path'? Allowed are path, timeout"
    assert describe_unknown_key(7, ["path"]) == "7 is not a key. Allowed are path"
