"""The first import of Keras with TensorFlow: no lines of information, and no signal in the middle."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress

# Prefixes of the suppressed lines: information, and a note about logging.
NOISE = (b"I0000", b"WARNING: All log messages before absl::InitializeLog()")
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def runtime_import() -> Iterator[None]:
    """For the first import of Keras with TensorFlow.

    Known lines are dropped from standard error. The file descriptor is redirected, because the lines come
    from C++ code that does not use `sys.stderr`.

    Signals that end the command are handled after the import: packages with C++ code catch the exception that
    a signal handler raises in them, and raise errors of their own, such as "optree is not installed".
    """
    # Keras and TensorFlow read these at their first import.
    os.environ["KERAS_BACKEND"] = "tensorflow"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.stderr.flush()
    stderr = os.dup(2)
    with _deferred_signals(), tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(stderr, 2)
            os.close(stderr)
            held.seek(0)
            with suppress(OSError):  # standard error is closed
                os.write(2, b"".join(line for line in held if not line.startswith(NOISE)))


@contextmanager
def _deferred_signals() -> Iterator[None]:
    """Handle signals at the end. A mask would not do: a library's thread without it would receive them."""
    received: list[int] = []
    before = {number: signal.getsignal(number) for number in SIGNALS}
    replaced = {
        number: handler for number, handler in before.items() if handler not in (signal.SIG_IGN, None)
    }
    for number in replaced:
        signal.signal(number, lambda number, _frame: received.append(number))
    try:
        yield
    finally:
        for number, handler in replaced.items():
            signal.signal(number, handler)
        for arrived in received:
            signal.raise_signal(arrived)
