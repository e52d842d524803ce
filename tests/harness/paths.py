"""Where things are in a clone."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
"""The clone itself."""

CACHE = ROOT / ".cache"
"""Whatever the harness makes; deleting it costs time and nothing else."""

LOGS = CACHE / "logs"
VENV = ROOT / ".venv"

RECIPES = ROOT / "tests" / "harness"
"""Where the directories are of which images of hosts are made."""

COLLECTIONS = ROOT / ".collections"
"""A collections path in which ``ansible_collections/webstack/flask`` is a link to the clone."""

SCENARIOS = ROOT / "molecule"
