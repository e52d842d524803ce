"""What the role promises of builds from git and from a directory."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import testinfra
from scenario_tests import as_user, run_role

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scenario_tests import Play
    from testinfra.host import Host

testinfra_hosts = ["built"]

URL = "git://remote/guestbook"
BRANCH, TAG, LOCAL = "/var/www/branch", "/srv/sites/tag", "/var/www/local"
SMALLEST = Path(os.environ["MOLECULE_PROJECT_DIRECTORY"]) / "tests/apps/smallest"


@pytest.fixture(scope="module")
def remote() -> Host:
    return testinfra.get_host("ansible://remote", ansible_inventory=os.environ["MOLECULE_INVENTORY_FILE"], sudo=True)


@pytest.fixture(scope="module", autouse=True)
def _without_what_an_earlier_run_of_these_tests_has_left(host: Host) -> None:
    host.check_output("find /var/www /var/cache/webstack-flask -mindepth 1 -maxdepth 1 -not -name branch -not -name local -exec rm -r {} +")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Return a directory on the machine that runs Ansible."""
    top = tmp_path / "app"
    (top / "static").mkdir(parents=True)
    (top / "app.py").write_text("app = 1\n", encoding="utf-8")
    (top / "static/style.css").write_text("b {}\n", encoding="utf-8")
    return top


@pytest.fixture
def unreachable(host: Host) -> Iterator[None]:
    """Let the name of the remote lead nowhere."""
    host.check_output("cp /etc/hosts /root/hosts && echo 127.0.0.1 remote >> /etc/hosts")
    yield
    host.check_output("cat /root/hosts > /etc/hosts")


def run(host: Host, *apps: dict[str, Any], check: bool = False, options: tuple[str, ...] = ()) -> Play:
    return run_role(host, "app_source", {"app_source_apps": list(apps)}, check=check, options=options)


def commit_of(remote: Host, version: str) -> str:
    return str(remote.check_output("git -C /srv/git/guestbook rev-parse %s^{commit}", version))


def builds(host: Host, root: str) -> list[str]:
    """Return everything below builds/, what is hidden included."""
    return sorted(host.check_output("test ! -e %s/builds || ls -A %s/builds", root, root).split())


def files(host: Host, directory: str) -> set[str]:
    return set(host.check_output("cd %s && find . -not -type d -printf '%%P\\n'", directory).split())


def only_build(host: Host, root: str) -> str:
    (build,) = builds(host, root)
    return f"{root}/builds/{build}"


def test_a_branch_is_built_from_its_last_commit(host: Host, remote: Host) -> None:
    build = f"{BRANCH}/builds/{commit_of(remote, 'main')[:12]}"
    assert files(host, build) == {"again", "app.py", "requirements.txt", "run", "static/style.css", "templates/guest_book.html"}
    assert host.file(f"{build}/app.py").content_string == remote.file("/srv/git/guestbook/app.py").content_string


def test_a_tag_is_built_from_its_commit_and_into_the_directory_that_was_asked_for(host: Host, remote: Host) -> None:
    assert only_build(host, TAG) == f"{TAG}/builds/{commit_of(remote, 'v1')[:12]}"
    assert "run" not in files(host, only_build(host, TAG))


def test_a_directory_is_built_as_it_is_on_this_machine(host: Host) -> None:
    build = only_build(host, LOCAL)
    assert files(host, build) == {"application.py", "wsgi.py"}
    assert host.file(f"{build}/wsgi.py").content_string == (SMALLEST / "wsgi.py").read_text(encoding="utf-8")


def test_a_program_stays_a_program_and_a_link_a_link(host: Host, remote: Host) -> None:
    build = f"{BRANCH}/builds/{commit_of(remote, 'main')[:12]}"
    assert host.check_output("%s/run", build) == "ran"
    assert host.file(f"{build}/again").linked_to == f"{build}/run"


def test_the_source_belongs_to_root_and_nobody_can_change_it(host: Host) -> None:
    for root, group in ((BRANCH, "branch"), (TAG, "tag"), (LOCAL, "local")):
        owners = host.check_output("find %s/builds -mindepth 1 -printf '%%u:%%g\\n' | sort -u", root)
        assert owners == f"root:{group}"
        assert host.check_output("find %s -not -type l -perm /022", root) == ""


