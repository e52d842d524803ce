"""The ways in which real apps say what they need, and the descriptions that cannot be met: each kind in one run of the role."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.webstack.flask.plugins.plugin_utils._gunicorn.workers import list_worker_packages
from scenario_tests import as_user
from scenario_tests.environments import UNCOMPILED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from scenario_tests import Play
    from scenario_tests.environments import Workbench
    from testinfra.host import Host

    Require = Callable[[str], None]

testinfra_hosts = ["debian12", "debian13"]

FILES = Path(__file__).parents[1] / "files"
PIPFILE = (FILES / "builds/locked/Pipfile").read_text(encoding="utf-8")
LOCK = (FILES / "builds/locked/Pipfile.lock").read_text(encoding="utf-8")
VERSIONS = {name: package["version"].removeprefix("==") for name, package in json.loads(LOCK)["default"].items()}
OTHER_HASH = LOCK.replace(json.loads(LOCK)["_meta"]["hash"]["sha256"], "0" * 64)
FORGED = json.loads(LOCK)
FORGED["default"]["flask"]["hashes"] = [f"sha256:{'0' * 64}"]

SETUP = 'from setuptools import setup\nsetup(name="{0}", version="1.0", py_modules=["{0}"])\n'
NATIVE = 'from setuptools import Extension, setup\nsetup(name="native", version="1.0", ext_modules=[Extension("native", ["native.c"])])\n'
PROJECT = '[project]\nname = "shop"\nversion = "1.0"\nrequires-python = ">=3.9"\ndependencies = ["itsdangerous"]\n'
BACKEND = '[build-system]\nrequires = ["setuptools>=64"]\nbuild-backend = "setuptools.build_meta"\n'
POETRY = '[tool.poetry]\nname = "shop-api"\nversion = "1"\ndescription = ""\nauthors = []\n'
POETRY_NEEDS = '[tool.poetry.dependencies]\npython = "^3.11"\nitsdangerous = "^2.1"\n'
POETRY_BACKEND = '[build-system]\nrequires = ["poetry-core"]\nbuild-backend = "poetry.core.masonry.api"\n'
TAGGED = PROJECT.replace('version = "1.0"', 'dynamic = ["version"]') + BACKEND.replace(">=64", '", "setuptools-scm>=8')
HASHED = "itsdangerous==2.2.0 --hash=sha256:c6242fc49e35958c8b15141343aa660db5fc54d4f13a1db01a3f5891b98700ef\n"
TRAP = 'raise SystemExit("this is the app, and not what was looked for")\n'

PASSWORD = "s3cret-word"  # noqa: S105 - of the index of these tests
INDEX = f"http://ann:{PASSWORD}@127.0.0.1:8099/simple"
VARIABLE_INDEX = "http://ann:${INDEX_WORD}@127.0.0.1:8099/simple"
NOWHERE = {"HTTPS_PROXY": "http://127.0.0.1:1", "HTTP_PROXY": "http://127.0.0.1:1", "PIP_RETRIES": 0}
ANOTHER = "/usr/local/bin/another-python"


def lock_from(index: str) -> dict[str, str]:
    """Return a Pipfile that names an index, and its lock, with the hash that pipenv computes."""
    lock = json.loads(LOCK)
    lock["_meta"]["sources"] = [{"name": "pypi", "url": index, "verify_ssl": True}]
    hashed = {"_meta": {key: lock["_meta"][key] for key in ("requires", "sources")}, "default": {"flask": "*"}, "develop": {}}
    text = json.dumps(hashed, sort_keys=True, separators=(",", ":"))
    lock["_meta"]["hash"]["sha256"] = hashlib.sha256(text.encode()).hexdigest()
    return {"Pipfile": PIPFILE.replace("https://pypi.org/simple", index), "Pipfile.lock": json.dumps(lock, indent=4)}


def add_to_lock(*wheels: tuple[str, str, str]) -> dict[str, str]:
    """Return a Pipfile with a lock that has some wheels more, each with its name, its version and its digest."""
    lock = json.loads(LOCK)
    for name, version, digest in wheels:
        lock["default"][name] = {"version": f"=={version}", "hashes": [f"sha256:{digest}"], "index": "pypi"}
    return {"Pipfile": PIPFILE, "Pipfile.lock": json.dumps(lock, indent=4)}


COMPLETE = add_to_lock(
    ("gunicorn", "27.0.1", "378b26b9a38adcf4592f28828233c1716acc55e833ea06bf48719782efaa0d10"),
    ("packaging", "26.3", "d7193f7c8e4e93f444fde0262bf90af30e16fa0ad0ad44cb553c87339b23cd1c"),
)
"""All that an environment has: nothing is added to it by the index."""

GOOD: dict[str, tuple[dict[str, str], dict[str, Any]]] = {
    "deep": (
        {
            "web/requirements/prod.txt": "-r base.txt\n./vendor\n",
            "web/requirements/base.txt": "itsdangerous==2.1.2\n",
            "web/vendor/setup.py": SETUP.format("vendored"),
            "web/vendor/vendored.py": "",
            "Pipfile": "[packages]\nno-such-package-anywhere = '*'\n",
        },
        {"file": "web/requirements/prod.txt"},
    ),
    "bare": (dict.fromkeys(("gunicorn.py", "pip.py", "logging.py", "requirements.txt"), TRAP), {"file": "none"}),
    "hidden": ({"requirements.txt": "itsdangerous\n", **dict.fromkeys(("gunicorn.py", "pip.py", "json.py"), TRAP)}, {}),
    "project": ({"pyproject.toml": PROJECT + BACKEND, "src/shop/__init__.py": "", "src/shop/templates/page.html": ""}, {}),
    "listed": ({"pyproject.toml": PROJECT, "app.py": "", "static/x.css": "", "templates/x.html": ""}, {}),
    "apponly": ({"pyproject.toml": f"[tool.poetry]\npackage-mode = false\n{POETRY_NEEDS}{POETRY_BACKEND}", "app.py": ""}, {}),
    "nameless": ({"pyproject.toml": POETRY + POETRY_NEEDS + POETRY_BACKEND, "app.py": ""}, {}),
    "flat": ({"pyproject.toml": PROJECT + BACKEND, **dict.fromkeys(("shop/__init__.py", "static/__init__.py", "web/__init__.py"), "")}, {}),
    "tagged": ({"pyproject.toml": TAGGED + "[tool.setuptools_scm]\n", "src/shop/__init__.py": ""}, {}),
    "exported": (
        {
            "requirements.txt": f"-e .\n./member\n{HASHED}",
            "pyproject.toml": PROJECT.replace('"itsdangerous"', '"itsdangerous", "member"') + BACKEND,
            "src/shop/__init__.py": "",
            "member/setup.py": SETUP.format("member"),
            "member/member.py": "",
        },
        {},
    ),
    "unfit": (
        {"Pipfile": f'{PIPFILE}\n[requires]\npython_version = "3.8"\n', "Pipfile.lock": OTHER_HASH},
        {"ignore_lock_mismatch": True, "ignore_python_requirement": True},
    ),
    "added": (
        {"requirements.txt": "tornado==6.5.9\ngunicorn==23.0.0\n"},
        {"additions": ["tornado==6.6.1", "blinker==1.9.0"], "build_packages": ["ed"]},
    ),
    "old": ({"requirements.txt": "gunicorn==20.1.0\n"}, {}),
    "another": ({"requirements.txt": "itsdangerous\n"}, {"python": ANOTHER}),
    "offline": ({"requirements.txt": "flask\n"}, {"wheels": "/srv/wheels", "environment": NOWHERE}),
    "sealed": ({"Pipfile": PIPFILE, "Pipfile.lock": LOCK}, {"wheels": "/srv/wheels", "environment": NOWHERE}),
    "sourced": (lock_from(VARIABLE_INDEX), {"environment": {"INDEX_WORD": PASSWORD}}),
    "indexed": (
        # What is built in isolation makes pip call itself, with the index as an argument.
        {"requirements.txt": f"--index-url {VARIABLE_INDEX}\n./own\n", "own/setup.py": SETUP.format("own"), "own/own.py": ""},
        {"environment": {"INDEX_WORD": PASSWORD}},
    ),
    "first": (COMPLETE, {"index_url": INDEX, "ignore_lock_mismatch": True}),
    "private": ({"Pipfile": PIPFILE, "Pipfile.lock": LOCK}, {"index_url": INDEX, "environment": {"API_TOKEN": "t0ken-of-the-app"}}),
}

WORKERS = {
    "workers": ("gevent", "tornado", "uvicorn.workers.UvicornWorker", "uvicorn_worker.UvicornWorker", "asgi"),
    "greenlets": ("eventlet",),
}
"""Classes of gunicorn's workers, by the app that has what they need."""

