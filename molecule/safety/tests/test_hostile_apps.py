"""What an app answers, says and leaves running holds up no deploy, reaches no terminal, and outlives nothing."""

from __future__ import annotations

import base64
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from scenario_tests import as_user, http_get, run_playbook, wait_on_host
from scenario_tests.releases import read_app

if TYPE_CHECKING:
    from collections.abc import Iterator

    from testinfra.host import Host

testinfra_hosts = ["debian12"]

SITE, REMOVE = Path("playbooks/site.yml"), Path("playbooks/remove.yml")
HOSTILE = Path(__file__).parents[1] / "files/hostile"
WAYS = ("drips", "floods", "screams")

NASTY = {
    "CODE": '"; touch $HOME/taken; echo "',
    "SUBSTITUTED": "$(touch $HOME/taken) `touch $HOME/taken` ${HOME} $$ %n",
    "SPACES": "one  two\tthree",
    "LINES": "one\ntwo",
    "QUOTES": 'it\'s "quoted" \\ and ñandú',
}

_FORGE = r"""
import os, socket, sys, time
os.chdir(os.environ["HOME"])
sockets = []
for number, state in enumerate(("z", "3")):
    path = f"{number}a\n0 0 0 {state} 0 0 0 " + sys.argv[1]
    os.makedirs(os.path.dirname(path), exist_ok=True)
    sockets.append(socket.socket(socket.AF_UNIX))
    sockets[-1].bind(path)
    sockets[-1].listen(1)
print("ready", flush=True)
time.sleep(600)
"""
"""Two sockets that look, in /proc/net/unix, like connections to another's."""


def describe(name: str, way: str = "", **changes: object) -> dict[str, Any]:
    health = {"timeout": 2, "deadline": 6}
    entry = {"name": name, "source": {"path": str(HOSTILE)}, "wsgi": "wsgi:app", "server_names": [f"{name}.test"], "health": health}
    return {**entry, "env": {"WAY": way}, "gunicorn": {"worker_class": "gthread", "workers": 1, "threads": 4}, **changes}


@pytest.fixture(scope="module", autouse=True)
def _no_hostile_app_stays(host: Host) -> Iterator[None]:
    yield
    apps = [describe(name, state="absent") for name in (*WAYS, "peaceful", "successor")]
    run_playbook(host, SITE, {"flask_apps": apps}).succeeded()


def test_answers_without_end_and_words_for_a_terminal_cost_their_own_apps_alone(host: Host) -> None:
    started = time.monotonic()
    outcome = run_playbook(host, SITE, {"flask_apps": [*(describe(way, way) for way in WAYS), describe("peaceful")]})
    assert time.monotonic() - started < 600, "no question is without end"
    words = " ".join(outcome.output.split())
    assert outcome.status != 0
    assert "drips: release" in words
    assert "was not answered in full within 2 s" in words
    assert read_app(host, "floods").current, "what is read of an answer has a limit, which is no failure"
    assert "screams: release" in words
    assert not set("\x1b\x07\u202e") & set(outcome.output)
    assert "\\x1b]52;c;aGFja2Vk\\x07" in words.replace("\\\\", "\\")
    assert "ReadWritePaths: [/etc]" not in words, "a log's words are no advice"
    assert http_get(host, "peaceful.test").body == "well\n"
    for app in (*WAYS, "peaceful"):
        host.check_output("flock --nonblock /run/webstack-flask/%s.lock true", app)


