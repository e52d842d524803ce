from __future__ import annotations

import ast
import base64
import json

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.webstack.flask.plugins.filter.releases import (
    FilterModule,
    job_directives,
    process_directives,
    python_literal,
    release_parameters,
)
from hypothesis import given
from hypothesis import strategies as st

_PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(_PLAIN)
def test_a_plain_value_is_written_so_that_python_reads_the_same(value: object) -> None:
    text = python_literal(value)
    assert ast.literal_eval(text) == value
    assert "\n" not in text


def test_text_cannot_end_the_literal_and_go_on_as_code() -> None:
    assert python_literal("'; import os #\n") == repr("'; import os #\n")


@pytest.mark.parametrize("value", [object(), {1, 2}, b"bytes", [object()]])
def test_what_is_no_plain_value_is_refused(value: object) -> None:
    with pytest.raises(AnsibleFilterError, match="python_literal: Object of type"):
        python_literal(value)


@pytest.mark.parametrize("value", [float("inf"), float("nan")])
def test_a_number_that_python_cannot_write_is_refused(value: float) -> None:
    with pytest.raises(AnsibleFilterError, match="python_literal: Out of range float values"):
        python_literal(value)


def _rendered(name: str) -> dict[str, str | None]:
    return {"service": f"service of {name}", "socket": f"socket of {name}\n", "gunicorn_conf": f"conf of {name}", "drop_in": ""}


@pytest.mark.parametrize("nothing", ["", "\n", None])
def test_every_ansible_core_gives_the_same_release(nothing: str | None) -> None:
    files: dict[str, str | None] = {"service": "[Service]\n\n", "socket": "[Socket]", "gunicorn_conf": "bind = []\n", "drop_in": nothing}
    (parameters,) = release_parameters([{"name": "shop"}], [files])
    assert {key: parameters[key] for key in files} == {
        "service": "[Service]\n",
        "socket": "[Socket]\n",
        "gunicorn_conf": "bind = []\n",
        "drop_in": "",
    }


def test_directories_of_the_build_become_python_s_path() -> None:
    app = {"name": "shop", "root": "/srv/shop", "build": "b1", "python_path": ["lib", "services/web"], "env": {"PYTHONPATH": "/opt/common"}}
    (parameters,) = release_parameters([app], [_rendered("shop")])
    path = "/opt/common:/srv/shop/builds/b1/lib:/srv/shop/builds/b1/services/web"
    assert json.loads(base64.b64decode(parameters["variables"])) == {"PYTHONPATH": path}


def test_a_misspelt_key_is_refused_because_it_would_do_nothing() -> None:
    with pytest.raises(AnsibleFilterError, match=r"\(shop\): 'command' is not a key; did you mean 'commands'\? Allowed are "):
        release_parameters([{"name": "shop", "command": ["flask db upgrade"]}], [_rendered("shop")])


def test_each_app_gets_its_own_files_each_with_an_end_and_what_the_module_takes() -> None:
    shop = {"name": "shop", "build": "b1", "environment": "e1", "wsgi": "wsgi:app", "gunicorn": {"workers": 2}, "keep": 5}
    blog = {"name": "blog", "root": "/srv/blog", "proxy": {"host": "blog.test"}, "drain": 1}
    parameters = release_parameters([shop, blog], [_rendered("shop"), _rendered("blog")])
    assert parameters == [
        {
            "name": "shop",
            "build": "b1",
            "environment": "e1",
            "keep": 5,
            "variables": "e30=",
            "service": "service of shop\n",
            "socket": "socket of shop\n",
            "gunicorn_conf": "conf of shop\n",
            "drop_in": "",
            "warn_of_threads": True,
        },
        {
            "name": "blog",
            "root": "/srv/blog",
            "proxy": {"host": "blog.test"},
            "drain": 1,
            "variables": "e30=",
            "service": "service of blog\n",
            "socket": "socket of blog\n",
            "gunicorn_conf": "conf of blog\n",
            "drop_in": "",
            "warn_of_threads": True,
        },
    ]


def test_environment_variables_are_one_value_so_that_they_are_one_secret() -> None:
    variables = {"SECRET_KEY": 'geheim "ü"', "EMPTY": ""}
    (parameters,) = release_parameters([{"name": "shop", "env": variables}], [_rendered("shop")])
    assert json.loads(base64.b64decode(parameters["variables"])) == variables
    assert "env" not in parameters


