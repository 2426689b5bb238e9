"""The inputs of all fits of a run: the training series in every precision and their spectra, computed once.

A fit uses all of the series, or all but a fold. A model with spectrum tokens is fitted to spectra and the
teacher's probabilities; any other model is fitted to the series and their labels.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.svm import SVC

from training.config import TrainingConfig
from training.data.augment import LabelledSeries
from training.data.normalise import z_normalised
from training.data.precisions import make_precisions
from training.data.ucr import Dataset
from training.fit.distillation import Distillation, PrecisionSpectra
from training.fit.loop import EpochSource, Examples
from training.fit.svm_teacher import PENALTY, WIDTH
from training.model.novelty import Novelty, fit_novelty
from training.model.outputs import outputs_of
from training.model.sealed import build_reference
from training.model.spectrum import arithmetic_slices, bin_counts, spectra_model
from training.model.transformer import series_classifier, spectrum_classifier

Indices = NDArray[np.int64]
CHOICE_FOLDS, CHOICE_SERIES = 5, 1500


@dataclass(frozen=True, slots=True)
class FitTask:
    """One fit: an untrained model and its training data."""

    model: Any
    source: EpochSource


class FitInputs:
    """The training series of a data set, prepared for a configuration."""

    def __init__(self, dataset: Dataset, config: TrainingConfig) -> None:
        self.dataset = dataset
        self.config = config
        self.series = z_normalised(dataset.train)

    def spectra(self, series: NDArray[np.float64]) -> NDArray[np.float32]:
        """Spectra `float32[n, width]` of series `float64[n, length]`, as the sealed graph computes them."""
        inputs = series.astype(np.float32)[..., np.newaxis]
        return np.asarray(outputs_of(self._spectra_model, inputs))

    @cached_property
    def _spectra_model(self) -> Any:
        return spectra_model(self.config, self.dataset.length)

    @cached_property
    def precisions(self) -> list[PrecisionSpectra]:
        """Spectra of all training series in every precision."""
        return [
            PrecisionSpectra(precision.share, np.stack([self.spectra(copy) for copy in precision.copies]))
            for precision in make_precisions(self.series, self.config)
        ]

    def task(self, indices: Indices) -> FitTask:
        """A new model and its training data: the training series with these indices."""
        dataset, config = self.dataset, self.config
        length, classes, targets = dataset.length, len(dataset.labels), dataset.train_targets[indices]
        if config.model == "transformer" and config.tokens == "spectrum":
            precisions = [precision.subset(indices) for precision in self.precisions]
            seen = np.concatenate([np.concatenate(precision.spectra) for precision in precisions])
            model = spectrum_classifier(
                config, length=length, classes=classes, mean=seen.mean(axis=0), variance=seen.var(axis=0)
            )
            return FitTask(model, Distillation(precisions, targets, classes=classes, config=config))
        source = LabelledSeries(self.series[indices], np.eye(classes)[targets], config)
        if config.model == "transformer":
            return FitTask(series_classifier(config, length=length, classes=classes), source)
        return FitTask(build_reference(config, length=length, classes=classes), source)

    def parameters(self, model: Any) -> int:
        """Weights of the sealed model: those of `model`, the spectra and the novelty score."""
        bins = sum(bin_counts(self.config, self.dataset.length))
        return int(model.count_params() + self._spectra_model.count_params()) + bins * (bins + 1)

    def model_inputs(self, series: NDArray[np.float64]) -> NDArray[np.float32]:
        """Series `float64[n, length]` as inputs of the classifier: spectra, or `float32[n, length, 1]`."""
        if self.config.model == "transformer" and self.config.tokens == "spectrum":
            return self.spectra(series)
        return series.astype(np.float32)[..., np.newaxis]

    def validation_data(self, indices: Indices) -> Examples:
        """Inputs and one-hot targets: series as stored and, if training rounds series, also rounded."""
        targets = np.eye(len(self.dataset.labels), dtype=np.float32)[self.dataset.train_targets[indices]]
        views = expected_views(self.series[indices])[: 2 if self.config.rounding else 1]
        return np.concatenate([self.model_inputs(view) for view in views]), np.tile(targets, (len(views), 1))

    def novelty(self, indices: Indices) -> Novelty:
        """The novelty score, fitted to some of the training series in all precisions."""
        spectra = np.concatenate(
            [np.concatenate(precision.subset(indices).spectra) for precision in self.precisions]
        )
        return fit_novelty(self.arithmetic(spectra))

    def arithmetic(self, spectra: NDArray[np.float32]) -> NDArray[np.float32]:
        """The columns of spectra `float32[n, width]` that novelty uses, `float32[n, bins]`."""
        parts = arithmetic_slices(self.config, self.dataset.length)
        return np.concatenate([spectra[:, part] for part in parts], axis=1)


def expected_views(series: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """Series as clients are expected to send them: as stored, and rounded to 2 decimals."""
    return [series, np.round(series, 2)]


def assign_folds(targets: NDArray[np.int64], *, folds: int, seed: int) -> NDArray[np.int64]:
    """The fold of each series, `int64[n]` from 0; each class is spread evenly over the folds."""
    random = np.random.default_rng([seed, 0])
    fold, assigned = np.empty(len(targets), dtype=np.int64), 0
    for target in np.unique(targets):
        members = random.permutation(np.flatnonzero(targets == target))
        # The next class starts at the next fold, so that small classes are not all in fold 0.
        fold[members] = (assigned + np.arange(len(members))) % folds
        assigned += len(members)
    return fold


def choose_tokens(fit_inputs: FitInputs) -> tuple[str, dict[str, float]]:
    """Choose spectrum or time tokens by the cross-validated accuracy of an SVM on the training series.

    Returns:
        The choice, and the cross-validated accuracy of both, as fractions.
    """
    targets = fit_inputs.dataset.train_targets
    sample = np.random.default_rng([fit_inputs.config.seed, 2]).permutation(len(targets))[:CHOICE_SERIES]
    views: dict[str, NDArray[Any]] = {
        "spectrum": fit_inputs.spectra(fit_inputs.series[sample]),
        "time": fit_inputs.series[sample],
    }
    fold = assign_folds(targets[sample], folds=CHOICE_FOLDS, seed=fit_inputs.config.seed)
    scores = {name: _cross_validated_accuracy(view, targets[sample], fold) for name, view in views.items()}
    return max(scores, key=lambda name: scores[name]), scores


def _cross_validated_accuracy(
    inputs: NDArray[Any], targets: NDArray[np.int64], fold: NDArray[np.int64]
) -> float:
    x = (inputs - inputs.mean(axis=0)) / (inputs.std(axis=0) + 1e-6)
    correct = 0
    for held_out in np.unique(fold):
        train, test = fold != held_out, fold == held_out
        if len(np.unique(targets[train])) < 2:
            continue
        with warnings.catch_warnings():
            # scikit-learn warns that many classes with few series look like a regression.
            warnings.filterwarnings("ignore", "The number of unique classes")
            svm = SVC(C=PENALTY, gamma=WIDTH / x.shape[1]).fit(x[train], targets[train])
        correct += int(np.sum(svm.predict(x[test]) == targets[test]))
    return correct / len(targets)
