"""Keeping TensorFlow's greeting off the progress: what it writes before its log level can be set."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress

# How lines begin that say nothing to a person who trains a model: information, and a note about logging.
NOISE = (b"I0000", b"WARNING: All log messages before absl::InitializeLog()")


@contextmanager
def quiet_import() -> Iterator[None]:
    """For the first import of Keras, on TensorFlow: holds back the noise on the process' standard error.

    It works on the file descriptor, for the lines come from C++ code that knows nothing of `sys.stderr`.
    """
    # Before the first import of Keras and TensorFlow, which read them then.
    os.environ["KERAS_BACKEND"] = "tensorflow"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.stderr.flush()
    progress = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(progress, 2)
            os.close(progress)
            held.seek(0)
            with suppress(OSError):  # whoever has no standard error does without
                os.write(2, b"".join(line for line in held if not line.startswith(NOISE)))