def test_commands_reach_the_shell_byte_for_byte_and_leave_no_process(host: Host) -> None:
    shared, current = "/var/www/obedient/shared", "/var/www/obedient/current"
    commands = ["touch $HOME/begun"]
    commands += [f'printf %s "${{{name}}}" > $HOME/{name}' for name in NASTY]
    commands += [
        "printf '%s' 'two\nlines' > $HOME/lines",
        "echo $$ %n %i '${SPACES}' > $HOME/words",
        "setsid sleep 98765 >/dev/null 2>&1 & echo started",
    ]
    app = describe("obedient", env=NASTY, release_commands=commands)
    # As soon as the first has run, systemd reads its units again and again, as other apps of a run have it do.
    reloads = f"until [ -e {shared}/begun ]; do sleep 0.1; done; until [ -e {current} ]; do systemctl daemon-reload; done"
    host.check_output("systemd-run --unit=reloads --remain-after-exit sh -c %s", reloads)
    try:
        run_playbook(host, SITE, {"flask_apps": [app]}).succeeded()
        wait_on_host(host, "systemctl show --property=SubState reloads | grep -q exited")
    finally:
        host.check_output("systemctl stop reloads")
    for name, value in NASTY.items():
        assert host.check_output("base64 --wrap=0 %s", f"{shared}/{name}") == _encode(value), name
    assert host.file(f"{shared}/lines").content_string == "two\nlines"
    number, *others = host.file(f"{shared}/words").content_string.split()
    assert number.isdecimal()
    assert others == ["%n", "%i", "${SPACES}"]
    assert not host.file(f"{shared}/taken").exists
    assert host.run("pgrep --full '[s]leep 98765'").failed


def _encode(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def test_a_removal_ends_every_process_of_the_app_saves_whatever_it_has_written_and_gives_its_number_to_nobody(host: Host) -> None:
    former = host.check_output("id -u obedient")
    dig = 'cd; python3 -c \'import os\nfor _ in range(6000): os.mkdir("d"); os.chdir("d")\nopen("bottom", "w").write("x")\''
    odd = (
        "cd; mkfifo fifo; ln -s /etc/shadow link; truncate -s 200G sparse; touch \"$(printf 'new\\nline\\033[31m')\" \"$(printf '\\377')\""
    )
    for command in (dig, odd):
        assert as_user(host, "obedient", command).succeeded
    host.check_output("systemd-run --unit=outlives --property=User=obedient sleep 1000")
    before = host.check_output("stat -c '%U %a' /etc/shadow")
    removed = run_playbook(host, REMOVE, {"app": "obedient", "remove_data": True}).succeeded()
    assert not set("\x1b") & set(removed.output)
    assert host.run("pgrep --uid %s", former).failed
    assert host.check_output("stat -c '%U %a' /etc/shadow") == before
    assert not host.file("/var/www/obedient").exists
    (archive,) = host.check_output("ls /var/backups/webstack-flask/").split()
    listing = host.check_output("tar --list --gzip --file=/var/backups/webstack-flask/%s | wc --lines", archive)
    assert int(listing) > 6000
    host.run("systemctl reset-failed outlives; rm -r /var/backups/webstack-flask")

    run_playbook(host, SITE, {"flask_apps": [describe("successor")]}).succeeded()
    assert former not in host.check_output("id -u successor; id -u _build-successor").split()


def test_a_neighbour_cannot_pretend_that_requests_are_under_way(host: Host) -> None:
    apps = host.ansible.get_variables()["flask_apps"]
    former = read_app(host, "beta").current
    path = f"/var/www/beta/releases/{former}/gunicorn.sock"
    host.check_output("rm -f /run/forger; touch /run/forger; chmod 666 /run/forger")
    call = "systemd-run --unit=forger --property=User=alpha --setenv=HOME=/var/www/alpha/shared --property=StandardOutput=file:/run/forger"
    host.check_output(f"{call} python3 -c %s %s", _FORGE, path)
    wait_on_host(host, "grep -q ready /run/forger")
    forged = host.run("grep --count --fixed-strings %s /proc/net/unix", path).stdout
    try:
        apps[1] = {**apps[1], "env": {**apps[1]["env"], "VERSION": "forged"}, "drain": 20}
        outcome = run_playbook(host, SITE, {"flask_apps": apps}).succeeded()
    finally:
        host.run("systemctl stop forger; rm -r /run/forger /var/www/alpha/shared/[01]a*")
    assert int(forged) >= 3, "the listening one and two that only look like it"
    assert "still in it" not in outcome.output
    assert http_get(host, "beta.test").body == "forged\n"
