"""./dev demo."""

from __future__ import annotations

import shutil
import time
from typing import TYPE_CHECKING

from harness import example, hosts, paths, process
from harness.machines import Shape
from harness.process import HarnessError, say
from harness.steps import duration

if TYPE_CHECKING:
    import argparse

    from harness.commands import Commands
    from harness.hosts import Host

_GROUP = "demo"
_SUITE = "trixie"
_DIRECTORY = paths.CACHE / "demo"


def add(commands: Commands) -> None:
    """Describe the command."""
    parser = commands.add_parser(
        "demo",
        help="serve an example app on a disposable Debian host",
        description="Start a disposable Debian host, run the site playbook against it over SSH, and show the served page.",
    )
    parser.add_argument("--vm", action="store_true", help="let the host be a virtual machine under QEMU, and not a container")
    parser.add_argument("--image", metavar="FILE", default="", help="with --vm: a Debian cloud image of your own to start")
    parser.add_argument("--down", action="store_true", help="stop the demo's host and remove all of it")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Start, or stop, the demo."""
    if arguments.down:
        hosts.stop_group(_GROUP)
        shutil.rmtree(_DIRECTORY, ignore_errors=True)
        say("The demo is gone.")
        return 0
    if arguments.image and not arguments.vm:
        raise HarnessError("--image names the disk of a virtual machine: add --vm.")
    started = time.monotonic()
    machine = Shape(image=arguments.image) if arguments.vm else None
    kind = "virtual machine" if machine else "host"
    say(f"Starting a disposable {kind} with {arguments.image or 'Debian 13'} ...")
    (host,) = hosts.start_all([hosts.Wanted(_GROUP, "demo", _SUITE, machine=machine)])
    say(f"It answers after {duration(time.monotonic() - started)}.")
    inventory = example.write_inventory(host, _DIRECTORY)
    shown = inventory.relative_to(paths.ROOT)
    say(f"$ ansible-playbook -i {shown} playbooks/site.yml")
    process.run(["ansible-playbook", "-i", str(shown), "playbooks/site.yml"], cwd=paths.ROOT)
    page = _page_when_served(host)
    say(_summary(host, page, time.monotonic() - started))
    return 0


def _page_when_served(host: Host) -> str:
    try:
        return example.served_page(host)
    except HarnessError as error:
        raise HarnessError(f"The playbook is done, but the app is not served. {error}") from error


def _summary(host: Host, page: str, seconds: float) -> str:
    """Say what is there now, how to look at it, and how to be rid of it."""
    url = f"http://127.0.0.1:{host.ports['80']}/"
    known_hosts = _DIRECTORY / "known_hosts"
    key, known = (file.relative_to(paths.ROOT) for file in (hosts.KEY, known_hosts))
    indented = "\n".join(f"    {line}" for line in page.rstrip().splitlines()[:20])
    return f"""
Served after {duration(seconds)}:

    {url}    (the host's nginx; it knows the app as {example.SERVER_NAME})

{indented}

Look around:
    curl -H 'Host: {example.SERVER_NAME}' {url}
    ssh -i {key} -o UserKnownHostsFile={known} -p {host.port} {host.user}@{host.address}
    sudo journalctl -u 'smallest@*'        (there: what the app says)
    ls -l /var/www/smallest                (there: builds, environments, releases)

Run the playbook again, and see that nothing changes:
    . .venv/bin/activate && ansible-playbook -i .cache/demo/inventory.yml playbooks/site.yml

Stop it: ./dev demo --down"""