@pytest.mark.parametrize("stranger", ["nobody", "www-data", "admin"])
def test_another_user_reads_no_code_and_lists_no_directory(host: Host, stranger: str) -> None:
    branch, tag, local = (only_build(host, root) for root in (BRANCH, TAG, LOCAL))
    files = [f"{branch}/app.py", f"{branch}/run", f"{branch}/templates/guest_book.html", f"{tag}/static/style.css", f"{local}/wsgi.py"]
    directories = [path for root, build in ((BRANCH, branch), (TAG, tag), (LOCAL, local)) for path in (root, f"{root}/builds", build)]
    assert host.run(f"cat {' '.join(files)} && ls {' '.join(directories)}").succeeded, "they are there"
    refused = as_user(host, stranger, f"cat {' '.join(files)}; ls {' '.join(directories)}")
    assert refused.stdout == ""
    assert refused.stderr.count("Permission denied") == len(files) + len(directories)


def test_the_web_server_reads_the_public_directory(host: Host) -> None:
    build = only_build(host, BRANCH)
    assert as_user(host, "www-data", f"cat {build}/static/style.css").stdout == host.file(f"{build}/static/style.css").content_string
    assert as_user(host, "www-data", f"ls {build}/static").stdout == "style.css\n"


def test_the_group_of_the_app_reads_its_code_and_no_other_app_s(host: Host) -> None:
    code = f"{only_build(host, LOCAL)}/wsgi.py"
    assert host.run("setpriv --reuid=nobody --regid=local --clear-groups cat %s", code).succeeded
    assert "Permission denied" in host.run("setpriv --reuid=nobody --regid=tag --clear-groups cat %s", code).stderr


def test_a_commit_is_built_without_asking_for_a_name(host: Host, remote: Host) -> None:
    first = commit_of(remote, "v1")
    assert run(host, {"name": "pinned", "git": URL, "version": first}).succeeded().changed == 1
    assert builds(host, "/var/www/pinned") == [first[:12]]


def test_a_commit_that_is_there_needs_no_remote(host: Host, remote: Host, unreachable: None) -> None:
    del unreachable
    app = {"name": "branch", "git": URL, "public": ["static"]}
    assert run(host, app | {"version": commit_of(remote, "main")}).succeeded().changed == 0
    play = run(host, app | {"version": "main"})
    assert play.status != 0
    assert f"branch: git could not read {URL}: " in play.output


def test_a_new_commit_is_a_new_build_beside_the_old_one(host: Host, remote: Host) -> None:
    app = {"name": "moving", "git": URL, "version": "moving"}
    remote.check_output("cd /srv/git/guestbook && git branch --force moving main")
    run(host, app).succeeded()
    (old,) = builds(host, "/var/www/moving")
    before = host.check_output("find /var/www/moving/builds/%s -printf '%%p %%t %%m\\n'", old)

    remote.check_output("cd /srv/git/guestbook && git branch --force moving v1")
    assert run(host, app, check=True).succeeded().changed == 1
    assert builds(host, "/var/www/moving") == [old]
    assert run(host, app).succeeded().changed == 1

    assert set(builds(host, "/var/www/moving")) == {old, commit_of(remote, "v1")[:12]}
    assert host.check_output("find /var/www/moving/builds/%s -printf '%%p %%t %%m\\n'", old).splitlines()[1:] == before.splitlines()[1:]


@pytest.mark.parametrize(("version", "target"), [("hostile", "/etc/passwd"), ("sneaky", "a/top/../../../../../etc/passwd")])
def test_a_link_out_of_the_source_is_refused_and_nothing_is_left(host: Host, version: str, target: str) -> None:
    play = run(host, {"name": version, "git": URL, "version": version, "public": ["static"]})
    assert play.status != 0
    assert f"{version}: static/users is a link to {target}, which is outside the source; a build may hold no such link" in play.output
    assert builds(host, f"/var/www/{version}") == []


@pytest.mark.usefixtures("_on_debian12")
def test_a_link_out_of_a_directory_is_refused_before_anything_reaches_the_host(host: Host, source: Path) -> None:
    (source / "static/users").symlink_to("/etc/passwd")
    play = run(host, {"name": "hostile-local", "path": str(source)})
    assert play.status != 0
    assert f"{source}/static/users is a link to /etc/passwd, which is outside the source" in play.output
    assert not host.file("/var/www/hostile-local").exists


