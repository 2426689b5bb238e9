"""The teacher: support vector machines, and what they tell a student."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.svm import SVC

from training.fit.svm_teacher import PENALTY, ROWS_AT_ONCE, WIDTH, fit_machine, soft_targets


def _clouds(classes: int, count: int = 60) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    random = np.random.default_rng(0)
    targets = np.arange(count) % classes
    return (random.normal(0, 1.2, (count, 5)) + 2 * targets[:, np.newaxis]).astype(np.float32), targets


def test_it_decides_as_scikit_learn_does() -> None:
    """The decision values are those of the fitted machine, also past one block of rows."""
    x, targets = _clouds(2)
    machine = fit_machine(x, targets, classes=2)
    standard = (x - x.mean(axis=0)) / (x.std(axis=0) + 1e-6)
    theirs = SVC(C=PENALTY, gamma=WIDTH / 5).fit(standard, targets == 1)
    many = np.resize(x, (ROWS_AT_ONCE + 7, 5))
    wanted = np.resize(theirs.decision_function(standard), len(many))
    np.testing.assert_allclose(machine.decide(many)[:, 1], wanted, atol=1e-3)
    np.testing.assert_array_equal(machine.decide(many)[:, 0], -machine.decide(many)[:, 1])


@pytest.mark.parametrize("classes", [2, 4])
def test_it_teaches_the_class_of_what_it_was_fitted_to(classes: int) -> None:
    """Probabilities sum to 1, and nearly all series get their class."""
    x, targets = _clouds(classes)
    taught = soft_targets(fit_machine(x, targets, classes=classes).decide(x))
    assert taught.shape == (len(x), classes)
    np.testing.assert_allclose(taught.sum(axis=1), 1, atol=1e-6)
    assert (taught.argmax(axis=1) == targets).mean() > 0.85


def test_a_margin_is_the_logistic_function_of_twice_the_decision() -> None:
    """At a margin of a machine for two classes the probability is 1 / (1 + exp(-2))."""
    taught = soft_targets(np.array([[-1.0, 1.0], [0.0, 0.0]], np.float32))
    np.testing.assert_allclose(taught[:, 1], [1 / (1 + np.exp(-2)), 0.5], rtol=1e-6)


def test_a_class_without_series_is_never_taught() -> None:
    """A class that is missing from what it was fitted to gets the decision -1 for everything."""
    x, targets = _clouds(2)
    decided = fit_machine(x, targets, classes=3).decide(x)
    np.testing.assert_array_equal(decided[:, 2], -1)
    np.testing.assert_array_equal(fit_machine(x, np.zeros(60, np.int64), classes=2).decide(x)[:, 1], -1)


def test_no_rows_are_decided_as_no_rows() -> None:
    """Of a short epoch, the share of a precision may round to none."""
    x, targets = _clouds(3)
    assert fit_machine(x, targets, classes=3).decide(x[:0]).shape == (0, 3)
