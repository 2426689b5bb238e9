"""A timer that wakes an event loop with microsecond precision. Event loops' own timers count milliseconds.

Uses Linux's timerfd: from Python 3.13 on in `os`, before by ctypes.
"""

from __future__ import annotations

import ctypes
import os
import time

_ABSOLUTE, _NONBLOCKING = 1, os.O_NONBLOCK
_SPEC = ctypes.c_long * 4  # seconds and nanoseconds: of the interval, then of the first time
_libc = ctypes.CDLL(None, use_errno=True)


class Timer:
    """Its file descriptor becomes readable at the time that was set last, on `time.monotonic`'s clock."""

    def __init__(self) -> None:
        self.descriptor = _libc.timerfd_create(time.CLOCK_MONOTONIC, _NONBLOCKING)
        if self.descriptor < 0:
            raise OSError(ctypes.get_errno(), "this system has no timerfd")

    def set(self, when: float) -> None:
        """Fire at a time in seconds; at once if it has passed."""
        nanoseconds = max(1, round(when * 1e9))
        spec = _SPEC(0, 0, nanoseconds // 10**9, nanoseconds % 10**9)
        _libc.timerfd_settime(self.descriptor, _ABSOLUTE, ctypes.byref(spec), None)

    def clear(self) -> None:
        """Clear the event after it fired."""
        try:
            os.read(self.descriptor, 8)
        except BlockingIOError:  # it was set again after it fired
            return

    def close(self) -> None:
        """Close the descriptor."""
        os.close(self.descriptor)
