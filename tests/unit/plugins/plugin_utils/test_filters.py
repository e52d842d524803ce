from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.plugin_utils._filters import as_filter


@as_filter
def _halve(number: int, *, by: int = 2) -> int:
    """Halve it."""
    if number % by:
        raise UserError("it is odd")
    return number // by


def test_a_filter_returns_what_its_function_does_and_is_documented_as_it_is() -> None:
    assert (_halve(4), _halve(9, by=3)) == (2, 3)
    assert (_halve.__name__, _halve.__doc__) == ("_halve", "Halve it.")


def test_an_error_of_the_user_is_one_of_the_filter() -> None:
    with pytest.raises(AnsibleFilterError, match="it is odd"):
        _halve(3)
