"""What a model on spectra is fitted to."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from training.config import TrainingConfig
from training.fit.distillation import Distillation, PrecisionSpectra
from training.fit.svm_teacher import soft_targets

TARGETS = np.arange(40) % 2
RANDOM = np.random.default_rng(0)

Tiny = Callable[..., TrainingConfig]


def _spectra(copies: int, level: float) -> np.ndarray:
    return (RANDOM.normal(0, 0.3, (copies, 40, 6)) + level + TARGETS[:, np.newaxis]).astype(np.float32)


# The precisions lie far apart, so a spectrum shows which one it is from.
DOMAINS = (PrecisionSpectra(0.75, _spectra(2, 0.0)), PrecisionSpectra(0.25, _spectra(3, 100.0)))


def _distillation(config: TrainingConfig) -> Distillation:
    return Distillation(DOMAINS, TARGETS, classes=2, config=config)


def test_epochs_depend_on_their_number_and_the_seed_alone(tiny: Tiny) -> None:
    """The same epoch and seed give the same data; another epoch or seed gives other data."""
    first, again = (_distillation(tiny()).epoch(3) for _ in range(2))
    np.testing.assert_array_equal(first[0], again[0])
    np.testing.assert_array_equal(first[1], again[1])
    assert not np.array_equal(first[0], _distillation(tiny()).epoch(4)[0])
    assert not np.array_equal(first[0], _distillation(tiny(seed=2)).epoch(3)[0])


def test_precisions_have_their_shares(tiny: Tiny) -> None:
    """An epoch has the configured size and shares, and mixes only spectra of one precision."""
    spectra, wanted = _distillation(tiny(epoch_size=200)).epoch(0)
    assert spectra.shape == (200, 6)
    assert wanted.shape == (200, 2)
    levels = spectra.mean(axis=1)
    assert ((levels < 10) | (levels > 90)).all()
    assert (levels > 90).sum() == 50


def test_targets_are_the_decisions_of_the_teacher(tiny: Tiny) -> None:
    """The target probabilities of a spectrum are those of the SVM for its precision."""
    distillation = _distillation(tiny())
    spectra, wanted = distillation.epoch(0)
    for svm, of_precision in zip(distillation.svms, (spectra[:, 0] < 50, spectra[:, 0] > 50), strict=True):
        expected = soft_targets(svm.decide(spectra[of_precision]))
        np.testing.assert_allclose(wanted[of_precision], expected, atol=1e-4)


def test_without_a_teacher_labels_are_mixed_as_spectra_are(tiny: Tiny) -> None:
    """Targets are mixed labels; the first label has at least half, and all without mixing."""
    _, mixed = _distillation(tiny(teacher="none", mixing=1.0)).epoch(0)
    np.testing.assert_allclose(mixed.sum(axis=1), 1, atol=1e-6)
    assert (mixed.max(axis=1) >= 0.5).all()
    assert (mixed.max(axis=1) < 1).any()
    spectra, pure = _distillation(tiny(teacher="none", mixing=0.0)).epoch(0)
    assert set(pure.max(axis=1)) == {1.0}
    known = {row.tobytes() for precision in DOMAINS for row in precision.spectra.reshape(-1, 6)}
    assert all(row.tobytes() in known for row in spectra)


def test_a_subset_has_only_its_series(tiny: Tiny) -> None:
    """Training data of a subset contain none of the other series."""
    rows = np.array([1, 2, 3, 8])
    some = [precision.subset(rows) for precision in DOMAINS]
    spectra, _ = Distillation(some, TARGETS[rows], classes=2, config=tiny(mixing=0.0, teacher="none")).epoch(
        0
    )
    known = {row.tobytes() for precision in DOMAINS for row in precision.spectra[:, rows].reshape(-1, 6)}
    assert all(row.tobytes() in known for row in spectra)
    assert len(spectra) == pytest.approx(4)