for _app, _classes in WORKERS.items():
    GOOD[_app] = ({}, {"file": "none", "additions": [package for name in _classes for package in list_worker_packages(name)]})
GOOD["pypied"] = ({"requirements.txt": "itsdangerous\n"}, {"python": "/usr/bin/pypy3", "build_packages": ["pypy3", "pypy3-venv"]})

ON_ONE = {
    **dict.fromkeys(("deep", "bare", "listed", "added", "offline", "indexed", "project", "unfit"), "12"),
    **dict.fromkeys(("hidden", "apponly", "nameless", "flat", "tagged", "exported", "old", "sealed", "sourced", "first"), "13"),
    **dict.fromkeys(("another", "workers", "greenlets", "pypied"), "13"),
    **dict.fromkeys(("empty", "elsewhere", "unbuilt", "Named", "outdated", "wheelless", "unlocked", "unset", "needy"), "12"),
    **dict.fromkeys(("lonely", "missing", "untold"), "12"),
    **dict.fromkeys(("forged", "pastpython", "nopython", "strange", "newpython", "behind", "native", "strayed"), "13"),
    **dict.fromkeys(("ancient", "opposed", "cold"), "13"),
}
"""What is the same on either Debian is tried on one; PyPy of Debian 12 is too old for gunicorn."""


