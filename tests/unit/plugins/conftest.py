"""What holds for the unit tests of all plugins."""

from __future__ import annotations

from hypothesis import settings

# The same examples on every run, on every machine, and no directory of past ones in the clone.
settings.register_profile("webstack", database=None, deadline=None, derandomize=True)
settings.load_profile("webstack")
