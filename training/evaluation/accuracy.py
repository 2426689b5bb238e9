"""What a trained model is worth: the test set as stored, and as a client may send it.

Rounded and noisy copies stand beside the stored series because a data set's classes may differ in how
finely they were stored, and a model that has learnt that fails in use.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import confusion_matrix

from app.series.offset import narrow
from app.series.scores import accuracy, expected_calibration_error
from training.data.ucr import Dataset
from training.data.units import z_units
from training.evaluation.rounding_leak import Leak, measure_leak

# Standard deviations of added noise, in those of the series; the first is the one that tables show.
NOISE = 0.05
NOISES = (0.01, 0.02, NOISE, 0.1, 0.2, 0.5)
NOISE_SEED = 0
# The views that differ from the stored series in precision alone, within what a careful client sends.
PRECISIONS = ("six_digits", "float16", "rounded_3", "rounded_2")


class Answers(NamedTuple):
    """A model's outputs.

    Attributes:
        probabilities: `float32[n, classes]`.
        novelty: `float32[n]`; None where the model has no such output.
    """

    probabilities: NDArray[np.float32]
    novelty: NDArray[np.float32] | None


Predict = Callable[[NDArray[np.float32]], Answers]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A model's results on the test series.

    Attributes:
        accuracies: name of a view of the test set (see `views`) to accuracy.
        noise: standard deviation of added noise to accuracy.
        calibration_error: name of a view to the expected calibration error (15 bins), as a fraction.
        loss: mean cross-entropy as stored, in nats.
        confusion: `int64[classes, classes]`, rows are true classes, as stored.
        answers: name of a view to the model's outputs.
        leak: for two classes; None where there are more.
    """

    accuracies: dict[str, float]
    noise: dict[float, float]
    calibration_error: dict[str, float]
    loss: float
    confusion: NDArray[np.int64]
    answers: dict[str, Answers]
    leak: Leak | None

    @property
    def probabilities(self) -> NDArray[np.float32]:
        """Of the test series as stored."""
        return self.answers["stored"].probabilities

    @property
    def spread(self) -> float:
        """The largest change of accuracy between the stored series and those of another precision."""
        stored = self.accuracies["stored"]
        return max(abs(self.accuracies[view] - stored) for view in PRECISIONS)


def evaluate(predict: Predict, dataset: Dataset) -> Evaluation:
    """Evaluate on all views of the test set.

    Args:
        predict: answers series `float32[n, length]`.
        dataset: its test series are evaluated; its training series only set the leak's threshold.
    """
    targets = dataset.test_targets
    answers = {name: predict(series) for name, series in views(dataset.test).items()}
    stored = answers["stored"].probabilities
    likelihood = np.maximum(stored[np.arange(len(targets)), targets], np.finfo(np.float32).tiny)
    return Evaluation(
        accuracies={name: accuracy(answer.probabilities, targets) for name, answer in answers.items()},
        noise={
            deviation: accuracy(predict(with_noise(dataset.test, deviation)).probabilities, targets)
            for deviation in NOISES
        },
        calibration_error={
            name: expected_calibration_error(answer.probabilities, targets)
            for name, answer in answers.items()
        },
        loss=float(-np.log(likelihood).mean()),
        confusion=confusion_matrix(targets, stored.argmax(axis=1), labels=range(len(dataset.labels))),
        answers=answers,
        leak=measure_leak(dataset) if len(dataset.labels) == 2 else None,
    )


def views(series: NDArray[np.float64]) -> dict[str, NDArray[np.float32]]:
    """The series as stored, in the precisions that clients send, and with noise; all `float32[n, length]`."""
    units = z_units(series)
    return {
        "stored": narrow(series).series,
        "six_digits": narrow(six_digits(series)).series,
        "float16": units.astype(np.float16).astype(np.float32),
        "rounded_3": np.round(units, 3).astype(np.float32),
        "rounded_2": np.round(units, 2).astype(np.float32),
        "rounded_1": np.round(units, 1).astype(np.float32),
        "noise": with_noise(series, NOISE),
    }


def with_noise(series: NDArray[np.float64], deviation: float) -> NDArray[np.float32]:
    """The series with the same white noise each time, of a standard deviation in theirs."""
    units = z_units(series)
    noise = np.random.default_rng(NOISE_SEED).normal(0, deviation, units.shape)
    return (units + noise).astype(np.float32)


def six_digits(series: NDArray[np.float64]) -> NDArray[np.float64]:
    """The series to 6 significant digits, as `printf` writes them by default."""
    magnitude = np.floor(np.log10(np.where(series == 0, 1.0, np.abs(series))))
    scale = 10.0 ** (5 - magnitude)
    return np.round(series * scale) / scale