def is_tried(host: Host, app: str) -> bool:
    """Return whether an app is one of those that are installed on a host."""
    return bool(host.system_info.release.startswith(ON_ONE.get(app, "")))


BAD: dict[str, tuple[dict[str, str], dict[str, Any], str]] = {
    "empty": (
        {"app.py": "", "web/requirements.txt": ""},
        {},
        (
            "the source has no Pipfile.lock, uv.lock, poetry.lock, pdm.lock, pylock.toml, Pipfile, requirements.txt"
            " or pyproject.toml at its top, and no packages are named; "
            "name a file that lies deeper in `dependencies.file`: web/requirements.txt; add one"
        ),
    ),
    "elsewhere": ({"requirements.txt": ""}, {"file": "web/requirements.txt"}, "which the source does not have; it has requirements.txt"),
    "unbuilt": ({}, {"build": "three"}, "there is no build 'three' of unbuilt on the host"),
    "Named": ({}, {}, "the app's name is 'Named'; allowed are 1 to 25 lower-case letters"),
    "outdated": (
        {"Pipfile": f'{PIPFILE}redis = "*"\n', "Pipfile.lock": LOCK},
        {},
        (
            "the Pipfile.lock does not fit its Pipfile: it lacks redis. Run `pipenv lock` where you develop, and commit both; "
            "or set `dependencies.ignore_lock_mismatch: true`"
        ),
    ),
    "rehashed": (
        {"Pipfile": PIPFILE, "Pipfile.lock": OTHER_HASH},
        {},
        "the Pipfile.lock is not made of this Pipfile, says the host's pipenv",
    ),
    "forged": ({"Pipfile": PIPFILE, "Pipfile.lock": json.dumps(FORGED, indent=4)}, {}, "THESE PACKAGES DO NOT MATCH THE HASHES"),
    "pastpython": (
        {"Pipfile": f'{PIPFILE}\n[requires]\npython_version = "3.8"\n', "Pipfile.lock": LOCK},
        {},
        "and the app demands Python 3.8 (python_version in [requires] of Pipfile). Change that file",
    ),
    "nopython": ({"requirements.txt": ""}, {"python": "3.8"}, "Python 3.8 is asked for, and the host has none; it has 3.1"),
    "strange": ({"requirements.txt": ""}, {"python": "/usr/bin/python9"}, "the interpreter /usr/bin/python9 does not run"),
    "lonely": (
        {"requirements.txt": "flask\n"},
        {"index_url": "http://127.0.0.1:1/simple", "environment": {"PIP_RETRIES": 1}},
        "Connection refused",
    ),
    "behind": (
        {"requirements.txt": "flask\n"},
        {"environment": {"HTTPS_PROXY": "http://127.0.0.1:1", "PIP_RETRIES": 1}},
        "Cannot connect to proxy",
    ),
    "newpython": ({"pyproject.toml": PROJECT.replace("3.9", "3.99")}, {}, "demands Python >=3.99 (requires-python in pyproject.toml)"),
    "native": (
        {"requirements.txt": "./native\n", "native/setup.py": NATIVE, "native/native.c": "#include <Python.h>\n"},
        {},
        (
            "to build native, the host needs the Debian packages build-essential python3-dev: "
            "add `build_packages: [build-essential, python3-dev]` to the app's `dependencies`, and run site.yml"
        ),
    ),
    "strayed": (
        {"pyproject.toml": PROJECT + "[tool.uv.sources]\nitsdangerous = {workspace = true}\n"},
        {},
        "in a way that pip does not follow: tool.uv.sources.itsdangerous (workspace). pip would install what anybody",
    ),
    "needy": (
        {"requirements.txt": ""},
        {"build_packages": ["libpq-dev"]},
        "the Debian packages libpq-dev of `dependencies.build_packages` are",
    ),
    "cold": (COMPLETE, {"environment": NOWHERE, "ignore_lock_mismatch": True}, "Cannot connect to proxy"),
    "missing": ({"requirements.txt": "flask==99.0\n"}, {}, "No matching distribution found for flask==99.0"),
    "wheelless": (
        {"requirements.txt": ""},
        {"wheels": "vendor"},
        "`dependencies.wheels` is 'vendor', and the source has no such directory",
    ),
    "unlocked": ({"Pipfile": PIPFILE}, {"wheels": "/srv/wheels"}, "pipenv asks the index for hashes to lock a Pipfile"),
    "unset": (
        lock_from(VARIABLE_INDEX),
        {},
        "takes its credentials from INDEX_WORD, which is not set: set it in `dependencies.environment`",
    ),
    "stranger": (
        {"requirements.txt": "flask\n"},
        {"index_url": INDEX.replace(PASSWORD, "wr0ng-word"), "environment": {"API_TOKEN": "t0ken-of-the-app"}},
        "127.0.0.1:8099",
    ),
    "ancient": ({"requirements.txt": "gunicorn==19.9.0\n"}, {}, "gunicorn 19.9.0, which the app brings, does not run on Python 3.13."),
    "untold": ({"requirements.txt": "gunicorn==20.0.4\n"}, {}, "gunicorn 20.0.4, which the app brings, is older than 20.1"),
    "opposed": (
        {"requirements.txt": "gunicorn==20.1.0\n"},
        {"additions": list_worker_packages("uvicorn_worker.UvicornWorker")},
        "uvicorn-worker 0.4.0 needs gunicorn>=21.0.0, and gunicorn==20.1.0 is what the rest of the app has; `gunicorn: {worker_class: uvi",
    ),
}


