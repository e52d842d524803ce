"""./dev versions."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TextIO

from harness import docker, example, hosts
from harness.commands import build
from harness.process import HarnessError, say

if TYPE_CHECKING:
    import argparse
    from collections.abc import Collection, Sequence

    from harness.commands import Commands
    from harness.hosts import Host

SUPPORTED = {
    **dict.fromkeys(("2.14", "2.15", "2.16", "2.17", "2.18"), "bookworm"),
    **dict.fromkeys(("2.19", "2.20", "2.21"), "trixie"),
}
"""Release series of ansible-core -> the Debian whose Python runs it: 3.11, or 3.13."""

PACKAGED = {"2.14", "2.19"}
"""Those that are Debian's own package, on which its package `ansible` depends. The others come from PyPI."""

FIRST = {"2.14": "debian13", "2.21": "debian12"}
"""The oldest meets the newest Python on a host, and the newest the oldest: each serves the app on a bare one."""

_GROUP = "versions"
_CONTROLLERS = {"bookworm": "python311", "trixie": "python313"}
_TARGETS = {"debian12": "bookworm", "debian13": "trixie"}
_CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"


def add(commands: Commands) -> None:
    """Describe the command."""
    parser = commands.add_parser("versions", help="run the site playbook with every ansible-core that is supported")
    parser.set_defaults(run=run)


def run(_arguments: argparse.Namespace) -> int:
    """Build the artifact and try it."""
    build.build()
    try_out(SUPPORTED, None)
    say(f"ansible-core {', '.join(SUPPORTED)}: the app is served, and a second run changes nothing.")
    return 0


def try_ends(log: TextIO) -> None:
    """Try the oldest and the newest ansible-core that is supported."""
    try_out(FIRST, log)


def try_all(log: TextIO) -> None:
    """Try each ansible-core that is supported."""
    try_out(SUPPORTED, log)


def try_out(versions: Collection[str], log: TextIO | None) -> None:
    """Install the artifact beside each ansible-core, in a container with a Python that it takes, and use it."""
    wanted = [hosts.Wanted(_GROUP, name, suite, ()) for suite, name in _CONTROLLERS.items()]
    wanted += [hosts.Wanted(_GROUP, name, suite) for name, suite in _TARGETS.items()]
    try:
        started = {host.name: host for host in hosts.start_all(wanted)}
        targets = [started[name] for name in _TARGETS]
        with ThreadPoolExecutor(len(_CONTROLLERS)) as pool:
            list(pool.map(lambda suite: _equip(started[_CONTROLLERS[suite]], suite, versions, targets), _CONTROLLERS))
            list(pool.map(lambda version: _play(started, version, FIRST[version], log), FIRST))
        for version in versions:
            for name in _TARGETS:
                require_unchanged(version, name, _play(started, version, name, log))
        for target in targets:
            example.served_page(target)
    finally:
        hosts.stop_group(_GROUP)


def require_unchanged(version: str, target: str, output: str) -> None:
    """Raise HarnessError unless a run of ansible-core on a host that had been served before has changed nothing."""
    recap = re.search(rf"^{target}\s.*\bchanged=(\d+)", output, re.MULTILINE)
    if recap is None or recap[1] != "0":
        tasks = [part for part in output.split("\nTASK [")[1:] if re.search(r"^(changed|fatal): ", part, re.MULTILINE)]
        said = "\n".join(f"TASK [{task}" for task in tasks)
        raise HarnessError(f"ansible-core {version} has changed {target} again, where it was to change nothing:\n{said}")
    if "does not support Ansible version" in output:
        raise HarnessError(f"meta/runtime.yml does not allow ansible-core {version}, which is to be supported.")


def _equip(controller: Host, suite: str, versions: Collection[str], targets: Sequence[Host]) -> None:
    """Install each ansible-core in a virtualenv of its own, the collection, the app, and an inventory."""
    inside = controller.container
    chosen = [version for version in versions if SUPPORTED[version] == suite]
    packages = {"openssh-client"} | {"ansible-core" if version in PACKAGED else "python3-venv" for version in chosen}
    apt = "DEBIAN_FRONTEND=noninteractive apt-get -qq"
    _call(inside, f"{apt} update && {apt} install -y --no-install-recommends {' '.join(sorted(packages))}")
    artifact = build.artifact()
    for source, place in ((hosts.KEY, "/root/key"), (artifact, "/root/"), (example.APP, "/srv/")):
        docker.call("cp", str(source), f"{inside}:{place}")
    _call(inside, f"chown -R root:root /root /srv; chmod 600 /root/key; cat > /root/inventory.json <<'END'\n{inventory(targets)}\nEND")
    for version in chosen:
        place = f"/opt/{version}"
        _call(inside, _from_debian(version, place) if version in PACKAGED else _from_pypi(version, place))
        _call(inside, f"{place}/bin/ansible-galaxy collection install --offline -p {place}/collections /root/{artifact.name}")


def _from_debian(version: str, place: str) -> str:
    return f"ansible --version | grep -F 'core {version}.' && mkdir -p {place}/bin && ln -s /usr/bin/ansible* {place}/bin"


def _from_pypi(version: str, place: str) -> str:
    return f"python3 -m venv {place} && {place}/bin/pip install -q --cert {_CERTIFICATES} 'ansible-core~={version}.0'"


def inventory(targets: Sequence[Host]) -> str:
    """Return the inventory of the example for containers that find each other by name, as JSON, which is YAML too."""
    found: dict[str, dict[str, object]] = {}
    for target in targets:
        whole = example.inventory(target, "/root/known_hosts", source="/srv/smallest")["all"]
        found[target.name] = {
            **whole["vars"],
            **whole["hosts"][target.name],
            "ansible_host": target.name,
            "ansible_port": 22,
            "ansible_ssh_private_key_file": "/root/key",
        }
    return json.dumps({"all": {"hosts": found}}, indent=1)


def _play(started: dict[str, Host], version: str, target: str, log: TextIO | None) -> str:
    """Run the site playbook; return what it says."""
    controller = started[_CONTROLLERS[SUPPORTED[version]]].container
    settings = f"ANSIBLE_COLLECTIONS_PATH=/opt/{version}/collections LC_ALL=C.UTF-8"
    play = f"/opt/{version}/bin/ansible-playbook -i /root/inventory.json --diff --limit {target} webstack.flask.site"
    output = _call(controller, f"cd /root && {settings} {play} 2>&1")
    if log:
        log.write(f"== ansible-core {version} on {target}\n{output}\n")
    return output


def _call(container: str, command: str) -> str:
    return docker.call("exec", container, "sh", "-ec", command)
