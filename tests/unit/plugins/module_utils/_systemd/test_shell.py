from __future__ import annotations

from ansible_collections.webstack.flask.plugins.module_utils._systemd.shell import wrap

RELEASE = "/var/www/shop/releases/r1"


def test_a_command_is_one_argument_of_a_shell() -> None:
    assert wrap("flask db upgrade; echo $X", [], RELEASE) == ["/bin/sh", "-c", "flask db upgrade; echo $X"]


def test_files_of_variables_are_read_by_the_environment_s_own_python() -> None:
    wrapped = wrap("flask db upgrade", [".flaskenv", "conf/.env"], RELEASE)
    assert wrapped[:2] == [f"{RELEASE}/venv/bin/python", "-c"]
    assert wrapped[3:] == ["flask db upgrade", f"{RELEASE}/app/.flaskenv", f"{RELEASE}/app/conf/.env"]
