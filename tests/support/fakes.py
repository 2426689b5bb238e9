"""Fakes of engines that a test can control."""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Predict = Callable[[NDArray[np.float32]], NDArray[np.float32]]


def by_first_value(series: NDArray[np.float32]) -> NDArray[np.float32]:
    """Distinct probabilities for each series: the sigmoid of its first value for the second class."""
    second = 1 / (1 + np.exp(-series[:, 0]))
    return np.stack([1 - second, second], axis=1).astype(np.float32)


class FakeEngine:
    """An engine that computes with any function, and can be held at the start of a batch.

    Attributes:
        batches: the rows of each batch that it was given.
        entered: set while a batch is held or being computed.
    """

    name = "fake"
    description = "a fake engine"

    def __init__(self, predict: Predict = by_first_value, *, max_rows: int = 256) -> None:
        self.batch_sizes: tuple[int, ...] = (1, max_rows)
        self.batches: list[int] = []
        self.entered = threading.Event()
        self._predict = predict
        self._may_run = threading.Event()
        self._may_run.set()

    def predict(self, series: NDArray[np.float32]) -> NDArray[np.float32]:
        """Record the batch, wait while held, compute."""
        self.batches.append(len(series))
        self.entered.set()
        assert self._may_run.wait(timeout=60), "a test held the engine and never let it go"
        return self._predict(series)

    def hold(self) -> None:
        """Block the next batch."""
        self.entered.clear()
        self._may_run.clear()

    def release(self) -> None:
        """Unblock batches."""
        self._may_run.set()