@pytest.fixture(scope="module")
def index(host: Host, bench: Workbench) -> Iterator[str]:
    """Serve what the lock file names, and gunicorn, to those who know the password; return the directory of the same wheels."""
    python = f"{bench.environment('locked')}/bin/python"
    pinned = {**VERSIONS, "gunicorn": "27.0.1", "packaging": "26.3"}
    wanted = " ".join(f"{name}=={version}" for name, version in pinned.items()) + " setuptools wheel"
    variables = "PYTHONDONTWRITEBYTECODE=1 PIP_CERT=/etc/ssl/certs/ca-certificates.crt"
    host.check_output(f"{variables} {python} -m pip download --quiet --no-deps --dest /srv/wheels {wanted}")
    host.check_output(
        "cd /srv/wheels && for file in *.whl; do name=$(echo ${file%%-*} | tr A-Z_ a-z-); "
        "mkdir -p /srv/index/simple/$name && ln -f $file /srv/index/simple/$name/; done"
    )
    host.check_output("printf %%s %s > /srv/index.py", (FILES / "index.py").read_text(encoding="utf-8"))
    host.check_output("umask 077; printf ann:%%s %s > /root/credentials; printf %%s %s > /root/password", PASSWORD, PASSWORD)
    host.check_output("systemd-run --unit=index --collect python3 /srv/index.py 8099 /srv/index /root/credentials")
    yield "/srv/wheels"
    host.check_output("systemctl stop index")


