"""What fits are made from: the training series in every domain and their spectra, computed once.

A fit is to some of the series: all of them, or all but a fold. What it is given follows from what the model's
tokens are: spectra with a teacher's answers, or the series themselves with their labels.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.svm import SVC

from training.config import TrainingConfig
from training.data.augment import LabelledSeries
from training.data.precisions import make_domains
from training.data.ucr import Dataset
from training.data.units import z_units
from training.fit.distillation import Distillation, SpectralDomain
from training.fit.loop import EpochSource, Pair
from training.fit.svm_teacher import PENALTY, WIDTH
from training.model.novelty import Novelty, fit_novelty
from training.model.outputs import outputs_of
from training.model.sealed import build_reference
from training.model.spectrum import arithmetic_slices, bin_counts, spectra_model
from training.model.transformer import series_classifier, spectrum_classifier

Rows = NDArray[np.int64]
CHOOSING_FOLDS, CHOOSING_ROWS = 5, 1500


@dataclass(frozen=True, slots=True)
class Task:
    """One fit: an untrained model, and what to fit it to."""

    model: Any
    course: EpochSource


class FitInputs:
    """The training series of a data set, as a configuration wants them."""

    def __init__(self, dataset: Dataset, config: TrainingConfig) -> None:
        self.dataset = dataset
        self.config = config
        self.series = z_units(dataset.train)

    @cached_property
    def spectra_of(self) -> Callable[[NDArray[np.float64]], NDArray[np.float32]]:
        """From series `float64[n, length]` to spectra `float32[n, width]`, as the sealed graph has them."""

        def compute(series: NDArray[np.float64]) -> NDArray[np.float32]:
            inputs = series.astype(np.float32)[..., np.newaxis]
            return np.asarray(outputs_of(self._spectra_model, inputs))

        return compute

    @cached_property
    def _spectra_model(self) -> Any:
        return spectra_model(self.config, self.dataset.length)

    @cached_property
    def domains(self) -> list[SpectralDomain]:
        """Spectra of all training series in every domain."""
        return [
            SpectralDomain(domain.share, np.stack([self.spectra_of(copy) for copy in domain.copies]))
            for domain in make_domains(self.series, self.config)
        ]

    def task(self, rows: Rows) -> Task:
        """What it takes to fit a model to some of the training series."""
        dataset, config = self.dataset, self.config
        length, classes, targets = dataset.length, len(dataset.labels), dataset.train_targets[rows]
        if config.model == "transformer" and config.tokens == "spectrum":
            domains = [domain.rows(rows) for domain in self.domains]
            seen = np.concatenate([np.concatenate(domain.spectra) for domain in domains])
            model = spectrum_classifier(
                config, length=length, classes=classes, mean=seen.mean(axis=0), variance=seen.var(axis=0)
            )
            return Task(model, Distillation(domains, targets, classes=classes, config=config))
        course = LabelledSeries(self.series[rows], np.eye(classes)[targets], config)
        if config.model == "transformer":
            return Task(series_classifier(config, length=length, classes=classes), course)
        return Task(build_reference(config, length=length, classes=classes), course)

    def parameters(self, model: Any) -> int:
        """Weights of the sealed model around a task's: spectra and the measure of novelty have some, too."""
        bins = sum(bin_counts(self.config, self.dataset.length))
        return int(model.count_params() + self._spectra_model.count_params()) + bins * (bins + 1)

    def inputs(self, series: NDArray[np.float64]) -> NDArray[np.float32]:
        """What a task's model takes for series `float64[n, length]`."""
        if self.config.model == "transformer" and self.config.tokens == "spectrum":
            return self.spectra_of(series)
        return series.astype(np.float32)[..., np.newaxis]

    def held_out(self, rows: Rows) -> Pair:
        """Inputs and one-hot targets to validate on: series as stored and, where that counts, rounded."""
        wanted = np.eye(len(self.dataset.labels), dtype=np.float32)[self.dataset.train_targets[rows]]
        views = known_views(self.series[rows])[: 2 if self.config.rounding else 1]
        return np.concatenate([self.inputs(view) for view in views]), np.tile(wanted, (len(views), 1))

    def novelty(self, rows: Rows) -> Novelty:
        """The distance from some of the training series, in all domains."""
        known = np.concatenate([np.concatenate(domain.rows(rows).spectra) for domain in self.domains])
        return fit_novelty(self.arithmetic(known))

    def arithmetic(self, spectra: NDArray[np.float32]) -> NDArray[np.float32]:
        """The part of spectra `float32[n, width]` that novelty is measured on, `float32[n, bins]`."""
        parts = arithmetic_slices(self.config, self.dataset.length)
        return np.concatenate([spectra[:, part] for part in parts], axis=1)


def known_views(series: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """How series are expected to come, and what trust is measured on: as stored, and to 2 decimals."""
    return [series, np.round(series, 2)]


def fold_of(targets: NDArray[np.int64], *, folds: int, seed: int) -> NDArray[np.int64]:
    """The fold of each series, `int64[n]` from 0: every class is dealt out evenly, however small."""
    random = np.random.default_rng([seed, 0])
    fold, dealt = np.empty(len(targets), dtype=np.int64), 0
    for target in np.unique(targets):
        members = random.permutation(np.flatnonzero(targets == target))
        # The next class goes on where this one ended, so that small classes do not all fall into fold 0.
        fold[members] = (dealt + np.arange(len(members))) % folds
        dealt += len(members)
    return fold


def choose_tokens(material: FitInputs) -> tuple[str, dict[str, float]]:
    """Spectra or time, by what a support vector machine makes of each on folds of the training series.

    Returns:
        The choice, and the cross-validated accuracy of both, as fractions.
    """
    targets = material.dataset.train_targets
    some = np.random.default_rng([material.config.seed, 2]).permutation(len(targets))[:CHOOSING_ROWS]
    views: dict[str, NDArray[Any]] = {
        "spectrum": material.spectra_of(material.series[some]),
        "time": material.series[some],
    }
    fold = fold_of(targets[some], folds=CHOOSING_FOLDS, seed=material.config.seed)
    scores = {name: _cross_validated(view, targets[some], fold) for name, view in views.items()}
    return max(scores, key=lambda name: scores[name]), scores


def _cross_validated(inputs: NDArray[Any], targets: NDArray[np.int64], fold: NDArray[np.int64]) -> float:
    x = (inputs - inputs.mean(axis=0)) / (inputs.std(axis=0) + 1e-6)
    right = 0
    for held_out in np.unique(fold):
        fitted, asked = fold != held_out, fold == held_out
        if len(np.unique(targets[fitted])) < 2:
            continue
        with warnings.catch_warnings():
            # Where there are many classes of few series, scikit-learn wonders whether they are numbers.
            warnings.filterwarnings("ignore", "The number of unique classes")
            machine = SVC(C=PENALTY, gamma=WIDTH / x.shape[1]).fit(x[fitted], targets[fitted])
        right += int(np.sum(machine.predict(x[asked]) == targets[asked]))
    return right / len(targets)
