"""What ./dev does before anything else: a virtualenv with the pinned requirements. Needs nothing but Python itself."""

from __future__ import annotations

import hashlib
import os
import shutil
import sys

from harness import locks, paths, process, system
from harness.process import CommandError, HarnessError, say

# What runs without the test tools; the rest installs them too.
_LIGHT_COMMANDS = {"demo", "hosts", "bench"}
_HELP = {"-h", "--help", "help"}
_STAMP = paths.VENV / "requirements.sha256"


def main() -> int:
    """Prepare the virtualenv that the command needs, and run that command in it; return its exit status."""
    words = sys.argv[1:]
    try:
        if not words or _HELP & set(words[:2]):
            return _run_here(words)
        python = prepare("demo" if words[0] in _LIGHT_COMMANDS else "test")
    except HarnessError as error:
        print(f"./dev: {error}", file=sys.stderr)
        return 1
    os.environ.update(environment())
    os.execv(python, [python, "-m", "harness", *words])  # noqa: S606 - there is no need for a shell
    raise AssertionError  # execv does not return


def environment() -> dict[str, str]:
    """Return the environment in which the tools of the virtualenv are found first."""
    return os.environ | {
        "PATH": f"{paths.VENV / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(paths.ROOT / "tests"),
        "VIRTUAL_ENV": str(paths.VENV),
    }


def prepare(level: str) -> str:
    """See that .venv holds the requirements of ``level``, ``demo`` or ``test``; return its Python."""
    python = str(paths.VENV / "bin" / "python")
    if not _is_ready(python, level):
        with locks.of_clone("venv"):
            if not _is_ready(python, level):
                _install_requirements(python, level)
    return python


def _is_ready(python: str, level: str) -> bool:
    installed = _STAMP.read_text(encoding="ascii").split() if _STAMP.exists() else []
    return digest(level) in installed and process.succeeds([python, "-c", ""])


def _install_requirements(python: str, level: str) -> None:
    if not process.succeeds([python, "-m", "pip", "--version"]):
        _make()
    _STAMP.unlink(missing_ok=True)
    file = paths.ROOT / "requirements" / f"{level}.txt"
    say(f"Installing requirements/{level}.txt into .venv ...")
    try:
        process.run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", str(file)])
    except CommandError as error:
        raise HarnessError("Installing the requirements failed (see above): is the Python package index in reach?") from error
    levels = ["demo"] if level == "demo" else ["demo", "test"]
    _STAMP.write_text("\n".join(map(digest, levels)) + "\n", encoding="ascii")


def digest(level: str) -> str:
    """Return a digest of all that is installed at this level."""
    names = ["demo"] if level == "demo" else ["demo", "test"]
    content = b"".join((paths.ROOT / "requirements" / f"{name}.txt").read_bytes() for name in names)
    return hashlib.sha256(level.encode() + content).hexdigest()


def _make() -> None:
    """Create the virtualenv; Debian's Python needs a package for that."""
    package = "python3-venv" if sys.executable == "/usr/bin/python3" else f"python3.{sys.version_info[1]}-venv"
    complete = [sys.executable, "-c", "import ensurepip, venv"]
    system.install(lambda: [] if process.succeeds(complete) else [package], "Debian's Python needs it to make a virtualenv")
    say(f"Creating .venv with Python {sys.version.split()[0]} ...")
    shutil.rmtree(paths.VENV, ignore_errors=True)
    process.output([sys.executable, "-m", "venv", str(paths.VENV)])


def _run_here(words: list[str]) -> int:
    """Show the help, for which no virtualenv is needed."""
    from harness.cli import main as cli  # noqa: PLC0415 - keeps what follows out of the first seconds

    return cli(["--help"] if not words or words[0] == "help" else words)


if __name__ == "__main__":
    sys.exit(main())