@pytest.fixture(scope="module")
def watch(host: Host) -> Iterator[str]:
    """Look at the arguments of all processes all the time, and return the file of those that had the password among them."""
    look = "while sleep 0.05; do grep -aFlf /root/password /proc/[0-9]*/cmdline /dev/null; done >> /root/seen 2>/dev/null"
    host.check_output("umask 077; : > /root/seen; printf %%s %s > /root/password", PASSWORD)
    host.check_output("systemd-run --unit=watch --collect sh -c %s", look)
    yield "/root/seen"
    host.check_output("systemctl stop watch")


@pytest.fixture(scope="module")
def good(host: Host, bench: Workbench, bad: Play, watch: str) -> Play:
    """Install what can be, after what cannot: no app has fetched a wheel before those that are to find none."""
    del bad, watch
    host.check_output("cp $(readlink -f /usr/bin/python3) %s", ANOTHER)
    apps = list_good(host)
    for app in apps:
        bench.put_build(app["name"], "one", GOOD[app["name"]][0])
    return bench.run(*apps, environment=UNCOMPILED, options=("-vvv",))


def list_good(host: Host) -> list[dict[str, Any]]:
    return [{"name": app, "build": "one", **wishes} for app, (_files, wishes) in GOOD.items() if is_tried(host, app)]


@pytest.fixture
def on_host_of(good: Play, host: Host) -> Require:
    """Return what lets a test about an app run where the app is tried."""

    def require(app: str) -> None:
        good.succeeded()
        if not is_tried(host, app):
            pytest.skip(f"{app} is tried on the other Debian")

    return require


@pytest.fixture(scope="module")
def bad(host: Host, bench: Workbench, index: str) -> Play:
    del index
    apps = [{"name": app, "build": "one", **wishes} for app, (_files, wishes, _words) in BAD.items() if is_tried(host, app)]
    for app in apps:
        bench.put_build(app["name"], "one", BAD[app["name"]][0])
    return bench.run(*apps, environment=UNCOMPILED, install=False, options=("-vvv",))


@pytest.mark.parametrize("app", GOOD)
def test_what_real_apps_have_is_installed_and_gunicorn_starts(on_host_of: Require, bench: Workbench, app: str) -> None:
    on_host_of(app)
    assert "gunicorn" in bench.as_app(app, f"{bench.environment(app)}/bin/gunicorn --version").stdout


@pytest.mark.any_debian("debian13")
def test_a_second_run_changes_nothing(good: Play, host: Host, bench: Workbench) -> None:
    good.succeeded()
    assert bench.run(*list_good(host)).succeeded().changed == 0


@pytest.mark.parametrize(("app", "worker"), [(app, worker) for app, classes in WORKERS.items() for worker in classes])
def test_what_a_class_of_workers_needs_can_be_installed_and_gunicorn_loads_it(
    on_host_of: Require, bench: Workbench, app: str, worker: str
) -> None:
    on_host_of(app)
    bench.python(app, f'from gunicorn.util import load_class; load_class("{worker}")')


def test_another_implementation_of_python_is_used(on_host_of: Require, bench: Workbench) -> None:
    on_host_of("pypied")
    assert bench.python("pypied", "import itsdangerous, platform; print(platform.python_implementation())") == "PyPy"


def test_a_file_that_lies_deeper_is_followed_from_where_it_lies(on_host_of: Require, bench: Workbench) -> None:
    on_host_of("deep")
    assert bench.installed("deep")["itsdangerous"] == "2.1.2"
    bench.python("deep", "import vendored")


def test_an_app_with_no_dependency_gets_gunicorn_alone(on_host_of: Require, bench: Workbench) -> None:
    on_host_of("bare")
    assert bench.installed("bare").keys() - {"setuptools", "wheel", "packaging"} == {"gunicorn", "pip"}


