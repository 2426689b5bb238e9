"""Suppress the lines that TensorFlow writes at import, before its log level can be set."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress

# Prefixes of the suppressed lines: information, and a note about logging.
NOISE = (b"I0000", b"WARNING: All log messages before absl::InitializeLog()")


@contextmanager
def suppress_import_noise() -> Iterator[None]:
    """Drop known lines from standard error during the first import of Keras with TensorFlow.

    It redirects the file descriptor, because the lines come from C++ code that does not use `sys.stderr`.
    """
    # Keras and TensorFlow read these at their first import.
    os.environ["KERAS_BACKEND"] = "tensorflow"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.stderr.flush()
    stderr = os.dup(2)
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
