"""Virtual machines: the decisions that need no QEMU."""

from __future__ import annotations

import itertools
import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from harness import accelerator, disks, hosts, machines, paths, process, scenario
from harness.disks import Disk
from harness.machines import Guest, Shape
from harness.process import HarnessError

DISK = Disk(Path("/disks/disk"), "raw", Path("/disks/kernel"), Path("/disks/initrd"))


@pytest.fixture
def guest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Guest:
    monkeypatch.setattr(machines, "_DIRECTORY", tmp_path)
    found = Guest("flask-vm-debian12-0000", "vm", "debian12", "admin", {"22": 20022, "80": 20080}, "/key", Shape(512, 1))
    found.directory.mkdir()
    (found.directory / "guest.json").write_text(
        json.dumps({**vars(found), "shape": vars(found.shape)}),
        encoding="utf-8",
    )
    return found


def following(words: list[str], option: str) -> list[str]:
    return [value for name, value in itertools.pairwise(words) if name == option]


def test_a_guest_has_the_memory_and_the_ports_that_were_asked_for(guest: Guest) -> None:
    words = machines.arguments(guest, DISK, accelerator.TRANSLATION)
    assert following(words, "-m") == ["512"]
    assert following(words, "-smp") == ["1"]
    assert following(words, "-netdev") == ["user,id=net,hostfwd=tcp:127.0.0.1:20022-:22,hostfwd=tcp:127.0.0.1:20080-:80"]


def test_our_disk_is_started_by_its_kernel_and_a_cloud_image_by_itself_with_a_seed(guest: Guest) -> None:
    ours = machines.arguments(guest, DISK, accelerator.KVM)
    assert following(ours, "-kernel") == ["/disks/kernel"]
    assert "systemd.hostname=debian12" in following(ours, "-append")[0]
    assert not any("cidata" in word for word in ours)
    cloud = machines.arguments(guest, Disk(Path("/cloud.qcow2"), "qcow2"), accelerator.KVM)
    assert "-kernel" not in cloud
    assert any(f"file.dir={guest.directory}/seed,file.label=cidata" in word for word in cloud)


def test_no_guest_writes_to_the_disk_that_others_start_from(guest: Guest) -> None:
    assert not any(str(DISK.file) in word for word in machines.arguments(guest, DISK, accelerator.KVM))


def test_a_machine_is_found_again_as_it_was_written_down(guest: Guest) -> None:
    assert machines.exists(guest.name)
    assert machines.load(guest.name) == guest
    assert list(machines.list_all()) == [(guest, "off")]


def test_no_process_is_ended_but_the_machine_s_own(guest: Guest) -> None:
    own = [sys.executable, "-c", "import time; print(flush=True); time.sleep(60)", "-pidfile", str(guest.pid_file)]
    with subprocess.Popen(own[:3], stdout=subprocess.PIPE) as other, subprocess.Popen(own, stdout=subprocess.PIPE) as machine:
        try:
            for started in (other, machine):
                assert started.stdout
                started.stdout.readline()
            guest.pid_file.write_text(str(other.pid), encoding="ascii")
            assert not machines.is_on(guest)
            machines.cut_power(guest.name)
            assert other.poll() is None
            guest.pid_file.write_text(f"{machine.pid}\n", encoding="ascii")
            assert machines.is_on(guest)
            machines.cut_power(guest.name)
            assert machine.wait() == -signal.SIGKILL
        finally:
            other.kill()
            machine.kill()


@pytest.mark.parametrize("works", [True, False])
def test_kvm_is_tried_once_after_each_boot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, works: bool) -> None:
    tried: list[Path] = []

    def attempt(kernel: Path) -> bool:
        tried.append(kernel)
        return works

    boot = tmp_path / "boot_id"
    boot.write_text("first\n", encoding="ascii")
    monkeypatch.setattr(paths, "CACHE", tmp_path / "cache")
    monkeypatch.setattr(accelerator, "_BOOT", boot)
    monkeypatch.setattr(accelerator, "_DEVICE", boot)
    monkeypatch.setattr(accelerator, "_FOUND", tmp_path / "found")
    monkeypatch.setattr(accelerator, "can_run", attempt)
    wanted = accelerator.KVM if works else accelerator.TRANSLATION
    assert accelerator.choose(None) == accelerator.TRANSLATION
    assert [accelerator.choose(Path("/kernel")), accelerator.choose(Path("/kernel")), accelerator.choose(None)] == [wanted] * 3
    assert len(tried) == 1
    boot.write_text("second\n", encoding="ascii")
    assert accelerator.choose(Path("/kernel")) == wanted
    assert len(tried) == 2


def test_a_device_without_a_working_kvm_behind_it_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "succeeds", lambda _argv, timeout: timeout > 1000)
    assert not accelerator.can_run(Path("/kernel"))


def test_a_cloud_image_lets_the_key_in_and_trusts_what_is_trusted_here(tmp_path: Path) -> None:
    disks.write_seed(tmp_path / "seed", "demo", "admin", "ssh-ed25519 AAAA\n", ["-----BEGIN CERTIFICATE-----\n"])
    first, _end, rest = (tmp_path / "seed" / "user-data").read_text(encoding="utf-8").partition("\n")
    assert first == "#cloud-config"
    wanted = json.loads(rest)
    assert wanted["users"][0]["ssh_authorized_keys"] == ["ssh-ed25519 AAAA"]
    assert wanted["ca_certs"] == {"trusted": ["-----BEGIN CERTIFICATE-----\n"]}
    assert json.loads((tmp_path / "seed" / "meta-data").read_text(encoding="utf-8"))["local-hostname"] == "demo"


def test_an_image_that_is_not_there_is_named() -> None:
    with pytest.raises(HarnessError, match=r"no file /nowhere/debian\.qcow2.*genericcloud"):
        disks.own("/nowhere/debian.qcow2")


def test_a_platform_says_what_its_machine_is_like() -> None:
    entry = {"name": "debian12", "machine": {"memory": 512, "cpus": 1}}
    assert scenario.platform("vm", entry) == hosts.Wanted("vm", "debian12", "bookworm", (80,), Shape(512, 1))
    assert scenario.platform("vm", {"name": "debian12"}).machine is None


def test_what_runs_machines_is_installed_once_before_any_of_them_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []

    def start(wanted: hosts.Wanted) -> hosts.Host:
        done.append(wanted.name)
        return hosts.Host(wanted.name, "", "", 0, "", "", {})

    monkeypatch.setattr(hosts, "_ensure_key", lambda: None)
    monkeypatch.setattr(hosts, "start", start)
    monkeypatch.setattr(machines, "require_programs", lambda: done.append("programs"))
    hosts.start_all([hosts.Wanted("vm", name, "trixie", machine=Shape()) for name in ("one", "other")])
    assert done[0] == "programs"
    assert sorted(done) == ["one", "other", "programs"]


def test_another_processor_is_told_that_containers_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "aarch64")
    with pytest.raises(HarnessError, match="x86-64 alone, and this machine is aarch64"):
        machines.require_programs()
