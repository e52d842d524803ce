"""Which part of the machine's cgroup tree a container's systemd gets, found out so that nobody has to set it.

Measured: with pure cgroup v2 every systemd wants the whole tree. With v1 and v2 side by side (v2 at ``unified``)
systemd 252 of Debian 12 takes the v1 tree, and systemd 257 of Debian 13, which has forgotten v1, the v2 one.
"""

from __future__ import annotations

from pathlib import Path

from harness import docker
from harness.process import HarnessError

TREE = Path("/sys/fs/cgroup")
_SPEAKS_V1 = {"bookworm"}


def source_for(suite: str) -> Path:
    """Return the directory to mount at /sys/fs/cgroup in a container of this suite."""
    version = docker.call("info", "--format", "{{.CgroupVersion}}").strip()
    return choose(suite, version, has_unified=(TREE / "unified").is_dir())


def choose(suite: str, version: str, *, has_unified: bool) -> Path:
    """Decide from the version that Docker reports, and from whether v2 stands beside v1."""
    if version != "1" or suite in _SPEAKS_V1:
        return TREE
    if has_unified:
        return TREE / "unified"
    raise HarnessError(
        f"systemd of Debian {suite} needs cgroup v2, and this machine has v1 alone: boot it with systemd.unified_cgroup_hierarchy=1.",
    )
