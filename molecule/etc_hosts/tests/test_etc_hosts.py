"""Names are found, other lines are left alone, and a block goes without a trace."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from scenario_tests import as_user, inventory_name, run_role

if TYPE_CHECKING:
    from testinfra.host import Host

WINDOWS_FILES = ["/srv/windows-hosts", "/srv/unended-hosts"]


def content(host: Host, path: str) -> bytes:
    return bytes.fromhex(host.check_output("od -An -v -tx1 %s", path))


def before(host: Host, path: str) -> bytes:
    return content(host, f"/srv/before/{Path(path).name}")


@pytest.mark.parametrize(
    ("name", "address"),
    [("shop.test", "192.0.2.10"), ("www.shop.test", "192.0.2.10"), ("blog.test", "2001:db8::10"), ("printer", "192.0.2.7")],
)
def test_any_local_user_finds_the_names(host: Host, name: str, address: str) -> None:
    assert as_user(host, "nobody", f"getent hosts {name}").stdout.split()[0] == address


def test_lines_of_others_stay_as_they_were(host: Host) -> None:
    assert content(host, "/etc/hosts").startswith(before(host, "/etc/hosts"))


def test_the_file_stays_readable_for_all_and_writable_for_root(host: Host) -> None:
    file = host.file("/etc/hosts")
    assert (file.user, file.group, file.mode) == ("root", "root", 0o644)


@pytest.mark.parametrize("path", WINDOWS_FILES)
def test_a_windows_file_keeps_its_lines_and_gets_lines_of_its_kind(host: Host, path: str) -> None:
    now = content(host, path)
    assert before(host, path) in now
    assert b"\r\n192.0.2.10 shop.test www.shop.test\r\n" in b"\r\n" + now
    assert b"\n" not in now.replace(b"\r\n", b"")


@pytest.mark.any_debian("debian12")
@pytest.mark.parametrize("path", ["/etc/hosts", *WINDOWS_FILES])
def test_another_address_replaces_the_old_one(host: Host, path: str) -> None:
    moved = {"etc_hosts_path": path, "etc_hosts_entries": [{"address": "192.0.2.11", "names": ["shop.test"]}]}
    assert run_role(host, "etc_hosts", moved).succeeded().changed == 1
    now = content(host, path)
    assert b"192.0.2.11 shop.test" in now
    assert b"192.0.2.10" not in now
    assert now.count(b"BEGIN webstack.flask") == 1


@pytest.mark.any_debian("debian12")
@pytest.mark.parametrize("path", ["/etc/hosts", *WINDOWS_FILES])
def test_removal_brings_the_former_file_back_byte_for_byte(host: Host, path: str) -> None:
    run_role(host, "etc_hosts", {"etc_hosts_path": path, "etc_hosts_entries": []}).succeeded()
    assert content(host, path) == before(host, path)


@pytest.mark.any_debian("debian12")
@pytest.mark.parametrize("odd", ["", "twice", "another", "half", "unended"])
def test_a_block_is_left_alone_only_where_the_text_that_was_read_has_it_as_described(host: Host, odd: str) -> None:
    entries = [{"address": "192.0.2.13", "names": ["read.test", "www.read.test"]}]
    run_role(host, "etc_hosts", {"etc_hosts_entries": entries}).succeeded()
    text = host.file("/etc/hosts").content_string
    found = {
        "": text,
        "twice": text + text,
        "another": text.replace("192.0.2.13", "192.0.2.14"),
        "half": text.replace("# END webstack.flask\n", ""),
        "unended": text.replace("# BEGIN webstack.flask\n", "# BEGIN webstack.flask"),
    }[odd]
    run = run_role(host, "etc_hosts", {"etc_hosts_entries": entries, "etc_hosts_found": found}, options=["-vvv"]).succeeded()
    assert run.changed == 0
    assert (run.round_trips > 0) == bool(odd)


@pytest.mark.any_debian("debian12")
def test_a_block_goes_that_the_text_that_was_read_has(host: Host) -> None:
    run_role(host, "etc_hosts", {"etc_hosts_entries": [{"address": "192.0.2.13", "names": ["read.test"]}]}).succeeded()
    text = host.file("/etc/hosts").content_string
    assert run_role(host, "etc_hosts", {"etc_hosts_entries": [], "etc_hosts_found": text}).succeeded().changed == 1
    assert content(host, "/etc/hosts") == before(host, "/etc/hosts")


@pytest.mark.any_debian("debian12")
def test_runs_that_describe_other_apps_leave_the_names_of_each_other(host: Host, tmp_path: Path) -> None:
    file = tmp_path / "hosts"
    file.write_text("127.0.0.1 localhost\n", encoding="ascii")
    controller = {"etc_hosts_controller": True, "etc_hosts_controller_path": str(file), "etc_hosts_controller_become": False}
    for app in ("shop", "blog"):
        entries = [{"app": app, "address": "192.0.2.10", "names": [f"{app}.test"]}]
        run_role(host, "etc_hosts", controller | {"etc_hosts_entries": entries}).succeeded()
    for app in ("shop", "blog"):
        assert as_user(host, "nobody", f"getent hosts {app}.test").stdout.split()[0] == "192.0.2.10"
        assert f"192.0.2.10 {app}.test\n" in file.read_text(encoding="ascii")
        gone = [{"app": app, "address": "192.0.2.10", "names": []}]
        run_role(host, "etc_hosts", controller | {"etc_hosts_entries": gone}).succeeded()
        assert as_user(host, "nobody", f"getent hosts {app}.test").rc != 0
    assert file.read_text(encoding="ascii") == "127.0.0.1 localhost\n"
    assert content(host, "/etc/hosts") == before(host, "/etc/hosts")


@pytest.mark.any_debian("debian12")
def test_check_mode_shows_the_change_and_leaves_the_file(host: Host) -> None:
    was = content(host, "/etc/hosts")
    plan = run_role(host, "etc_hosts", {"etc_hosts_entries": [{"address": "192.0.2.12", "names": ["new.test"]}]}, check=True)
    assert plan.succeeded().changed == 1
    assert "+192.0.2.12 new.test" in plan.output
    assert content(host, "/etc/hosts") == was


def test_the_machine_that_runs_ansible_has_a_block_for_each_host(host: Host) -> None:
    text = Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"], "controller-hosts").read_text(encoding="ascii")
    assert text.startswith("127.0.0.1 localhost\n")
    block = "# BEGIN webstack.flask: {0}\n192.0.2.10 shop.test www.shop.test\n2001:db8::10 blog.test\n# END webstack.flask: {0}\n"
    assert text.count(block.format(inventory_name(host))) == 1


@pytest.mark.any_debian("debian12")
def test_removal_on_the_machine_that_runs_ansible_takes_the_block_of_this_host_alone(host: Host, tmp_path: Path) -> None:
    text = "127.0.0.1 localhost\n# BEGIN webstack.flask: other\n192.0.2.1 other.test\n# END webstack.flask: other\n"
    file = tmp_path / "hosts"
    file.write_text(text, encoding="ascii")
    controller = {"etc_hosts_controller": True, "etc_hosts_controller_path": str(file), "etc_hosts_controller_become": False}
    entries = [{"address": "192.0.2.10", "names": ["shop.test"]}]

    run_role(host, "etc_hosts", controller | {"etc_hosts_entries": entries}).succeeded()
    assert file.read_text(encoding="ascii").startswith(text)
    assert "shop.test" in file.read_text(encoding="ascii")

    run_role(host, "etc_hosts", controller | {"etc_hosts_entries": []}).succeeded()
    assert file.read_text(encoding="ascii") == text


@pytest.mark.any_debian("debian12")
def test_a_hosts_file_that_is_not_there_is_refused_before_anything_changes(host: Host, tmp_path: Path) -> None:
    was = content(host, "/etc/hosts")
    wanted = {"etc_hosts_controller": True, "etc_hosts_controller_path": str(tmp_path / "none")}
    refused = run_role(host, "etc_hosts", wanted)
    assert refused.status != 0
    assert "etc_hosts_controller_path" in refused.output
    assert content(host, "/etc/hosts") == was


@pytest.mark.any_debian("debian12")
def test_everything_wrong_with_the_input_is_said_before_anything_changes(host: Host) -> None:
    was = content(host, "/etc/hosts")
    entries = [
        {"address": "shop.test", "names": ["shop.test"]},
        {"address": "192.0.2.10", "names": ["*.shop.test", "a.test\n192.0.2.66 bank.test"]},
        {"address": "192.0.2.11", "names": []},
    ]
    refused = run_role(host, "etc_hosts", {"etc_hosts_entries": entries})
    assert refused.status != 0
    words = " ".join(refused.output.split())
    assert 'etc_hosts_entries: "shop.test" is no IPv4 or IPv6 address' in words
    assert 'etc_hosts_entries: "*.shop.test" cannot be in a hosts file' in words
    assert 'bank.test" cannot be in a hosts file' in words
    assert 'etc_hosts_entries: "192.0.2.11" has no names' in words
    assert content(host, "/etc/hosts") == was
