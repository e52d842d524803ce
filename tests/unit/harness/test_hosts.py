"""Disposable hosts: the decisions that need no Docker."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from harness import cgroups, hosts, images, scenario
from harness.process import HarnessError


@pytest.mark.parametrize(
    ("suite", "version", "has_unified", "tree"),
    [
        ("bookworm", "2", False, "/sys/fs/cgroup"),
        ("trixie", "2", False, "/sys/fs/cgroup"),
        ("bookworm", "1", True, "/sys/fs/cgroup"),
        ("bookworm", "1", False, "/sys/fs/cgroup"),
        ("trixie", "1", True, "/sys/fs/cgroup/unified"),
    ],
)
def test_each_systemd_gets_the_cgroup_tree_that_it_understands(suite: str, version: str, *, has_unified: bool, tree: str) -> None:
    assert cgroups.choose(suite, version, has_unified=has_unified) == Path(tree)


def test_a_machine_on_which_debian_13_cannot_boot_is_told_how_it_could() -> None:
    with pytest.raises(HarnessError, match=r"systemd\.unified_cgroup_hierarchy=1"):
        cgroups.choose("trixie", "1", has_unified=False)


def test_the_platform_name_tells_the_suite() -> None:
    assert scenario.platform("site", {"name": "debian12"}) == hosts.Wanted("site", "debian12", "bookworm", (80,))
    assert scenario.platform("site", {"name": "debian13"}).suite == "trixie"


def test_a_platform_of_another_name_says_its_suite_and_ports() -> None:
    wanted = scenario.platform("site", {"name": "remote", "suite": "trixie", "ports": [80, 9418]})
    assert wanted == hosts.Wanted("site", "remote", "trixie", (80, 9418))


@pytest.mark.parametrize("entry", [{"name": "remote"}, {"name": "debian12", "suite": "sid"}])
def test_an_unknown_suite_is_refused_with_those_that_are_known(entry: dict[str, str]) -> None:
    with pytest.raises(HarnessError, match="bookworm, trixie"):
        scenario.platform("site", entry)


def test_molecule_finds_what_the_harness_wrote(tmp_path: Path) -> None:
    host = hosts.Host("debian12", "flask-site-debian12-0000", "127.0.0.1", 20022, "admin", "/key", {"22": 20022, "80": 20080})
    scenario.write_instance_config([host], tmp_path / "instances")
    text = (tmp_path / "instances").read_text(encoding="utf-8")
    for word in ('"instance": "debian12"', '"port": 20022', '"identity_file": "/key"', '"80": 20080'):
        assert word in text


def test_saved_hosts_are_read_back_as_they_were(tmp_path: Path) -> None:
    host = hosts.Host("demo", "flask-demo-demo-0000", "127.0.0.1", 20022, "admin", "/key", {"22": 20022})
    hosts.save([host], tmp_path / "new" / "hosts.json")
    assert hosts.load(tmp_path / "new" / "hosts.json") == [host]


def test_free_ports_differ_and_can_be_listened_on() -> None:
    ports = hosts.free_ports(3)
    assert len(set(ports)) == 3
    for port in ports:
        with socket.socket() as one:
            one.bind(("127.0.0.1", port))


def test_a_taken_port_is_not_offered(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        monkeypatch.setattr(hosts, "_PORT_RANGE", range(port, port + 1))
        assert hosts.free_ports(1) == []


def test_two_clones_do_not_share_containers(monkeypatch: pytest.MonkeyPatch) -> None:
    here = hosts.container_name("site", "debian12")
    monkeypatch.setattr("harness.paths.ROOT", Path("/elsewhere"))
    assert hosts.container_name("site", "debian12") != here


def test_an_image_is_built_anew_when_any_part_of_its_recipe_changes() -> None:
    digests = {images.recipe_digest(parts) for parts in ([b"a", b"b"], [b"ab"], [b"b", b"a"], [b"a", b"b", b""])}
    assert len(digests) == 4
    assert images.recipe_digest([b"a", b"b"]) == images.recipe_digest([b"a", b"b"])


def test_hosts_get_security_updates_from_where_this_machine_gets_its_own() -> None:
    repositories = ["http://mirror.test/node", "http://mirror.test/debian-security/", "http://mirror.test/debian/"]
    assert images.sources("trixie", repositories).splitlines() == [
        "deb http://mirror.test/debian trixie main",
        "deb http://mirror.test/debian trixie-updates main",
        "deb http://mirror.test/debian-security trixie-security main",
    ]


def test_a_machine_without_debian_s_repositories_is_told_what_is_missing() -> None:
    with pytest.raises(HarnessError, match="one ending in /debian and one in /debian-security; it has none"):
        images.sources("trixie", [])
