"""Copies of the clone, for tools that want the collection at a certain place and without what belongs to developers."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from harness import paths, process
from harness.process import CommandError, HarnessError

if TYPE_CHECKING:
    from pathlib import Path


def sources() -> list[str]:
    """Return the paths of all files of the project, those not yet committed included, ignored ones not."""
    listing = ["git", "-C", str(paths.ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        found = process.output(listing).rstrip("\0").split("\0")
    except CommandError as error:
        raise HarnessError(f"git cannot list the project's files: {error}") from error
    return sorted(name for name in set(found) if (paths.ROOT / name).exists() and not name.startswith(".collections/"))


def collection_tree(into: Path) -> Path:
    """Copy the project below ``into`` as ``ansible_collections/webstack/flask``; return that directory."""
    target = into / "ansible_collections" / "webstack" / "flask"
    shutil.rmtree(into, ignore_errors=True)
    for name in sources():
        copy = target / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(paths.ROOT / name, copy, follow_symlinks=False)
    return target
