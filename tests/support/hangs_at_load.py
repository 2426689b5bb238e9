"""A server whose first engine never finishes loading: `python -m tests.support.hangs_at_load`."""

from __future__ import annotations

import sys
import threading

import app.main
from app.cli import main

if __name__ == "__main__":
    vars(app.main)["load_engine"] = lambda *_, **__: threading.Event().wait()
    sys.exit(main())
