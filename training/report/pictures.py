"""The report's plots, and the values that each is drawn from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from app.series.scores import Reliability, interval, reliability
from training.evaluation.accuracy import views
from training.evaluation.trust import novelty_groups
from training.evaluation.uniform_attention import attention_received
from training.model.outputs import outputs_of
from training.model.spectrum import ROUNDING_VARIANCE, arithmetic_slices, spectra_model, window_lengths
from training.report.plots import (
    Measured,
    WindowSpectra,
    plot_confusion,
    plot_learning,
    plot_novelty,
    plot_reliability,
    plot_robustness,
    plot_roc,
    plot_spectra,
)
from training.report.report import Report
from training.report.tables import PAIR

PRECISIONS = {
    "stored": "as\nstored",
    "six_digits": "6 digits",
    "float16": "float16",
    "rounded_3": "3\ndecimals",
    "rounded_2": "2\ndecimals",
    "rounded_1": "1\ndecimal",
}
# The smallest normal float32: the logarithm of smaller ones is not finite.
TINY = np.finfo(np.float32).tiny


def draw(report: Report, folder: Path) -> dict[str, str]:
    """Draw all plots of a report into a folder; returns caption to file name."""
    pictures = {
        "Learning curves, training and held-out series": "learning_curve.png",
        "Confusion matrix, test series as stored": "confusion_matrix.png",
        "ROC curves, test series": "roc.png",
        "Reliability diagrams, test series as stored": "reliability.png",
        "Accuracy under rounding and noise, test series": "robustness.png",
    }
    evaluation, labels = report.evaluation, report.dataset.labels
    _learning(report, folder / "learning_curve.png")
    plot_confusion(folder / "confusion_matrix.png", evaluation.confusion, labels)
    probabilities = {title: evaluation.outputs[view].probabilities for view, title in PAIR.items()}
    plot_roc(folder / "roc.png", probabilities, report.dataset.test_targets, labels)
    plot_reliability(folder / "reliability.png", reliabilities_of(report), least=1 / len(labels))
    _robustness(report, folder / "robustness.png")
    if report.config.model == "transformer" and report.config.tokens == "spectrum":
        rounding = 10 * np.log10(ROUNDING_VARIANCE)
        plot_spectra(folder / "spectra.png", spectra_of(report), labels, rounding=rounding)
        pictures["Spectra of the classes and attention on them, test series as stored"] = "spectra.png"
    if report.trust and report.trained.trust:
        own, related, others = novelty_groups(evaluation, report.trust, name=report.dataset.name)
        threshold = report.trained.trust.novelty.threshold
        plot_novelty(folder / "novelty.png", own, related, others, threshold=threshold)
        pictures["OOD score of test series and of other series"] = "novelty.png"
    return pictures


def spectra_of(report: Report) -> list[WindowSpectra]:
    """Mean spectra of the test series as stored, by window and class, and the attention on their tokens."""
    config, dataset = report.config, report.dataset
    series = views(dataset.test)["stored"][..., np.newaxis]
    spectra = np.asarray(outputs_of(spectra_model(config, dataset.length), series, batch_size=256))
    attention = attention_received(report.trained.model.get_layer("classifier"), spectra).mean(axis=0)
    attention *= len(attention)
    columns, first = [], 0
    for window, bins in zip(
        window_lengths(config, dataset.length), arithmetic_slices(config, dataset.length), strict=True
    ):
        powers = _decibels(spectra[:, bins], window)
        spacing = 0.5 / (powers.shape[1] - 1)
        starts = np.arange(0, powers.shape[1], config.patch)
        columns.append(
            WindowSpectra(
                window=window,
                frequencies=spacing * np.arange(powers.shape[1], dtype=np.float64),
                means=_means(powers, dataset.test_targets, classes=len(dataset.labels)),
                edges=spacing * (np.append(starts, powers.shape[1]) - 0.5),
                attention=attention[first : first + len(starts)],
            )
        )
        first += len(starts)
    return columns


def reliabilities_of(report: Report) -> dict[str, Reliability]:
    """Title to reliability on the test series as stored: before and after calibration, if there is any."""
    answers, targets = report.evaluation.probabilities, report.dataset.test_targets
    if report.trained.trust is None:
        return {"Not calibrated": reliability(answers, targets)}
    # log p times the temperature gives the logits of the graph, up to a constant for each series.
    logits = np.log(np.maximum(answers, TINY)) * np.float32(report.trained.temperature)
    before = softmax(logits.astype(np.float64), axis=1).astype(np.float32)
    return {
        "Before calibration": reliability(before, targets),
        f"Calibrated, temperature {report.trained.temperature:.2f}": reliability(answers, targets),
    }


def _learning(report: Report, path: Path) -> None:
    final, *folds = report.trained.states
    kept = None if folds else final.best_epoch
    plot_learning(path, final.history, [state.history for state in folds], kept=kept)


def _robustness(report: Report, path: Path) -> None:
    evaluation, count = report.evaluation, len(report.dataset.test)
    accuracies = evaluation.accuracies
    noise = {0.0: accuracies["stored"]} | evaluation.noise
    plot_robustness(
        path,
        {title: _measured(accuracies[view], count) for view, title in PRECISIONS.items()},
        {deviation: _measured(accuracy, count) for deviation, accuracy in noise.items()},
    )


def _measured(accuracy: float, count: int) -> Measured:
    return Measured(accuracy, *interval(accuracy, count))


def _decibels(log_power: NDArray[np.float32], window: int) -> NDArray[np.float64]:
    """Power relative to white noise of deviation 1, whose power is the sum of squares of a Hann window.

    The spectra are one-sided: all bins but the first and last include the power of the negative frequency.
    """
    expected = np.full(log_power.shape[1], 2 * 3 / 8 * window)
    expected[[0, -1]] /= 2
    return np.asarray(10 * (log_power / np.log(10) - np.log10(expected)))


def _means(powers: NDArray[np.float64], targets: NDArray[np.int64], *, classes: int) -> NDArray[np.float64]:
    """Mean of each class, `float64[classes, bins]`; NaN for a class without series."""
    empty = np.full(powers.shape[1], np.nan)
    return np.stack(
        [powers[targets == i].mean(axis=0) if np.any(targets == i) else empty for i in range(classes)]
    )
