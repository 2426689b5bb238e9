"""Posteriors are those of the model, to the last digit that matters, whatever the blocks are."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from numpy.typing import NDArray

from app.series.timeline import smoothing
from app.series.timeline.smoothing import NOISE, Posteriors, Smoother

LENGTH = 10


def posteriors(
    probabilities: NDArray[np.float64],
    starts: NDArray[np.int64],
    *,
    priors: NDArray[np.float64] | None = None,
    duration: float = 200.0,
    batch: int = 7,
) -> NDArray[np.float64]:
    """The posteriors of all windows, taken in batches."""
    classes = probabilities.shape[1]
    priors = np.full(classes, 1 / classes) if priors is None else priors
    smoother = Smoother(priors, length=LENGTH, stride=int(starts[1] - starts[0]), duration=duration)
    found: list[Posteriors] = []
    for first in range(0, len(starts), batch):
        found += smoother.add(starts[first : first + batch], probabilities[first : first + batch])
    found += smoother.finish()
    assert np.array_equal(np.concatenate([part.starts for part in found]), starts)
    return np.concatenate([part.probabilities for part in found])


def by_enumeration(
    probabilities: NDArray[np.float64],
    starts: NDArray[np.int64],
    priors: NDArray[np.float64],
    duration: float,
) -> NDArray[np.float64]:
    """The same from the definition: the sum over all sequences of labels."""
    count, classes = probabilities.shape
    new = np.diff(starts, prepend=starts[0] - LENGTH)
    weights = np.minimum(1, new / LENGTH)
    emissions = (((1 - NOISE) * probabilities / priors) + NOISE) ** weights[:, np.newaxis]
    total: NDArray[np.float64] = np.zeros((count, classes))
    for labels in product(range(classes), repeat=count):
        weight = priors[labels[0]] * emissions[0, labels[0]]
        for t in range(1, count):
            change = 1 - np.exp(-new[t] / duration)
            stay = (1 - change) * (labels[t] == labels[t - 1])
            weight *= (stay + change * priors[labels[t]]) * emissions[t, labels[t]]
        for t, label in enumerate(labels):
            total[t, label] += weight
    return np.asarray(total / total.sum(axis=1, keepdims=True))


@pytest.mark.parametrize("seed", range(5))
def test_posteriors_are_the_sum_over_all_sequences(seed: int) -> None:
    """With three labels, uneven steps and priors that are not equal."""
    random = np.random.default_rng(seed)
    probabilities = random.dirichlet(np.ones(3), size=6)
    starts = np.cumsum(random.integers(1, 15, size=6))
    priors = random.dirichlet(np.ones(3))
    found = posteriors(probabilities, starts, priors=priors, duration=30.0, batch=4)
    assert np.allclose(found, by_enumeration(probabilities, starts, priors, 30.0), atol=1e-12)


def test_blocks_change_nothing_that_matters(monkeypatch: pytest.MonkeyPatch) -> None:
    """A long recording in blocks has the posteriors that it has at once."""
    random = np.random.default_rng(0)
    truth = np.repeat([0, 1] * 10, 100)
    second = np.where(truth == 1, 0.8, 0.2) + random.uniform(-0.2, 0.2, size=len(truth))
    probabilities = np.stack([1 - second, second], axis=1)
    starts = np.arange(len(truth), dtype=np.int64) * 5
    whole = posteriors(probabilities, starts)
    monkeypatch.setattr(smoothing, "_MIN_BLOCK", 1)
    blocks = posteriors(probabilities, starts)
    assert np.abs(blocks - whole).max() < 1e-3
    assert not np.array_equal(blocks, whole)  # there were blocks


def test_one_certain_window_decides_nothing() -> None:
    """Between windows of the other label; two windows do."""
    for wrong, label in ((1, 0), (3, 1)):
        second = np.full(41, 0.01)
        second[20 : 20 + wrong] = 0.9999
        found = posteriors(np.stack([1 - second, second], axis=1), np.arange(41, dtype=np.int64) * LENGTH)
        assert found[20].argmax() == label


def test_overlap_adds_no_evidence() -> None:
    """The same recording, once with windows side by side and once with ten times as many, is as certain."""
    found = []
    for stride in (1, LENGTH):
        starts = np.arange(0, 101, stride, dtype=np.int64)
        probabilities = np.tile([[0.6, 0.4]], (len(starts), 1))
        found.append(posteriors(probabilities, starts, duration=10_000.0)[-1, 0])
    assert found[0] == pytest.approx(found[1], abs=0.01)
