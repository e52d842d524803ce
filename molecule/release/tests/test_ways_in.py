"""The ways by which people reach a machine, and become root on it."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scenario_tests import run_playbook
from scenario_tests.faulty import DEPLOY, describe, ensure_served, new_version, served, words_of
from scenario_tests.hosts import read_instance

if TYPE_CHECKING:
    from collections.abc import Iterator

    from testinfra.host import Host

testinfra_hosts = ["debian13"]

PASSWORD = "a secret of the operator's"  # noqa: S105 - of a disposable machine


@contextmanager
def person(host: Host, name: str) -> Iterator[None]:
    """Let somebody in by the harness's key, who is asked for a password by sudo."""
    host.check_output("useradd --create-home --groups sudo --shell /bin/bash %s", name)
    host.check_output("printf '%%s:%%s\\n' %s %s | chpasswd", name, PASSWORD)
    let_in(host, name, f"/home/{name}")
    try:
        yield
    finally:
        host.check_output("userdel --remove --force %s", name)


def let_in(host: Host, name: str, home: str) -> None:
    keys = f"{home}/.ssh/authorized_keys"
    host.check_output("install -D -o %s -g %s -m 600 /home/admin/.ssh/authorized_keys %s", name, name, keys)
    host.check_output("chown %s:%s %s", name, name, f"{home}/.ssh")


def test_a_user_whom_sudo_asks_for_a_password_deploys_through_a_jump_host(host: Host, tmp_path: Path) -> None:
    """The name is one that the jump host knows, and this machine does not."""
    ensure_served(host)
    version = new_version()
    jump = read_instance("load")
    common = f"User %r\n IdentityFile {jump['identity_file']}\n StrictHostKeyChecking no\n UserKnownHostsFile {tmp_path}/known_hosts\n"
    config = tmp_path / "ssh_config"
    config.write_text(
        f"Host jump\n HostName {jump['address']}\n Port {jump['port']}\n {common.replace('%r', jump['user'])}"
        f"Host behind\n HostName debian13\n ProxyJump jump\n {common.replace('%r', 'operator')}",
        encoding="utf-8",
    )
    way: dict[str, Any] = {"ansible_host": "behind", "ansible_port": 22, "ansible_user": "keeper"}
    way |= {"ansible_ssh_common_args": f"-F {config} -o ControlPath=none", "ansible_ssh_private_key_file": jump["identity_file"]}
    with person(host, "keeper"):
        refused = run_playbook(host, Path(DEPLOY), describe(host, version) | way)
        assert refused.status != 0
        assert "password" in words_of(refused).lower()
        run_playbook(host, Path(DEPLOY), describe(host, version) | way | {"ansible_become_password": PASSWORD}).succeeded()
    assert served(host) == version


def test_root_deploys_on_a_machine_without_sudo(host: Host) -> None:
    ensure_served(host)
    version = new_version()
    let_in(host, "root", "/root")
    root = {"ansible_user": "root"}
    instance = read_instance("debian13")
    as_root = host.get_host(
        f"ssh://root@127.0.0.1:{instance['port']}",
        ssh_identity_file=instance["identity_file"],
        ssh_extra_args="-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null",
    )
    host.check_output("mv /usr/bin/sudo /usr/bin/sudo.away")
    try:
        run_playbook(host, Path(DEPLOY), describe(host, version) | root).succeeded()
    finally:
        as_root.check_output("mv /usr/bin/sudo.away /usr/bin/sudo")
    assert served(host) == version
