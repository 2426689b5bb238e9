"""From answers on held-out series to trust."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.special import softmax

from training.evaluation.calibrate import conformal_threshold, fit_temperature, input_habits, measure_trust

RANDOM = np.random.default_rng(0)


def _answers(count: int = 4000, sharpness: float = 1.0) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Logits whose softmax is the truth, times a factor, and targets drawn from it."""
    logits = RANDOM.normal(0, 2, (count, 3))
    truth = softmax(logits.astype(np.float32), axis=1)
    targets = np.array([RANDOM.choice(3, p=row / row.sum()) for row in truth.astype(np.float64)])
    return (logits * sharpness).astype(np.float32), targets


@pytest.mark.parametrize("sharpness", [0.5, 1.0, 3.0])
def test_the_temperature_undoes_over_and_underconfidence(sharpness: float) -> None:
    """Logits that are too sharp, or too flat, by a factor are divided by that factor."""
    logits, targets = _answers(sharpness=sharpness)
    assert fit_temperature(logits, targets) == pytest.approx(sharpness, rel=0.1)


@given(st.integers(1, 300), st.sampled_from([0.9, 0.95, 0.99]))
def test_a_threshold_covers_its_level(count: int, level: float) -> None:
    """At least the level's share of held-out series has its true label in the set, with one to spare."""
    likelihood = np.linspace(0.01, 1, count)
    threshold = conformal_threshold(likelihood, level)
    covered = int((likelihood >= threshold).sum())
    assert covered >= level * (count + 1) - 1e-6 or threshold == 0.0
    assert threshold == 0.0 or covered - 1 < level * (count + 1) + 1


def test_sets_cover_new_series_at_every_level() -> None:
    """Thresholds from one half of the series cover the other half as they say, within two points."""
    logits, targets = _answers(8000)
    probabilities = softmax(logits, axis=1).astype(np.float32)
    novelty = RANDOM.normal(0, 0.1, 8000).astype(np.float32)
    views = [RANDOM.standard_normal((50, 64))]
    trust = measure_trust(probabilities[:4000], targets[:4000], novelty[:4000], views=views)
    likelihood = probabilities[4000:][np.arange(4000), targets[4000:]]
    known = novelty[4000:] <= trust.novelty.threshold
    for level, threshold in trust.label_sets.thresholds.items():
        covered = float(((likelihood >= threshold) & known).mean())
        assert covered == pytest.approx(float(level), abs=0.02)
    assert np.mean(known) == pytest.approx(0.995, abs=0.004)


def test_the_service_answers_at_a_level_above_the_accuracy() -> None:
    """So a set is empty for what is unlike the data, not for what is merely hard."""
    targets = np.arange(1000) % 2
    sure = np.where(np.arange(1000) < 960, 0.97, 0.2)  # right in 96 of 100
    probabilities = np.where(targets[:, np.newaxis] == [0, 1], sure[:, np.newaxis], 1 - sure[:, np.newaxis])
    trust = measure_trust(
        probabilities.astype(np.float32),
        targets,
        RANDOM.standard_normal(1000).astype(np.float32),
        views=[RANDOM.standard_normal((50, 64))],
    )
    assert trust.label_sets.level == 0.99


def test_quantiles_span_the_held_out_scores() -> None:
    """The reference quantiles go from the smallest score to the largest."""
    novelty = RANDOM.standard_normal(500).astype(np.float32)
    probabilities = np.full((500, 2), 0.5, np.float32)
    targets = np.zeros(500, np.int64)
    trust = measure_trust(probabilities, targets, novelty, views=[RANDOM.standard_normal((50, 64))])
    quantiles = trust.novelty.quantiles
    assert (quantiles[0], quantiles[-1]) == pytest.approx((novelty.min(), novelty.max()), abs=1e-5)
    assert quantiles[len(quantiles) // 2] == pytest.approx(np.median(novelty), abs=0.05)


def test_habits_leave_room_around_the_training_series() -> None:
    """Series as in training are never odd; a flat and a clipped one are."""
    series = RANDOM.standard_normal((50, 500))
    habits = input_habits([series, np.round(series, 2)])
    assert 100 < habits.fewest_distinct < min(len(set(row)) for row in np.round(series, 2).tolist())
    clipped = np.clip(series, -1, 1)
    assert habits.most_at_extreme < (clipped == 1).sum(axis=1).min()
    assert (
        habits.most_at_extreme
        > (np.round(series, 2) == np.round(series, 2).max(axis=1, keepdims=True)).sum(1).max()
    )
