"""What holds for all unit tests."""

from __future__ import annotations

from pathlib import Path

from hypothesis import settings
from hypothesis.configuration import set_hypothesis_home_dir

# The same examples on every run, on every machine; and what hypothesis remembers lies with everything else that can be deleted.
set_hypothesis_home_dir(Path(__file__).parents[2] / ".cache" / "hypothesis")
settings.register_profile("webstack", database=None, deadline=None, derandomize=True)
settings.load_profile("webstack")