def test_a_version_that_the_remote_does_not_have_is_named(host: Host) -> None:
    play = run(host, {"name": "nope", "git": URL, "version": "nope"})
    assert play.status != 0
    assert f"nope: {URL} has no branch or tag 'nope' (for a commit, give all 40 characters)" in play.output
    assert builds(host, "/var/www/nope") == []


def test_a_build_that_is_killed_half_way_leaves_nothing_that_counts_and_the_next_run_makes_it(host: Host, remote: Host) -> None:
    """The remote takes the connection and never answers; the module is killed while it waits for it."""
    commit = commit_of(remote, "main")
    remote.check_output(
        "systemd-run --unit=silent --collect python3 -c "
        "'import socket, time; s = socket.socket(); s.bind((\"\", 9999)); s.listen(); time.sleep(600)'"
    )
    host.check_output(
        "systemd-run --unit=killer --collect sh -c "
        '\'until pgrep -f "[g]it.* fetch"; do sleep 0.1; done; sleep 0.5; ls -A /var/www/cut/builds > /root/cut; '
        "kill -KILL $(ps -o ppid= -C git)'"
    )
    try:
        assert run(host, {"name": "cut", "git": "git://remote:9999/guestbook", "version": commit}).status != 0
        assert host.file("/root/cut").content_string == f".partial-{commit[:12]}\n", "it was killed half way"
        assert f"{commit[:12]}" not in builds(host, "/var/www/cut")
        host.check_output("touch /var/cache/webstack-flask/cut/source.git/checkout.index.lock")

        assert run(host, {"name": "cut", "git": URL, "version": commit}).succeeded().changed == 1
        assert builds(host, "/var/www/cut") == [commit[:12]]
        assert files(host, only_build(host, "/var/www/cut")) >= {"app.py", "run"}
    finally:
        remote.run("systemctl stop silent")
        host.run("systemctl stop killer; pkill -KILL -x git")


@pytest.mark.usefixtures("_on_debian12")
def test_what_git_ignores_and_a_virtualenv_stay_where_they_are(host: Host, source: Path) -> None:
    (source / ".gitignore").write_text("*.log\n", encoding="utf-8")
    for name in ("debug.log", "venv/pyvenv.cfg", "venv/lib/flask.py", "__pycache__/app.cpython-311.pyc"):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).touch()
    run(host, {"name": "ignoring", "path": str(source)}).succeeded()
    assert files(host, only_build(host, "/var/www/ignoring")) == {".gitignore", "app.py", "static/style.css"}


@pytest.mark.usefixtures("_on_debian12")
def test_a_changed_directory_is_a_new_build_and_an_unchanged_one_does_not_travel(host: Host, source: Path) -> None:
    app = {"name": "editing", "path": str(source)}
    first = run(host, app, options=("-vvv",)).succeeded()
    assert (first.changed, "editing.packed" in first.output) == (1, True)
    os.utime(source / "app.py", (1, 1))
    again = run(host, app, options=("-vvv",)).succeeded()
    assert (again.changed, "editing.packed" in again.output) == (0, False)
    assert again.round_trips < first.round_trips

    (source / "app.py").write_text("app = 2\n", encoding="utf-8")
    assert run(host, app, check=True).succeeded().changed == 1
    assert len(builds(host, "/var/www/editing")) == 1
    assert run(host, app).succeeded().changed == 1
    assert len(builds(host, "/var/www/editing")) == 2


@pytest.mark.usefixtures("_on_debian12")
def test_what_was_removed_is_gone_and_what_came_has_its_mode_and_its_link(host: Host, source: Path) -> None:
    app = {"name": "shape", "path": str(source)}
    run(host, app).succeeded()
    host.check_output("rm -r /var/www/shape")
    (source / "static/style.css").unlink()
    (source / "run").write_text("#!/bin/sh\necho ran\n", encoding="utf-8")
    (source / "run").chmod(0o755)
    (source / "again").symlink_to("run")
    run(host, app).succeeded()
    build = only_build(host, "/var/www/shape")
    assert files(host, build) == {"app.py", "run", "again"}
    assert host.check_output("%s/again", build) == "ran"
    assert host.check_output("readlink %s/again", build) == "run"


