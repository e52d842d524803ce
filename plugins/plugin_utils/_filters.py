# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the functions of the collection become filters of Ansible."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from ansible.errors import AnsibleFilterError
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError

_Function = TypeVar("_Function", bound=Callable[..., Any])


def as_filter(function: _Function) -> _Function:
    """Return a function that raises UserError as the error of a filter, which Ansible shows without a traceback."""

    @wraps(function)
    def convert_errors(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - those of the function
        try:
            return function(*args, **kwargs)
        except UserError as problem:
            raise AnsibleFilterError(str(problem)) from problem

    return cast("_Function", convert_errors)
