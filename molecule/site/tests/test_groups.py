"""Two apps that switch together, or not at all."""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scenario_tests import http_get, one_of, run_playbook, wait_on_host
from scenario_tests.faulty import running
from scenario_tests.releases import read_app

if TYPE_CHECKING:
    from collections.abc import Iterator

    from testinfra.host import Host

testinfra_hosts = one_of("debian13", "debian12")

DEPLOY, ROLLBACK = Path("playbooks/deploy.yml"), Path("playbooks/rollback.yml")
NAME, PAGES = "guestbook.test", ("/", "/visitors/")
MEMBERS = ("guestbook", "visitors")
GROUP_FILE = "/var/lib/webstack-flask/groups/book.json"
KILL = "kill -KILL $(cat /run/webstack-flask/guestbook.lock)"


def describe(host: Host, edition: str, **changes: dict[str, Any]) -> dict[str, Any]:
    """Return `flask_apps` with both members in an edition that is new on the host, and with some of their keys changed."""
    apps = {app["name"]: app for app in host.ansible.get_variables()["flask_apps"]}
    env = {"EDITION": f"{edition}-{os.getpid()}"}
    return {"flask_apps": [{**apps[name], "group": "book", "env": env, **changes.get(name, {})} for name in MEMBERS]}


def live(host: Host) -> list[str | None]:
    """Return the releases that users reach."""
    return [read_app(host, name).current for name in MEMBERS]


@contextmanager
def asking(host: Host) -> Iterator[list[int]]:
    """Keep asking both apps for as long as the block lasts; return what went wrong."""
    wrong, over = list[int](), threading.Event()

    def ask(page: str) -> None:
        while not over.wait(0.05):
            status = http_get(host, NAME, page).status
            wrong.extend([status] if status != 200 else [])

    clients = [threading.Thread(target=ask, args=(page,)) for page in PAGES]
    for client in clients:
        client.start()
    try:
        yield wrong
    finally:
        over.set()
        for client in clients:
            client.join()


def test_both_switch_or_neither_whatever_one_of_them_does_and_a_rollback_of_one_is_one_of_both(host: Host) -> None:
    alone = live(host)
    with asking(host) as wrong:
        first = run_playbook(host, DEPLOY, describe(host, "first")).succeeded()
        assert "together with visitors, of the group book" in " ".join(first.output.split())
        both = live(host)
        assert not set(both) & set(alone)

        # A worker that dies is found out when users of both have reached the new releases.
        bad = run_playbook(host, DEPLOY, describe(host, "bad", visitors={"processes": {"mail": "exit 3"}}))
        assert bad.status != 0
        assert "guestbook: was taken back together with visitors, of the same group 'book', which has failed" in " ".join(
            bad.output.split()
        )
        assert live(host) == both
        records = [read_app(host, name).records for name in MEMBERS]
        assert [any(record and record["failed"] for record in of.values()) for of in records] == [False, True]

        # Cut off when both links have moved, and finished by a run that names one of them alone, as it was.
        moved = f"test $(readlink /var/www/visitors/current) != releases/{both[1]}"
        with running(host, describe(host, "second", guestbook={"watch": 20})) as run:
            wait_on_host(host, moved, then=KILL)
            run.kill()
        assert not set(live(host)) & set(both)
        one = describe(host, "first")["flask_apps"][1] | {"group": ""}
        finished = run_playbook(host, DEPLOY, {"flask_apps": [one]}).succeeded()
        assert "guestbook and visitors are at those before" in " ".join(finished.output.split())
        assert live(host) == both

        run_playbook(host, DEPLOY, describe(host, "second")).succeeded()
        assert not set(live(host)) & set(both)
        run_playbook(host, ROLLBACK, {**describe(host, "second"), "flask_app": "visitors"}).succeeded()
        assert live(host) == both
    assert wrong == []
    assert [read_app(host, name).find_untidiness() for name in MEMBERS] == [[], []]
    assert host.file(GROUP_FILE).mode == 0o600
    run_playbook(host, DEPLOY).succeeded()  # for the tests after this one
