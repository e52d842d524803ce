"""The machine's cgroup tree: which part of it a container's systemd gets, so that nobody has to set it, and where commands run aside.

Measured: with pure cgroup v2 every systemd wants the whole tree. With v1 and v2 side by side (v2 at ``unified``)
systemd 252 of Debian 12 takes the v1 tree, and systemd 257 of Debian 13, which has forgotten v1, the v2 one.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from harness import docker
from harness.process import HarnessError

if TYPE_CHECKING:
    from collections.abc import Sequence

TREE = Path("/sys/fs/cgroup")
_SPEAKS_V1 = {"bookworm"}

_ASIDE = "webstack-flask-aside"
_LEAST = {"cpu.shares": "2", "cpu.weight": "1"}
"""The least share of the processor that there is, by the file of v1 and of v2 that holds it."""


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


def aside(command: Sequence[str], tree: Path = TREE) -> list[str]:
    """Return a command that runs another one with the least share of the processor.

    nice(1) alone does not do that: the kernel weighs sessions before processes (sched(7), "The autogroup feature"), and a process of
    Ansible begins a session for each task. Without root's rights it has to do.
    """
    place = _find_cpu_tree(tree) / _ASIDE
    try:
        place.mkdir(exist_ok=True)
        (file,) = [place / name for name in _LEAST if (place / name).exists()]
        file.write_text(_LEAST[file.name], encoding="ascii")
    except (OSError, ValueError):
        return ["nice", "-n", "19", *command]
    return ["sh", "-c", f'echo $$ > {place}/cgroup.procs && exec "$0" "$@"', *command]


def forget_aside(tree: Path = TREE) -> None:
    """Take the place of commands that ran aside away again."""
    with suppress(OSError):
        (_find_cpu_tree(tree) / _ASIDE).rmdir()


def _find_cpu_tree(tree: Path) -> Path:
    return tree / "cpu" if (tree / "cpu").is_dir() else tree
