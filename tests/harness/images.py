"""Container images of bare Debian hosts, one per suite, built once and found again by the digest of their recipe.

A recipe is a directory beside this file, with a Dockerfile. `host` is the disposable host, `machine` makes it fit for a virtual machine.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from harness import docker, locks, paths, process, system
from harness.process import HarnessError, say

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

SUITES = {"debian12": "bookworm", "debian13": "trixie"}
"""Platform name -> Debian suite."""

LOCAL_CERTIFICATES = Path("/usr/local/share/ca-certificates")


def ensure(suite: str) -> str:
    """Return the tag of the image of a bare host of this suite; build it when it is not there yet."""
    found = certificates()
    tag = f"webstack-flask-host:{suite}-{recipe_digest([_dockerfile('host').read_bytes(), *(file.read_bytes() for file in found)])}"
    with locks.of_machine(f"image-{suite}"):  # images are the Docker daemon's, so all clones share them
        if not _exists(tag):
            say(f"Building the image of a bare Debian {suite} host (once, about a minute) ...")
            _build(tag, _base(suite), "host", found)
    return tag


def ensure_machine(suite: str) -> str:
    """Return the tag of the image of which the disk of a virtual machine is made; build it when it is not there yet."""
    base = ensure(suite)
    recipe = [base.encode(), *(file.read_bytes() for file in sorted((paths.RECIPES / "machine").iterdir()))]
    tag = f"webstack-flask-machine:{suite}-{recipe_digest(recipe)}"
    with locks.of_machine(f"image-{suite}"):  # images are the Docker daemon's, so all clones share them
        if not _exists(tag):
            _build(tag, base, "machine", ())
    return tag


def certificates() -> list[Path]:
    """Return the certificates that this machine trusts by its own decision, and so do the hosts."""
    return sorted(LOCAL_CERTIFICATES.rglob("*.crt")) if LOCAL_CERTIFICATES.is_dir() else []


def recipe_digest(parts: Iterable[bytes]) -> str:
    """Return 12 hexadecimal digits that change whenever one of the parts does, or their order or boundaries."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(hashlib.sha256(part).digest())
    return digest.hexdigest()[:12]


def sources(suite: str, repositories: Iterable[str]) -> str:
    """Return apt's one-line sources of a Debian suite with its updates and security updates, from the repositories of this machine."""
    found = [uri.rstrip("/") for uri in repositories]
    archive = next((uri for uri in found if uri.endswith("/debian")), None)
    security = next((uri for uri in found if uri.endswith("/debian-security")), None)
    if archive is None or security is None:
        raise HarnessError(
            f"A Debian image is made from the repositories that apt uses here, one ending in /debian and one in /debian-security; "
            f"it has {', '.join(found) or 'none'}. Add them, or let Docker pull debian:{suite}."
        )
    return f"deb {archive} {suite} main\ndeb {archive} {suite}-updates main\ndeb {security} {suite}-security main\n"


def _exists(tag: str) -> bool:
    return process.succeeds([*docker.command(), "image", "inspect", tag])


def _base(suite: str) -> str:
    """Return the tag of a plain Debian image: Docker's where the registry answers, else one made here from packages."""
    official, own = f"debian:{suite}", f"webstack-flask-base:{suite}"
    if _exists(official):
        return official
    if _exists(own):
        return own
    if process.succeeds([*docker.command(), "pull", "--quiet", official], timeout=300):
        return official
    say(f"No container registry gives {official}; making it from Debian packages ...")
    _bootstrap(suite, own)
    return own


def _bootstrap(suite: str, tag: str) -> None:
    """Make a minimal Debian from packages and import it as an image."""
    system.require("mmdebstrap", ["mmdebstrap", "debian-archive-keyring"], "test images are made with it")
    repositories = process.output(["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages"]).split()
    given = sources(suite, repositories).encode()
    make = ["mmdebstrap", "--quiet", "--variant=minbase", suite, "-", "-"]
    with log_file(f"mmdebstrap-{suite}") as log:
        maker = subprocess.Popen(make, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log)
        importer = subprocess.Popen(
            [*docker.command(), "import", "-", tag],
            stdin=maker.stdout,
            stdout=subprocess.DEVNULL,
            stderr=log,
        )
        assert maker.stdin  # PIPE was asked for
        assert maker.stdout
        maker.stdin.write(given)
        maker.stdin.close()
        maker.stdout.close()
        failed = maker.wait() | importer.wait()
    if failed:
        process.succeeds([*docker.command(), "image", "rm", tag])
        raise HarnessError(f"No image of Debian {suite} could be made; see {log.name}.")


def _dockerfile(recipe: str) -> Path:
    return paths.RECIPES / recipe / "Dockerfile"


def _build(tag: str, base: str, recipe: str, certificates: Iterable[Path]) -> None:
    paths.CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=paths.CACHE, prefix="image-") as scratch:
        shutil.copytree(paths.RECIPES / recipe, scratch, dirs_exist_ok=True)
        trusted = Path(scratch, "ca-certificates")
        trusted.mkdir()
        for file in certificates:
            shutil.copy(file, trusted)
        with log_file(f"image-{recipe}-{tag.partition(':')[2]}") as log:
            process.run(
                [*docker.command(), "build", "--tag", tag, "--build-arg", f"BASE={base}", scratch],
                log=log,
            )


@contextmanager
def log_file(name: str) -> Iterator[TextIO]:
    """Open a log of this name for the block."""
    paths.LOGS.mkdir(parents=True, exist_ok=True)
    with (paths.LOGS / f"{name}.log").open("w", encoding="utf-8") as log:
        yield log
