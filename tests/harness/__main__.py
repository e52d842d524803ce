"""``python -m harness``: see cli.py."""

from __future__ import annotations

import sys

from harness.cli import main

sys.exit(main(sys.argv[1:]))
