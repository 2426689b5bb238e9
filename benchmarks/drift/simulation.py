"""Streams of series, and what detectors say about them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from app.contract import DriftReference, DriftView
from benchmarks.drift.detectors import Detector
from benchmarks.drift.pools import Pool

Blocks = Iterator[NDArray[np.float64]]


def shuffled(pool: Pool, random: np.random.Generator, *, block: int) -> Blocks:
    """Each series of a pool once, in random order, as the counts of blocks; the rest is left out."""
    order = random.permutation(len(pool))
    whole = len(order) // block * block
    yield from pool.cells[order[:whole]].reshape(-1, block, pool.cells.shape[1]).sum(axis=1)


def drawn(pool: Pool, random: np.random.Generator, *, block: int, blocks: int) -> Blocks:
    """Series drawn from a pool with replacement, as the counts of blocks."""
    kinds, numbers = np.unique(pool.cells, axis=0, return_counts=True)
    for start in range(0, blocks, 1000):
        size = min(1000, blocks - start)
        yield from random.multinomial(block, numbers / len(pool), size=size).astype(np.float64) @ kinds


def resampled(reference: DriftReference, pools: list[Pool], random: np.random.Generator) -> DriftReference:
    """A reference of the same size, of series drawn from one pool for each view with replacement."""
    views = []
    for view, pool in zip(reference.views, pools, strict=True):
        counts = pool.cells[random.integers(0, len(pool), view.series)].sum(axis=0).astype(int).tolist()
        first, second = len(view.ood_score), len(view.ood_score) + len(view.confidence)
        parts = {
            "ood_score": tuple(counts[:first]),
            "confidence": tuple(counts[first:second]),
            "labels": tuple(counts[second:]),
        }
        views.append(DriftView.model_validate({**view.model_dump(), **parts}))
    return reference.model_copy(update={"views": tuple(views)})


def alarms(detector: Detector, blocks: Blocks) -> int:
    """Number of blocks in which a detector raises an alarm."""
    return sum(detector.add(counts) for counts in blocks)


def first_alarm(detector: Detector, blocks: Blocks, *, block: int) -> float:
    """Number of series until the first alarm; infinite without one."""
    for number, counts in enumerate(blocks, 1):
        if detector.add(counts):
            return number * block
    return np.inf


def delays(
    make: Callable[[np.random.Generator], Detector],
    before: Pool,
    after: Pool,
    *,
    unchanged: int,
    repeats: int,
    block: int,
    seed: int,
) -> NDArray[np.float64]:
    """Series from a change to the alarm, `float64[repeats]`; infinite if all were seen without one.

    Args:
        make: makes the detector of a stream.
        before: series before the change, drawn with replacement.
        after: series after it, each once in random order.
        unchanged: number of series before the change; window alarms during these do not count.
        repeats: number of streams.
        block: series that the detector sees at once.
        seed: of the streams.
    """
    random = np.random.default_rng(seed)
    found = []
    for _ in range(repeats):
        detector = make(random)
        alarms(detector, drawn(before, random, block=detector.block, blocks=unchanged // detector.block))
        found.append(first_alarm(detector, shuffled(after, random, block=block), block=block))
    return np.array(found)
