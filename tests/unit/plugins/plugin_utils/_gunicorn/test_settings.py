from __future__ import annotations

import pytest
from ansible_collections.webstack.flask.plugins.plugin_utils._gunicorn.settings import KNOWN, RESERVED, find_setting_problems


def test_known_settings_are_taken_and_so_are_those_of_other_versions() -> None:
    assert find_setting_problems([*KNOWN, "http2_max_frame_size", "something_of_gunicorn_30"]) == []


@pytest.mark.parametrize("name", sorted(RESERVED))
def test_a_setting_that_is_not_the_user_s_is_refused_with_the_reason(name: str) -> None:
    assert find_setting_problems([name]) == [f"gunicorn.{name} cannot be set: {RESERVED[name]}"]


@pytest.mark.parametrize("name", ["max-requests", "Workers", "import", "_RELEASE", "workers = 1\nuser", "größe", "", 5])
def test_what_cannot_be_a_name_in_the_configuration_is_refused(name: object) -> None:
    assert find_setting_problems([name]) == [f"gunicorn.{name} is not the name of a gunicorn setting"]


@pytest.mark.parametrize(("name", "meant"), [("worker", "workers"), ("max_request", "max_requests"), ("time_out", "timeout")])
def test_a_misspelt_setting_is_refused_because_gunicorn_would_pass_over_it(name: str, meant: str) -> None:
    assert find_setting_problems([name]) == [f"gunicorn.{name} is not a setting of gunicorn; did you mean {meant!r}?"]
