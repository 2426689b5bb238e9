"""The most memory that this process had at once: all of it, what C and Rust allocate too. Linux alone."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Self

_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")
# Makes the most of the past the present: https://docs.kernel.org/filesystems/proc.html
_RESET_PEAK = "5"


class Peak:
    """Measures a block.

    Attributes:
        grown: bytes that the process had within the block, at most, beyond what it had before.
    """

    def __init__(self) -> None:
        self.grown = 0
        self._before = 0

    def __enter__(self) -> Self:
        """Begin."""
        _CLEAR.write_text(_RESET_PEAK)
        self._before = _peak()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End."""
        self.grown = _peak() - self._before


def _peak() -> int:
    text = _STATUS.read_text()
    start = text.index("VmHWM:") + len("VmHWM:")
    return int(text[start : text.index("kB", start)]) * 1024
