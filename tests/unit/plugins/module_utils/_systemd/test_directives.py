"""What an app may say of its service."""

from __future__ import annotations

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._systemd.directives import (
    RESERVED_DIRECTIVES,
    find_directive_problems,
    format_directives,
    format_seconds,
    list_confinement,
)
from hypothesis import given
from hypothesis import strategies as st

_SCALARS = st.one_of(st.booleans(), st.integers(), st.text())


def test_directives_become_lines_in_the_order_of_their_names() -> None:
    directives = {"MemoryMax": "512M", "DeviceAllow": ["/dev/a", "/dev/b"], "PrivateDevices": False, "TasksMax": 20, "DynamicUser": True}
    assert format_directives(directives) == (
        "DeviceAllow=/dev/a\nDeviceAllow=/dev/b\nDynamicUser=yes\nMemoryMax=512M\nPrivateDevices=no\nTasksMax=20\n"
    )


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("memory_max", 1, "service.memory_max is not the name of a systemd directive, such as MemoryMax"),
        ("MemoryMax=1\nUser", 1, "is not the name of a systemd directive"),
        ("MemoryMax", None, "service.MemoryMax is None; it must be text, a number"),
        ("MemoryMax", {"a": 1}, "it must be text, a number"),
        ("ReadWritePaths", ["/srv\nUser=root"], "it must be one line"),
        ("ReadWritePaths", "/srv \\", "no backslash at its end"),
        *((name, "x", f"service.{name} cannot be set: ") for name in RESERVED_DIRECTIVES),
    ],
)
def test_what_cannot_stand_in_the_unit_is_refused(name: str, value: object, words: str) -> None:
    (problem,) = find_directive_problems({name: value})
    assert words in problem


@given(st.dictionaries(st.text(), st.one_of(_SCALARS, st.lists(_SCALARS, max_size=3))))
def test_no_accepted_value_leaves_its_line(directives: dict[str, object]) -> None:
    accepted = {name: value for name, value in directives.items() if not find_directive_problems({name: value})}
    lines = format_directives(accepted).split("\n")[:-1]
    assert len(lines) == sum(len(value) if isinstance(value, list) else 1 for value in accepted.values())
    assert {line.partition("=")[0] for line in lines} == {name for name, value in accepted.items() if value != []}
    assert not any(line.endswith("\\") for line in lines)


UNIT = """\
# A comment
[Unit]
Description=%p, release %i

[Service]
Type=notify
ExecStart=/srv/%i/gunicorn
Restart=always
# What the app may do.
ReadWritePaths=/var/www/shop/shared
UMask=0077
CapabilityBoundingSet=

[Install]
WantedBy=multi-user.target
"""


def test_release_commands_are_confined_as_the_app_is() -> None:
    drop_in = "[Service]\nMemoryMax=1G\nReadWritePaths=/srv/%p/%i\nTimeoutStopSec=5\nUMask=0027\n"
    assert list_confinement(UNIT, drop_in, "", app="shop", release="abc") == [
        *("ReadWritePaths=/var/www/shop/shared", "UMask=0077", "CapabilityBoundingSet="),
        *("MemoryMax=1G", "ReadWritePaths=/srv/shop/abc", "UMask=0027"),
    ]


@pytest.mark.parametrize(
    ("seconds", "written"),
    [(30, "30"), (1.5, "1.5"), (600.0, "600"), (1209600, "1209600"), (31622400.25, "31622400.25"), (0, "0.001"), (1e-9, "0.001")],
)
def test_a_time_limit_is_written_as_systemd_reads_it(seconds: float, written: str) -> None:
    assert format_seconds(seconds) == written
