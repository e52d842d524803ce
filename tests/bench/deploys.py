"""What runs of the playbooks cost."""

from __future__ import annotations

import random
import re
from typing import TYPE_CHECKING, Any

from harness import paths, system
from harness.process import HarnessError

from bench.figures import AT_MOST, Pairs, Question, Row, alternate, growth
from bench.fleet import SOURCES, Fleet, copy_source, stop
from bench.place import describe_app

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bench.place import Bench

_BY_HAND = paths.ROOT / "docs" / "by-hand.md"
_NOTHING = "the run with nothing to do"


def first_deploy(bench: Bench) -> list[Row]:
    """From a bare host to the page, beside the commands of docs/by-hand.md as one script on the host."""
    script = "\n".join(re.findall(r"```sh\n(.*?)```", _BY_HAND.read_text(encoding="utf-8"), re.DOTALL))
    app = describe_app("mi-aplicacion", paths.ROOT / "tests" / "apps" / "smallest")
    app |= {"wsgi": "wsgi:app", "server_names": ["mi-aplicacion.test", "www.mi-aplicacion.test"]}

    def ours() -> float:
        fleet = Fleet.start("bare", group="-bare")
        fleet.apps = [app]
        return fleet.play("site").seconds

    question = Question("first", "first deploy on a bare host", "the same steps as a shell script on the host", 1.5)
    row = question.answer(alternate(bench.rounds(3), ours, lambda: Fleet.start("bare", group="-bare").script(script).seconds))
    stop("-bare")
    return [row]


def nothing_to_do(bench: Bench) -> list[Row]:
    """Run the site playbook where all is as described, beside a playbook with one ping."""
    served = bench.served
    served.do_nothing()
    question = Question("nothing", "run with nothing to do, one app", "a playbook with one ping", 6)
    return [question.answer(alternate(bench.rounds(7), served.do_nothing, lambda: served.fleet.ping().seconds))]


def new_version(bench: Bench) -> list[Row]:
    """Deploy a new version with the same dependencies, by either playbook, until it serves."""
    return _time_changes(bench, "version", "new version, same lock, until it serves", bench.served.make_version)


def changed_variable(bench: Bench) -> list[Row]:
    """Change an environment variable, by either playbook, until it serves."""
    return _time_changes(bench, "variable", "changed environment variable, until it serves", bench.served.change_variable)


def _time_changes(bench: Bench, name: str, measure: str, change: Callable[[], str]) -> list[Row]:
    rows = []
    for playbook in ("deploy", "site"):

        def ours(playbook: str = playbook) -> float:
            return bench.served.time_until_served(playbook, change)

        pairs = alternate(bench.rounds(5), ours, bench.served.do_nothing)
        rows.append(Question(name, f"{measure} ({playbook}.yml)", _NOTHING, 1.5).answer(pairs, note="no request failed"))
    return rows


def rollback(bench: Bench) -> list[Row]:
    """Go back to the former release, until it serves."""
    served = bench.served
    former = served.page
    served.make_version()
    served.play("deploy")
    pages = [served.page, former]

    def go_back() -> str:
        pages.reverse()
        served.write_version(pages[0].split()[0])  # what the inventory describes is what is served afterwards
        return pages[0]

    question = Question("rollback", "rollback, until it serves", _NOTHING, 1)
    pairs = alternate(bench.rounds(5), lambda: served.time_until_served("rollback", go_back), served.do_nothing)
    return [question.answer(pairs, note="no request failed")]


def further_apps(bench: Bench) -> list[Row]:
    """Run the site playbook for 1, 5 and 20 apps on a host: when there is nothing to do, and when they are new."""
    fleet, source = Fleet.start("crowded", group="-crowded"), copy_source("metered", "crowded")
    apps = [describe_app(f"app{number:02d}", source, gunicorn={"workers": 1}) for number in range(1, 21)]
    fleet.script(f"apt-get update -qq\napt-get install -qq --yes --no-install-recommends {' '.join(_list_packages())}\n")
    times: dict[int, float] = {}
    for count in (1, 5, 20):
        fleet.apps = apps[:count]
        times[count] = fleet.play("site").seconds
    idle = _run_for_each(bench, {count: (fleet, apps[:count]) for count in times})
    stop("-crowded")
    counts = {"1 app": times[1], "5 apps, 4 of them new": times[5], "20 apps, 15 of them new": times[20]}
    return [
        Question("apps", "each further app on a host, nothing to do (of 20)", "the first one", 1).answer(
            growth(idle), points={f"{count} apps": _median(values) for count, values in idle.items()}
        ),
        Question("apps", "each further app on a host, new (15 at once)", "the first one, on a host with all packages", 1).answer(
            Pairs([times[20] / 15], [times[1]]), points=counts
        ),
    ]


