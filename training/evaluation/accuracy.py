"""Accuracy and calibration of a trained model on the test set, as stored and as clients may send it.

Rounded and noisy copies are evaluated too: the classes of a data set may have been stored with different
precision, and a model that has learnt this fails in use.
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
from training.data.normalise import z_normalised
from training.data.ucr import Dataset
from training.evaluation.rounding_leak import RoundingLeak, measure_rounding_leak

# Standard deviations of added noise, relative to that of the series; tables show `NOISE`.
NOISE = 0.05
NOISE_LEVELS = (0.01, 0.02, NOISE, 0.1, 0.2, 0.5)
NOISE_SEED = 0
# The views that differ from the stored series only in precision, by no more than a careful client rounds.
PRECISIONS = ("six_digits", "float16", "rounded_3", "rounded_2")


class ModelOutputs(NamedTuple):
    """A model's outputs.

    Attributes:
        probabilities: `float32[n, classes]`.
        novelty: `float32[n]`; None where the model has no such output.
    """

    probabilities: NDArray[np.float32]
    novelty: NDArray[np.float32] | None


Predict = Callable[[NDArray[np.float32]], ModelOutputs]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A model's results on the test series.

    Attributes:
        accuracies: name of a view of the test set (see `views`) to accuracy.
        noise: standard deviation of added noise to accuracy.
        calibration_error: name of a view to the expected calibration error (15 bins), as a fraction.
        loss: mean cross-entropy as stored, in nats.
        confusion: `int64[classes, classes]`, rows are true classes, as stored.
        outputs: name of a view to the model's outputs.
        rounding_leak: for two classes; None where there are more.
    """

    accuracies: dict[str, float]
    noise: dict[float, float]
    calibration_error: dict[str, float]
    loss: float
    confusion: NDArray[np.int64]
    outputs: dict[str, ModelOutputs]
    rounding_leak: RoundingLeak | None

    @property
    def probabilities(self) -> NDArray[np.float32]:
        """Probabilities `float32[n, classes]` of the test series as stored."""
        return self.outputs["stored"].probabilities

    @property
    def spread(self) -> float:
        """The largest change of accuracy between the stored series and those of another precision."""
        stored = self.accuracies["stored"]
        return max(abs(self.accuracies[view] - stored) for view in PRECISIONS)


def evaluate(predict: Predict, dataset: Dataset) -> Evaluation:
    """Evaluate on all views of the test set.

    Args:
        predict: computes outputs of series `float32[n, length]`.
        dataset: its test series are evaluated; its training series set the threshold of the rounding leak.
    """
    targets = dataset.test_targets
    outputs = {name: predict(series) for name, series in views(dataset.test).items()}
    stored = outputs["stored"].probabilities
    likelihood = np.maximum(stored[np.arange(len(targets)), targets], np.finfo(np.float32).tiny)
    return Evaluation(
        accuracies={name: accuracy(output.probabilities, targets) for name, output in outputs.items()},
        noise={
            deviation: accuracy(predict(with_noise(dataset.test, deviation)).probabilities, targets)
            for deviation in NOISE_LEVELS
        },
        calibration_error={
            name: expected_calibration_error(output.probabilities, targets)
            for name, output in outputs.items()
        },
        loss=float(-np.log(likelihood).mean()),
        confusion=confusion_matrix(targets, stored.argmax(axis=1), labels=range(len(dataset.labels))),
        outputs=outputs,
        rounding_leak=measure_rounding_leak(dataset) if len(dataset.labels) == 2 else None,
    )


def views(series: NDArray[np.float64]) -> dict[str, NDArray[np.float32]]:
    """The series as stored, in the precisions that clients send, and with noise; all `float32[n, length]`."""
    units = z_normalised(series)
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
    """Add white noise with `deviation` times the standard deviation of each series; always the same noise."""
    units = z_normalised(series)
    noise = np.random.default_rng(NOISE_SEED).normal(0, deviation, units.shape)
    return (units + noise).astype(np.float32)


def six_digits(series: NDArray[np.float64]) -> NDArray[np.float64]:
    """Round to 6 significant digits, the default of `printf`."""
    magnitude = np.floor(np.log10(np.where(series == 0, 1.0, np.abs(series))))
    scale = 10.0 ** (5 - magnitude)
    return np.round(series * scale) / scale