def test_a_project_is_imported_from_the_build_with_its_templates_and_what_it_needs(on_host_of: Require, bench: Workbench) -> None:
    on_host_of("project")
    assert bench.python("project", "import itsdangerous, shop; print(shop.__file__)") == "/var/www/project/builds/one/src/shop/__init__.py"


def test_of_a_project_that_is_no_package_the_dependencies_are_installed(on_host_of: Require, bench: Workbench) -> None:
    on_host_of("listed")
    assert "itsdangerous" in bench.installed("listed")
    assert "shop" not in bench.installed("listed")


@pytest.mark.parametrize("app", ["apponly", "nameless", "flat"])
def test_what_an_app_depends_on_is_installed_where_it_cannot_be_a_package(
    on_host_of: Require, good: Play, bench: Workbench, app: str
) -> None:
    on_host_of(app)
    assert "itsdangerous" in bench.installed(app)
    assert not {"shop", "shop-api"} & bench.installed(app).keys()
    assert (f"{app}: pyproject.toml has a [build-system]" in good.output) == (app != "apponly"), "said, where a build was tried"


def test_a_project_whose_version_is_a_tag_is_told_one(on_host_of: Require, bench: Workbench) -> None:
    on_host_of("tagged")
    assert bench.installed("tagged")["shop"] == "0.0.dev0+one"
    assert "itsdangerous" in bench.installed("tagged")


def test_lines_with_hashes_and_parts_of_the_source_are_installed_together(on_host_of: Require, bench: Workbench) -> None:
    on_host_of("exported")
    assert bench.installed("exported")["itsdangerous"] == "2.2.0"
    assert bench.python("exported", "import member, shop; print(shop.__file__)") == "/var/www/exported/builds/one/src/shop/__init__.py"


def test_a_lock_is_installed_to_the_letter_although_its_hash_and_its_python_do_not_fit(on_host_of: Require, bench: Workbench) -> None:
    on_host_of("unfit")
    assert VERSIONS.items() <= bench.installed("unfit").items()


def test_what_the_app_pins_is_never_changed_by_what_is_added(on_host_of: Require, bench: Workbench) -> None:
    on_host_of("added")
    found = bench.installed("added")
    assert (found["tornado"], found["blinker"], found["gunicorn"]) == ("6.5.9", "1.9.0", "23.0.0")


def test_debian_packages_that_an_installation_needs_are_installed_before_it(on_host_of: Require, host: Host) -> None:
    on_host_of("added")
    assert host.package("ed").is_installed


def test_an_interpreter_of_one_s_own_is_used(on_host_of: Require, bench: Workbench) -> None:
    on_host_of("another")
    assert bench.python("another", "import sys; print(sys._base_executable)") == ANOTHER


@pytest.mark.parametrize("app", ["sealed", "offline"])
def test_without_an_index_packages_come_from_the_directory(on_host_of: Require, bench: Workbench, app: str) -> None:
    on_host_of(app)
    assert VERSIONS.items() <= bench.installed(app).items()


def test_what_one_app_has_fetched_another_with_the_same_pins_installs_without_an_index(
    on_host_of: Require, host: Host, bench: Workbench
) -> None:
    on_host_of("first")  # after `cold`, which wants the same without an index, and could not be installed
    bench.put_build("second", "one", COMPLETE)
    second = {"name": "second", "build": "one", "ignore_lock_mismatch": True, "environment": NOWHERE}
    bench.run(second).succeeded()
    assert bench.installed("first") == bench.installed("second")
    assert as_user(host, "_build-second", "ls /var/cache/webstack-flask/.wheels").failed


def test_a_password_of_an_index_is_in_no_argument_output_journal_or_file(
    good: Play, bad: Play, host: Host, bench: Workbench, watch: str
) -> None:
    good.succeeded()
    assert host.check_output("cat %s", watch) == "", "as an argument of these"
    assert {bench.installed(app)["gunicorn"] for app in ("private", "sourced", "indexed") if is_tried(host, app)} == {"27.0.1"}
    for secret in (PASSWORD, "wr0ng-word", "t0ken-of-the-app"):
        assert secret not in good.output
        assert secret not in bad.output
        assert host.run(f"journalctl --no-pager | grep -F {secret} | grep -v sudo").stdout == ""
        assert host.run(f"grep -rlF {secret} /var/www /var/cache/webstack-flask /var/log/webstack-flask /tmp /var/tmp").stdout == ""