def _list_packages() -> list[str]:
    """Return the Debian packages that the roles install by default."""
    import yaml  # noqa: PLC0415 - the help is shown before anything is installed

    defaults = [yaml.safe_load(file.read_text(encoding="utf-8")) for file in (paths.ROOT / "roles").glob("*/defaults/main.yml")]
    lists = {key: names for each in defaults for key, names in (each or {}).items() if key.endswith("_packages") and "acme" not in key}
    return sorted({package for names in lists.values() for package in names})


def further_hosts(bench: Bench) -> list[Row]:
    """Run the site playbook for 1, 4 and 8 hosts: when there is nothing to do, and for a changed variable."""
    names = [f"host{number}" for number in range(1, 9)]
    fleet = Fleet.start(*names, group="-fleet")
    apps = [describe_app("metered", copy_source("metered", "hosts"), gunicorn={"workers": 1})]
    fleet.apps = apps
    fleet.play("site")
    idle = _run_for_each(bench, {count: (fleet.only(count), apps) for count in (1, 4, 8)})
    points = {f"{count} hosts": _median(values) for count, values in idle.items()}
    stop("-fleet")
    return [Question("hosts", "each further host, nothing to do (of 8)", "the first one", 1).answer(growth(idle), points=points)]


def _run_for_each(bench: Bench, sizes: dict[int, tuple[Fleet, list[dict[str, Any]]]]) -> dict[int, list[float]]:
    """Run the site playbook in turns for each size of a thing that has been deployed; return the seconds of the rounds."""
    found: dict[int, list[float]] = {size: [] for size in sizes}
    for _round in range(bench.rounds(3)):
        for size, (fleet, apps) in sizes.items():
            fleet.apps = apps
            fleet.play("site")  # in /etc/hosts stand the names of the apps that the last run was about
            run = fleet.play("site")
            if run.changed:
                raise HarnessError(f"a run with nothing to do has changed something:\n{run.output}")
            found[size].append(run.seconds)
    return found


def local_source(bench: Bench) -> list[Row]:
    """Put 5,000 files on the host by the role app_source, beside rsync: all of them, and after one has changed."""
    system.require("rsync", ["rsync"], "it is what a local source is compared with")
    served = bench.served
    served.fleet.script("apt-get install -qq --yes --no-install-recommends rsync\n")
    source = SOURCES / "large"
    marks = iter(range(1_000_000))

    def ours() -> float:
        (source / "mark.txt").write_text(f"{next(marks)}\n", encoding="utf-8")
        return served.fleet.play("source", app_source_apps=[{"name": "large", "path": str(source)}]).seconds

    def copy_all() -> float:
        served.fleet.ask("rm -rf /srv/large")
        return served.fleet.rsync(source, "/srv/large").seconds

    def copy_change() -> float:
        (source / "mark.txt").write_text(f"{next(marks)}\n", encoding="utf-8")
        return served.fleet.rsync(source, "/srv/large").seconds

    make_large_source(source)
    rounds = bench.rounds(5)
    return [
        Question("source", "local source of 5,000 files", "rsync of the same", 3).answer(alternate(rounds, ours, copy_all)),
        Question("source", "one of 5,000 files changed: a new build", "rsync into the old copy", None, AT_MOST).answer(
            alternate(rounds, ours, copy_change)
        ),
    ]


def make_large_source(top: Path, count: int = 5000) -> None:
    """Write a tree of so many small files."""
    words = random.Random(1)  # noqa: S311 - nothing is secret here
    for number in range(count):
        file = top / f"package{number % 100:03d}" / f"module{number:04d}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("".join(f"value_{words.getrandbits(32)} = {words.getrandbits(64)}\n" for _line in range(40)), encoding="utf-8")


def disk(bench: Bench) -> list[Row]:
    """Keep 5 releases with one lock, beside one release. The source itself is not counted."""
    served = bench.served
    app = describe_app("stored", served.source, keep_releases=5, watch=0)

    def deploy() -> float:
        served.make_version()
        served.fleet.apps = [app]
        served.fleet.play("site")
        used, source = (
            int(line.split()[0]) for line in served.fleet.ask("du -sk /var/www/stored; du -sk /var/www/stored/builds").split("\n")
        )
        return (used - source) / 1024

    one = deploy()
    five = [deploy() for _number in range(4)][-1]
    question = Question("disk", "disk of 5 releases with one lock, beyond the source", "one release", 1.2, unit="MB")
    return [question.answer(Pairs([five], [one]))]


def _median(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]
