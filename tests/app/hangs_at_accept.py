"""A worker that stops as it would begin to accept connections: `python -m tests.app.hangs_at_accept`."""

from __future__ import annotations

import os
import signal
import sys

import app.worker
from app.acceptor import Acceptor
from app.cli import main


class Hanging(Acceptor):
    """Stops the process instead of accepting."""

    def _listen(self) -> None:
        os.kill(os.getpid(), signal.SIGSTOP)


if __name__ == "__main__":
    vars(app.worker)["Acceptor"] = Hanging
    sys.exit(main())
