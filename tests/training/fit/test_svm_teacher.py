"""The teacher: SVMs and the probabilities they give the student."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.svm import SVC

from training.fit.svm_teacher import BLOCK_SIZE, PENALTY, WIDTH, fit_svm, soft_targets


def _clouds(classes: int, count: int = 60) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    random = np.random.default_rng(0)
    targets = np.arange(count) % classes
    return (random.normal(0, 1.2, (count, 5)) + 2 * targets[:, np.newaxis]).astype(np.float32), targets


def test_it_decides_as_scikit_learn_does() -> None:
    """The decision values are those of scikit-learn's SVM, also for more than one block of spectra."""
    x, targets = _clouds(2)
    svm = fit_svm(x, targets, classes=2)
    standard = (x - x.mean(axis=0)) / (x.std(axis=0) + 1e-6)
    theirs = SVC(C=PENALTY, gamma=WIDTH / 5).fit(standard, targets == 1)
    many = np.resize(x, (BLOCK_SIZE + 7, 5))
    wanted = np.resize(theirs.decision_function(standard), len(many))
    np.testing.assert_allclose(svm.decide(many)[:, 1], wanted, atol=1e-3)
    np.testing.assert_array_equal(svm.decide(many)[:, 0], -svm.decide(many)[:, 1])


@pytest.mark.parametrize("classes", [2, 4])
def test_targets_favour_the_true_class(classes: int) -> None:
    """Probabilities sum to 1, and nearly all series get their class."""
    x, targets = _clouds(classes)
    taught = soft_targets(fit_svm(x, targets, classes=classes).decide(x))
    assert taught.shape == (len(x), classes)
    np.testing.assert_allclose(taught.sum(axis=1), 1, atol=1e-6)
    assert (taught.argmax(axis=1) == targets).mean() > 0.85


def test_a_margin_is_the_logistic_function_of_twice_the_decision() -> None:
    """At a margin of an SVM for two classes the probability is 1 / (1 + exp(-2))."""
    taught = soft_targets(np.array([[-1.0, 1.0], [0.0, 0.0]], np.float32))
    np.testing.assert_allclose(taught[:, 1], [1 / (1 + np.exp(-2)), 0.5], rtol=1e-6)


def test_an_absent_class_gets_decision_minus_1() -> None:
    """A class without training series always gets the decision -1."""
    x, targets = _clouds(2)
    decided = fit_svm(x, targets, classes=3).decide(x)
    np.testing.assert_array_equal(decided[:, 2], -1)
    np.testing.assert_array_equal(fit_svm(x, np.zeros(60, np.int64), classes=2).decide(x)[:, 1], -1)


def test_no_spectra_give_no_decisions() -> None:
    """The share of a precision in a short epoch can be 0."""
    x, targets = _clouds(3)
    assert fit_svm(x, targets, classes=3).decide(x[:0]).shape == (0, 3)
