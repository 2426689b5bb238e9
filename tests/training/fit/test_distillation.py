"""What a model on spectra is fitted to."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from training.config import TrainingConfig
from training.fit.distillation import Distillation, SpectralDomain
from training.fit.svm_teacher import soft_targets

TARGETS = np.arange(40) % 2
RANDOM = np.random.default_rng(0)

Tiny = Callable[..., TrainingConfig]


def _spectra(copies: int, level: float) -> np.ndarray:
    return (RANDOM.normal(0, 0.3, (copies, 40, 6)) + level + TARGETS[:, np.newaxis]).astype(np.float32)


# The domains lie far apart, so a lesson shows which one it is from.
DOMAINS = (SpectralDomain(0.75, _spectra(2, 0.0)), SpectralDomain(0.25, _spectra(3, 100.0)))


def _lessons(config: TrainingConfig) -> Distillation:
    return Distillation(DOMAINS, TARGETS, classes=2, config=config)


def test_lessons_depend_on_their_number_and_the_seed_alone(tiny: Tiny) -> None:
    """The same epoch of the same seed is the same again; another epoch or seed is not."""
    first, again = (_lessons(tiny()).epoch(3) for _ in range(2))
    np.testing.assert_array_equal(first[0], again[0])
    np.testing.assert_array_equal(first[1], again[1])
    assert not np.array_equal(first[0], _lessons(tiny()).epoch(4)[0])
    assert not np.array_equal(first[0], _lessons(tiny(seed=2)).epoch(3)[0])


def test_domains_have_their_shares(tiny: Tiny) -> None:
    """An epoch has as many lessons as configured, of each domain its share, and none across two."""
    spectra, wanted = _lessons(tiny(epoch_size=200)).epoch(0)
    assert spectra.shape == (200, 6)
    assert wanted.shape == (200, 2)
    levels = spectra.mean(axis=1)
    assert ((levels < 10) | (levels > 90)).all()
    assert (levels > 90).sum() == 50


def test_the_teacher_says_what_its_machine_decides(tiny: Tiny) -> None:
    """A lesson's probabilities are those of its own domain's machine."""
    lessons = _lessons(tiny())
    spectra, wanted = lessons.epoch(0)
    for machine, of_domain in zip(lessons.machines, (spectra[:, 0] < 50, spectra[:, 0] > 50), strict=True):
        expected = soft_targets(machine.decide(spectra[of_domain]))
        np.testing.assert_allclose(wanted[of_domain], expected, atol=1e-4)


def test_without_a_teacher_labels_are_mixed_as_spectra_are(tiny: Tiny) -> None:
    """Labels teach: the first one has at least half, all of it where nothing is mixed."""
    _, mixed = _lessons(tiny(teacher="none", mixing=1.0)).epoch(0)
    np.testing.assert_allclose(mixed.sum(axis=1), 1, atol=1e-6)
    assert (mixed.max(axis=1) >= 0.5).all()
    assert (mixed.max(axis=1) < 1).any()
    spectra, pure = _lessons(tiny(teacher="none", mixing=0.0)).epoch(0)
    assert set(pure.max(axis=1)) == {1.0}
    known = {row.tobytes() for domain in DOMAINS for row in domain.spectra.reshape(-1, 6)}
    assert all(row.tobytes() in known for row in spectra)


def test_some_of_the_series_alone(tiny: Tiny) -> None:
    """Training data of some rows hold nothing of the others."""
    rows = np.array([1, 2, 3, 8])
    some = [domain.rows(rows) for domain in DOMAINS]
    spectra, _ = Distillation(some, TARGETS[rows], classes=2, config=tiny(mixing=0.0, teacher="none")).epoch(
        0
    )
    known = {row.tobytes() for domain in DOMAINS for row in domain.spectra[:, rows].reshape(-1, 6)}
    assert all(row.tobytes() in known for row in spectra)
    assert len(spectra) == pytest.approx(4)
