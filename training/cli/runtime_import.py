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

    Signals that end the command arrive after the import: packages with C++ code catch the exception that a
    signal raises in them, and raise errors of their own, such as "you need to have optree installed".
    """
    # Keras and TensorFlow read these at their first import.
    os.environ["KERAS_BACKEND"] = "tensorflow"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.stderr.flush()
    stderr = os.dup(2)
    masked = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    with tempfile.TemporaryFile() as held:
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
            signal.pthread_sigmask(signal.SIG_SETMASK, masked)