@pytest.mark.usefixtures("_on_debian12")
def test_five_thousand_files_travel_as_one(host: Host, source: Path) -> None:
    app = {"name": "large", "path": str(source)}
    few = run(host, app, options=("-vvv",)).succeeded()
    for number in range(5000):
        (source / f"static/{number}.txt").write_text(f"{number}\n" * 100, encoding="utf-8")
    many = run(host, app, options=("-vvv",)).succeeded()
    assert many.round_trips == few.round_trips
    assert host.check_output("ls -1 %s/static | wc -l", f"/var/www/large/builds/{sorted_by_age(host, 'large')[-1]}") == "5001"


def sorted_by_age(host: Host, app: str) -> list[str]:
    """Return the builds of an app, the youngest last."""
    return str(host.check_output("ls -1tr --time=birth %s", f"/var/www/{app}/builds")).split()


@pytest.mark.usefixtures("_on_debian12")
def test_nothing_of_the_archive_stays_on_the_host(host: Host, source: Path) -> None:
    run(host, {"name": "tidy", "path": str(source)}).succeeded()
    assert host.check_output("find / -xdev -name 'tidy.packed'") == ""


@pytest.mark.usefixtures("_on_debian12")
def test_a_directory_that_becomes_public_is_opened_without_a_new_build(host: Host, source: Path) -> None:
    app = {"name": "opening", "path": str(source)}
    run(host, app).succeeded()
    build = only_build(host, "/var/www/opening")
    assert as_user(host, "www-data", f"cat {build}/static/style.css").failed
    assert run(host, app | {"public": ["static"]}, check=True).succeeded().changed == 1
    assert as_user(host, "www-data", f"cat {build}/static/style.css").failed
    assert run(host, app | {"public": ["static"]}).succeeded().changed == 1
    assert only_build(host, "/var/www/opening") == build
    assert as_user(host, "www-data", f"cat {build}/static/style.css").succeeded
    assert as_user(host, "www-data", f"cat {build}/app.py").failed


@pytest.mark.usefixtures("_on_debian12")
def test_ten_apps_cost_no_more_round_trips_than_one(host: Host, source: Path) -> None:
    apps = [{"name": f"many-{number}", "path": str(source)} for number in range(10)]
    run(host, *apps).succeeded()
    one, ten = run(host, apps[0], options=("-vvv",)).succeeded(), run(host, *apps, options=("-vvv",)).succeeded()
    assert (one.changed, ten.changed) == (0, 0)
    assert one.round_trips == ten.round_trips


@pytest.mark.usefixtures("_on_debian12")
@pytest.mark.parametrize(
    ("apps", "message"),
    [
        ([{"name": "one", "path": "x"}, {"name": "one", "path": "y"}], r"app_source_apps names an app twice: one, one\."),
        ([{"name": "Shop", "git": URL}], r"the app's name is 'Shop'; allowed are 1 to 25 lower-case letters"),
        ([{"name": "shop"}], r"one of the following is required: git, path"),
        ([{"name": "shop", "git": URL, "path": str(SMALLEST)}], r"parameters are mutually exclusive: git\|path"),
        (
            [{"name": "shop", "git": URL, "branch": "main"}],
            r"app_source_apps\.branch\. Supported parameters include: archive, checksum, dependency_file, git",
        ),
        ([{"name": "shop", "path": "/not/there"}], r"the source /not/there is not a directory on the controller"),
    ],
)
def test_wrong_input_is_refused_with_what_is_right(host: Host, apps: list[dict[str, Any]], message: str) -> None:
    play = run(host, *apps)
    assert play.status != 0
    assert re.search(message, play.output), play.output
    assert not host.file("/var/www/shop").exists
    assert not host.file("/var/www/one").exists


@pytest.mark.usefixtures("_on_debian12")
def test_another_run_that_holds_the_app_s_lock_is_waited_for(host: Host, source: Path) -> None:
    host.check_output("rm -f /root/released")
    hold = "flock /run/webstack-flask/waiting.lock sh -c 'sleep 15; date +%s > /root/released'"
    host.check_output("systemd-run --unit=holder --collect sh -c %s", hold)
    run(host, {"name": "waiting", "path": str(source)}).succeeded()
    made = int(host.check_output("stat --format=%%W %s", only_build(host, "/var/www/waiting")))
    assert made >= int(host.file("/root/released").content_string)
