"""Tests with a real Ray run with `make ray` alone: they need an environment of 700 MB and a minute."""

from __future__ import annotations

import os

# `make ray` sets it.
collect_ignore = [] if os.environ.get("RAY_TESTS") == "all" else ["test_local.py", "test_tasks.py"]
