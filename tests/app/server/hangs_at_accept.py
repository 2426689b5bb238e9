"""A worker that hangs before it accepts connections: `python -m tests.app.server.hangs_at_accept`."""

from __future__ import annotations

import os
import signal
import sys

from app.cli import main
from app.server import worker
from app.server.acceptor import Acceptor


class Hanging(Acceptor):
    """Stops the process instead of accepting."""

    def _listen(self) -> None:
        os.kill(os.getpid(), signal.SIGSTOP)


if __name__ == "__main__":
    vars(worker)["Acceptor"] = Hanging
    sys.exit(main())
