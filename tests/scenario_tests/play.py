"""Running a role or a playbook once more, from within a test."""

from __future__ import annotations

import json
import os
import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scenario_tests.hosts import inventory_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from testinfra.host import Host


@dataclass(frozen=True)
class Play:
    """What became of a run of ansible-playbook on one host."""

    status: int
    changed: int
    """How many tasks have changed something, or would, in check mode."""
    output: str

    @property
    def changed_tasks(self) -> list[str]:
        """The names of the tasks that have changed something, or would, in check mode."""
        parts = re.split(r"^TASK \[(.*)\] \**$", self.output, flags=re.MULTILINE)
        return [name for name, said in zip(parts[1::2], parts[2::2], strict=True) if re.search(r"^changed: \[", said, re.MULTILINE)]

    @property
    def tasks(self) -> int:
        """How many tasks it had on the host, skipped ones included."""
        recap = self.output.partition("\nPLAY RECAP ")[2]
        return sum(map(int, re.findall(r"\b(?:ok|failed|skipped|rescued)=(\d+)", recap)))

    @property
    def round_trips(self) -> int:
        """How often the host was spoken to. Only a run with ``options=["-vvv"]`` tells."""
        return len(re.findall(r"^<.*> SSH: EXEC ", self.output, re.MULTILINE))

    @property
    def tells_of_a_death(self) -> bool:
        """Whether it says that a release has died: how, or that it was started again, where systemd was quicker than the look at it."""
        words = r"does not run: (its process (ended with exit status|was ended by signal) \d|it has died and been restarted)"
        return bool(re.search(words, " ".join(self.output.split())))

    def succeeded(self) -> Play:
        """Return this, or fail with what Ansible said."""
        assert self.status == 0, self.output
        return self


def run_role(
    host: Host,
    role: str,
    variables: Mapping[str, Any],
    *,
    check: bool = False,
    options: Sequence[str] = (),
) -> Play:
    """Run a role of this collection on one host with these variables."""
    tasks = [{"name": f"Run {role}", "ansible.builtin.include_role": {"name": f"webstack.flask.{role}"}, "vars": dict(variables)}]
    play = {"name": "Run a role again", "hosts": "all", "gather_facts": False, "tasks": tasks}
    with tempfile.NamedTemporaryFile("w", suffix=".yml", encoding="utf-8") as file:
        json.dump([play], file)
        file.flush()
        return run_playbook(host, Path(file.name), check=check, options=options)


def run_playbook(
    host: Host,
    playbook: Path,
    variables: Mapping[str, Any] | None = None,
    *,
    check: bool = False,
    options: Sequence[str] = (),
) -> Play:
    """Run a playbook on one host of the scenario, with ``--diff``. A relative path is one of the clone."""
    argv = ["ansible-playbook", "--inventory", os.environ["MOLECULE_INVENTORY_FILE"], "--limit", inventory_name(host), "--diff"]
    argv += ["--check"] if check else []
    argv += ["--extra-vars", json.dumps(variables)] if variables else []
    # Without a terminal Ansible prints no colours, and the recap can be read.
    ended = subprocess.run(
        [*argv, *options, str(playbook)],
        cwd=os.environ["MOLECULE_PROJECT_DIRECTORY"],
        env=os.environ | {"ANSIBLE_FORCE_COLOR": "0"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    output = ended.stdout + ended.stderr
    recap = re.search(rf"^{re.escape(inventory_name(host))}\s.*changed=(\d+)", ended.stdout, re.MULTILINE)
    return Play(status=ended.returncode, changed=int(recap[1]) if recap else 0, output=output)
