"""`training.cli.runtime_import`: what the first import of the runtimes may not do to a command."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from training.cli.command import run_command
from training.cli.runtime_import import NOISE, runtime_import


@pytest.fixture(autouse=True)
def _another_thread() -> Iterator[None]:
    """A thread as libraries start them, which can receive signals of the process."""
    end = threading.Event()
    thread = threading.Thread(target=end.wait)
    thread.start()
    yield
    end.set()
    thread.join()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_arrives_after_the_import(number: signal.Signals, code: int) -> None:
    """Packages that catch all exceptions of their imports neither swallow it nor turn it into their own."""
    reached = []

    def job() -> int:
        with runtime_import():
            try:
                os.kill(os.getpid(), number)
            except BaseException as error:
                raise ImportError("a package is not installed") from error
            reached.append("the end of the import")
        return 0

    assert run_command(job) == code
    assert reached == ["the end of the import"]


def test_known_lines_are_dropped_and_all_others_are_kept() -> None:
    """Lines of C++ code go to the descriptor, past `sys.stderr`."""
    code = (
        "import os\n"
        "from training.cli.runtime_import import runtime_import\n"
        "with runtime_import():\n"
        f"    os.write(2, {NOISE[0]!r} + b' 1\\nanother line\\n')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == "another line\n"