def test_an_app_without_its_files_is_an_error() -> None:
    with pytest.raises(AnsibleFilterError, match="files of 0"):
        release_parameters([{"name": "shop"}], [])


def test_the_role_finds_the_filters_by_name() -> None:
    assert set(FilterModule().filters()) == {
        "job_directives",
        "process_directives",
        "python_literal",
        "release_parameters",
        "unit_directives",
    }


def test_a_process_is_a_unit_of_its_own_with_what_the_app_may_do_and_what_it_says_itself() -> None:
    app = {"name": "shop", "service": {"ReadWritePaths": "/srv/in", "MemoryMax": "1G", "ExecReload": "x", "KillSignal": "SIGQUIT"}}
    process = {"name": "mail", "command": "work", "drain": 600.0, "service": {"MemoryMax": "256M"}}
    assert process_directives(process, app).splitlines() == [
        'ExecStart="/bin/bash" "-c" "work"',
        "TimeoutStopSec=600",
        "MemoryMax=256M",
        "ReadWritePaths=/srv/in",
    ]


def test_a_process_reads_the_files_of_variables_and_is_asked_whether_it_is_ready() -> None:
    lines = process_directives({"name": "mail", "command": "work", "ready": "ask"}, {"name": "shop", "env_files": [".env"]}).splitlines()
    assert lines[0].startswith('ExecStart="/var/www/shop/releases/%i/venv/bin/python" "-c" "import os')
    assert lines[0].endswith(' "/bin/bash" "work" "/var/www/shop/releases/%i/app/.env"')
    assert lines[1].startswith('ExecStartPost="/var/www/shop/releases/%i/venv/bin/python"')
    assert '\\"$$MAINPID\\"' in lines[1]
    assert lines[2] == "TimeoutStopSec=30"


def test_a_process_cannot_take_what_the_role_needs() -> None:
    with pytest.raises(AnsibleFilterError, match=r"mail of shop: service\.User cannot be set"):
        process_directives({"name": "mail", "command": "work", "service": {"User": "root"}}, {"name": "shop"})


def test_the_module_gets_the_unit_of_each_process_and_what_is_not_in_it() -> None:
    app = {"name": "shop", "processes": [{"name": "mail", "command": "work", "count": 2, "drain": 9}, {"name": "bot", "command": "bot"}]}
    (parameters,) = release_parameters([app], [{**_rendered("shop"), "processes": ["unit of mail", "unit of bot\n"]}])
    assert parameters["processes"] == [{"name": "mail", "count": 2, "unit": "unit of mail\n"}, {"name": "bot", "unit": "unit of bot\n"}]


def test_a_job_is_a_unit_of_its_own_with_a_timeout_and_its_time_has_a_zone() -> None:
    job = {"name": "digest", "command": "work", "at": "*-*-* 04:00", "timeout": 60, "service": {"Nice": 5}}
    assert job_directives(job, {"name": "shop"}).splitlines() == ['ExecStart="/bin/bash" "-c" "work"', "TimeoutStartSec=60", "Nice=5"]
    (parameters,) = release_parameters([{"name": "shop", "schedules": [job]}], [{**_rendered("shop"), "schedules": ["unit"]}])
    assert parameters["schedules"] == [{"name": "digest", "at": "*-*-* 04:00 UTC", "unit": "unit\n"}]


def test_a_misspelt_key_of_a_process_is_refused() -> None:
    with pytest.raises(AnsibleFilterError, match="did you mean 'command'"):
        release_parameters([{"name": "shop", "processes": [{"name": "mail", "comand": "work"}]}], [_rendered("shop")])


def test_a_process_that_is_to_end_at_once_does_and_a_job_of_two_weeks_has_them() -> None:
    # For systemd 0 is no limit at all, and 1.2096e+06 is no number.
    assert "TimeoutStopSec=0.001" in process_directives({"name": "mail", "command": "work", "drain": 0}, {"name": "shop"}).splitlines()
    job = {"name": "digest", "command": "work", "timeout": 1209600}
    assert "TimeoutStartSec=1209600" in job_directives(job, {"name": "shop"}).splitlines()
