"""What the playbooks have to know of a host."""

from __future__ import annotations

import ipaddress
import os
import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._host.facts import (
    describe_distribution,
    find_address,
    find_installed,
    find_service_manager,
    list_installed,
    read_release,
    read_texts,
)


def test_debian_is_told_as_ansible_tells_it() -> None:
    release = {"ID": "debian", "NAME": "Debian GNU/Linux", "VERSION_ID": "12"}
    facts = {"distribution": "Debian", "distribution_version": "12", "distribution_major_version": "12"}
    assert describe_distribution(release) == facts


def test_the_first_file_that_is_there_is_read_as_a_shell_would(tmp_path: Path) -> None:
    file = tmp_path / "os-release"
    file.write_text("# a comment\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nID=debian\n\nVERSION_ID='12'\n", encoding="utf-8")
    release = read_release([tmp_path / "none", file])
    assert release == {"PRETTY_NAME": "Debian GNU/Linux 12 (bookworm)", "ID": "debian", "VERSION_ID": "12"}
    assert read_release([tmp_path / "none"]) == {}


def test_another_distribution_is_told_by_its_name() -> None:
    facts = describe_distribution({"ID": "ubuntu", "NAME": "Ubuntu", "VERSION_ID": "24.04", "ID_LIKE": "debian"})
    assert facts == {"distribution": "Ubuntu", "distribution_version": "24.04", "distribution_major_version": "24"}


def test_a_system_that_does_not_say_what_it_is_is_no_debian() -> None:
    assert describe_distribution({})["distribution"] != "Debian"


def test_a_package_that_left_its_configuration_is_not_installed() -> None:
    assert list_installed("nginx installed\ngit config-files\npipenv half-installed\nunknown not-installed\n") == ["nginx"]


def test_nothing_is_looked_for_where_nothing_is_asked() -> None:
    assert find_installed([]) == []


def test_a_name_that_is_no_package_is_not_installed() -> None:
    assert find_installed(["no-such-package-anywhere", "--version"]) == []


def test_the_address_is_one() -> None:
    address = find_address()
    assert address is None or ipaddress.ip_address(address)


@pytest.mark.parametrize(
    ("addresses", "found"),
    [
        ([], "None"),
        (["192.0.2.10/24"], "192.0.2.10"),
        (["fd00:6::2/64"], "fd00:6::2"),
        (["fd00:6::2/64", "192.0.2.10/24"], "192.0.2.10"),
    ],
)
def test_the_address_is_that_from_which_others_are_reached_be_it_ipv6_alone(addresses: list[str], found: str) -> None:
    """In a network of its own, which has these addresses and a way to everywhere by each."""
    ways = [f"ip address add {each} dev lo && ip -{6 if ':' in each else 4} route add default dev lo" for each in addresses]
    program = f"from {find_address.__module__} import find_address; print(find_address())"
    script = " && ".join(["ip link set lo up", *ways, f"exec {sys.executable} -c '{program}'"])
    apart = ["unshare", "--user", "--map-root-user", "--net"]
    if subprocess.run([*apart, "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("this machine lets nobody make a network of their own")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    said = subprocess.run([*apart, "sh", "-c", script], capture_output=True, text=True, env=environment, check=True)
    assert said.stdout.strip() == found


def test_systemd_is_found_as_it_finds_itself(tmp_path: Path) -> None:
    assert find_service_manager(tmp_path) != "systemd" or Path("/proc/1/comm").read_text(encoding="utf-8") == "systemd\n"
    (tmp_path / "systemd/system").mkdir(parents=True)
    assert find_service_manager(tmp_path) == "systemd"


def test_small_text_files_are_read_as_they_are_and_others_left_out(tmp_path: Path) -> None:
    contents = {"windows": b"127.0.0.1 a\r\n", "empty": b"", "binary": b"\xff\xfe", "huge": b"#" * ((1 << 20) + 1)}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    os.mkfifo(tmp_path / "fifo")
    paths = [str(tmp_path / name) for name in (*contents, "fifo", "none", ".")]
    assert read_texts(paths) == {str(tmp_path / "windows"): "127.0.0.1 a\r\n", str(tmp_path / "empty"): ""}