@pytest.fixture
def git_access(host: Host) -> Iterator[dict[str, str]]:
    """Serve a package by ssh to those who have a key; return the key and the server's own."""
    if host.system_info.release.startswith("12"):
        pytest.skip("it is the same on the other Debian")
    host.check_output("apt-get install --quiet --yes --no-install-recommends git openssh-client")
    host.check_output("useradd --create-home --password '*' --shell /usr/bin/git-shell keeper")
    host.check_output("ssh-keygen -q -t ed25519 -N '' -f /root/keeper")
    host.check_output("mkdir /home/keeper/.ssh && cp /root/keeper.pub /home/keeper/.ssh/authorized_keys")
    host.check_output("git init --quiet --initial-branch main /home/keeper/lib")
    host.check_output("cd /home/keeper/lib && printf %%s %s > setup.py && touch kept.py && git add .", SETUP.format("kept"))
    host.check_output("cd /home/keeper/lib && git -c user.name=a -c user.email=a@b commit --quiet --message one")
    host.check_output("chown -R keeper: /home/keeper")
    hosts = f"127.0.0.1 {host.file('/etc/ssh/ssh_host_ed25519_key.pub').content_string}"
    yield {"ssh_key": host.file("/root/keeper").content_string, "known_hosts": hosts}
    host.check_output("userdel --remove keeper && rm /root/keeper /root/keeper.pub")


def test_a_private_dependency_is_read_with_a_key_that_the_installation_is_given_and_nothing_keeps(
    host: Host, bench: Workbench, watch: str, git_access: dict[str, str]
) -> None:
    # As files: what these tests themselves have as arguments would be seen, too.
    host.check_output("umask 077; sed '1d;$d' /root/keeper | head -n -1 > /root/lines && (echo; cat /root/lines) >> /root/password")
    host.check_output(": > %s", watch)  # a test before this one has looked for its secrets by their words
    for app in ("lent", "shut"):
        bench.put_build(app, "one", {"requirements.txt": "kept @ git+ssh://keeper@127.0.0.1/home/keeper/lib@main\n"})
    lent, shut = {"name": "lent", "build": "one", "git_credentials": git_access}, {"name": "shut", "build": "one"}
    play = bench.run(lent, shut, options=("-vvv",))
    assert "shut: the host key of a dependency's git server is not known to the installation" in play.output
    assert "`dependencies: {git_access: true}`" in play.output
    bench.python("lent", "import kept")
    assert bench.environments("shut") == []
    assert host.check_output("cat %s", watch) == "", "as an argument of these"
    assert not [line for line in git_access["ssh_key"].splitlines()[1:-2] if line in play.output]
    assert host.run("journalctl --no-pager | grep -Ff /root/lines").stdout == ""
    assert host.run("grep -rlFf /root/lines /var/www /var/cache/webstack-flask /tmp /var/tmp").stdout == ""


@pytest.mark.parametrize("app", BAD)
def test_what_cannot_be_is_refused_with_the_way_out_and_leaves_nothing(bad: Play, host: Host, bench: Workbench, app: str) -> None:
    assert bad.status != 0
    if not is_tried(host, app):
        pytest.skip(f"{app} is tried on the other Debian")
    message = BAD[app][2]
    assert f"{app}: " in bad.output
    assert message in bad.output
    assert bench.environments(app) == []
    assert not host.file(f"/var/cache/webstack-flask/{app}/work").exists


def test_all_that_a_failed_installation_has_said_is_in_a_file_for_root_alone(bad: Play, host: Host) -> None:
    if not is_tried(host, "native"):
        pytest.skip("native is tried on the other Debian")
    place = "/var/log/webstack-flask/native-installation.log"
    assert f"All of it is in {place} on the host." in bad.output
    assert host.file(place).content_string.startswith("Processing ./native")
    assert (host.file(place).mode, host.file(place).user) == (0o600, "root")
