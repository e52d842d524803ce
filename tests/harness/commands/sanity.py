"""./dev sanity."""

from __future__ import annotations

import os
import re
import sys
from typing import TYPE_CHECKING

from harness import copies, paths, process
from harness.process import CommandError

if TYPE_CHECKING:
    import argparse
    from pathlib import Path
    from typing import TextIO

    from harness.commands import Commands

_TREE = paths.CACHE / "sanity"
_HOME = paths.CACHE / "ansible-test"
# ansible-test of the pinned ansible-core downloads this script, which a company's proxy may not allow. Python brings
# the same: https://docs.python.org/3/library/ensurepip.html
_GET_PIP = ".ansible/test/cache/get_pip_24_2.py"
_GET_PIP_CONTENT = "import ensurepip\nensurepip.bootstrap(default_pip=True)\n"


def add(commands: Commands) -> None:
    """Describe the command."""
    parser = commands.add_parser(
        "sanity", usage="./dev sanity [ARGUMENT OF ansible-test sanity ...]", help="run ansible-test sanity; further words go to it"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the sanity tests on the terminal."""
    try:
        sanity(arguments.words)
    except CommandError as error:
        return error.status
    return 0


def sanity(words: list[str], log: TextIO | None = None) -> None:
    """Run ansible-test sanity on a copy of the project; raise CommandError when it finds something."""
    tree = copies.collection_tree(_TREE)
    # ansible-test asks git which files there are. The copy stands in the clone's .cache, which git ignores, and would
    # count as empty, hence passed, if it were not a repository itself.
    process.output(["git", "init", "--quiet", str(tree)])
    _prepare_home()
    python = f"{sys.version_info[0]}.{sys.version_info[1]}"
    process.run(
        ["ansible-test", "sanity", "--python", python, "--color", "no", *words],
        log=log,
        cwd=tree,
        env=os.environ | {"HOME": str(_HOME), "PATH": _path_without_shims(os.environ["PATH"])},
    )


def _prepare_home() -> None:
    """Make a home directory for ansible-test, which keeps nothing of the environment but HOME and PATH."""
    _write(_HOME / _GET_PIP, _GET_PIP_CONTENT)
    settings = process.output([sys.executable, "-m", "pip", "config", "list"])
    _write(_HOME / ".config" / "pip" / "pip.conf", pip_configuration(settings))


def _write(file: Path, content: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content, encoding="utf-8")


def pip_configuration(settings: str) -> str:
    """Turn what ``pip config list`` prints into a configuration file, so that variables like PIP_CERT count too."""
    files = dict(re.findall(r"^global\.([\w-]+)='(.*)'$", settings, re.MULTILINE))
    variables = dict(re.findall(r"^:env:\.([\w-]+)='(.*)'$", settings, re.MULTILINE))
    values = files | variables
    return "[global]\n" + "".join(f"{name} = {value}\n" for name, value in sorted(values.items()))


def _path_without_shims(path: str) -> str:
    """Leave out pyenv's shims: they stand for Pythons that are not there, and ansible-test believes them."""
    return os.pathsep.join(part for part in path.split(os.pathsep) if not part.endswith("/shims"))
