"""Where the sums of all workers are: in mapped files that they share, or in memory with one process.

Each worker adds to a file of its own, so that adding takes no lock. A worker that replaces a dead one takes
over its file, and no sums are lost. What follows from all sums together, such as the alarm, is in one more
file, which is read and written under a lock.
"""

from __future__ import annotations

import fcntl
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

log = logging.getLogger(__name__)

_ITEM = 8


class Storage:
    """The sums of one process, and their state, in memory.

    Args:
        sums: length of the sums.
        state: length of the state.

    Attributes:
        own: `float64[sums]`, to be added to.
    """

    def __init__(self, sums: int, state: int) -> None:
        self.own: NDArray[np.float64] = np.zeros(sums)
        self._state: NDArray[np.float64] = np.zeros(state)

    def total(self) -> NDArray[np.float64]:
        """The sums of all workers since the start of the server."""
        return self.own.copy()

    @contextmanager
    def locked(self, *, wait: bool) -> Iterator[NDArray[np.float64] | None]:
        """Hold the lock of the state, `float64[state]`, all 0 at first.

        Yields:
            The state, or None if another worker holds the lock and this is not to wait for it.
        """
        del wait
        yield self._state

    def close(self) -> None:
        """Leave the sums to a worker that takes over."""


class SharedStorage(Storage):
    """The sums of all workers.

    Args:
        folder: that they share.
        name: of what is summed; all workers use the same.
        sums: length of the sums.
        state: length of the state.

    Raises:
        OSError: there is no disk space, say.
    """

    def __init__(self, folder: Path, name: str, sums: int, state: int) -> None:
        self._folder, self._name, self._sums = folder, name, sums
        self._read: dict[Path, NDArray[np.float64]] = {}
        self._is_closed = False
        self._slot, path = self._take_slot()
        try:
            self.own = _mapped(path, sums)
            self._lock = os.open(folder / f"drift-{name}.state", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            self._state = _mapped(folder / f"drift-{name}.state", state)
        except BaseException:
            os.close(self._slot)
            raise

    def total(self) -> NDArray[np.float64]:
        """The sums of all workers since the start of the server, of dead ones, too."""
        found = np.zeros(self._sums)
        for path in self._folder.glob(f"drift-{self._name}-*.sums"):
            if path not in self._read:
                if path.stat().st_size != self._sums * _ITEM:
                    continue  # it is being created
                self._read[path] = np.memmap(path, np.float64, "r", shape=(self._sums,))
            found += self._read[path]
        return found

    @contextmanager
    def locked(self, *, wait: bool) -> Iterator[NDArray[np.float64] | None]:
        """As the base's. The lock is released by the system, too, when its worker dies."""
        if self._is_closed:
            yield np.array(self._state)
            return
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield None
            return
        try:
            yield self._state
        finally:
            fcntl.flock(self._lock, fcntl.LOCK_UN)

    def close(self) -> None:
        """Leave the sums to a worker that takes over."""
        if self._is_closed:
            return
        self._is_closed = True
        self.own = np.array(self.own)  # what is still added must not meet what that one adds
        for descriptor in (self._slot, self._lock):
            os.close(descriptor)

    def _take_slot(self) -> tuple[int, Path]:
        """The first file of sums that no live worker adds to, and the descriptor that locks it."""
        for number in count():
            path = self._folder / f"drift-{self._name}-{number}.sums"
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(descriptor)
            else:
                return descriptor, path
        raise AssertionError  # `count` never ends


def open_storage(folder: Path | None, name: str, *, sums: int, state: int) -> Storage:
    """The storage in a folder that workers share, or in memory: without one, or without disk space."""
    if folder is not None:
        try:
            return SharedStorage(folder, name, sums, state)
        except OSError as error:
            log.warning("%s: drift is counted for this worker alone: %s", folder, error)
    return Storage(sums, state)


def _mapped(path: Path, length: int) -> NDArray[np.float64]:
    with path.open("r+b") as file:
        # All blocks are allocated now: without disk space later, the process would die of SIGBUS.
        os.posix_fallocate(file.fileno(), 0, length * _ITEM)
    return np.memmap(path, np.float64, "r+", shape=(length,))
