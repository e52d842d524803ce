"""Whose word counts among the settings of a server; `molecule/data` has real ones."""

from __future__ import annotations

from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._databases.settings_file import format_settings
from ansible_collections.webstack.flask.plugins.module_utils._databases.tuning import find_elsewhere, find_errors

CONFIG, OURS = "/etc/postgresql/17/main/postgresql.conf", "/etc/postgresql/17/main/conf.d/00-webstack-flask.conf"
AUTO = "/var/lib/postgresql/17/main/postgresql.auto.conf"


def line(file: str, name: str, value: str, error: str | None = None) -> dict[str, Any]:
    return {"file": file, "number": 7, "name": name, "value": value, "error": error}


def test_debian_s_own_value_is_nobody_s_choice_and_any_other_one_counts() -> None:
    names = ["shared_buffers", "work_mem"]
    assert find_elsewhere([line(CONFIG, "shared_buffers", "128MB"), line(OURS, "work_mem", "1MB")], names, OURS, CONFIG) == {}
    assert find_elsewhere([line(CONFIG, "shared_buffers", "1GB")], names, OURS, CONFIG) == {"shared_buffers": CONFIG}
    assert find_elsewhere([line(AUTO, "shared_buffers", "128MB")], names, OURS, CONFIG) == {"shared_buffers": AUTO}
    assert find_elsewhere([line(CONFIG, "work_mem", "128MB"), line(CONFIG, "port", "1")], names, OURS, CONFIG) == {"work_mem": CONFIG}


def test_the_file_says_what_is_set_elsewhere_and_sets_the_rest() -> None:
    text = format_settings({"work_mem": "4MB", "shared_buffers": "64MB"}, {"work_mem": AUTO})
    assert text.splitlines()[-2:] == ["shared_buffers = 64MB", f"# work_mem is set in {AUTO}"]


def test_errors_are_told_with_file_and_line() -> None:
    lines = [line(CONFIG, "work_mem", "1MB"), line(OURS, "work_mem", "x", "invalid value")]
    assert find_errors(lines) == [f"{OURS}, line 7: invalid value"]
