"""What `evaluate` measures, from predictions and true labels."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.series.scores import Reliability, accuracy, interval, reliability
from app.series.timeline import OOD_THRESHOLD


@dataclass(frozen=True, slots=True)
class Share:
    """A fraction of series with its 95 % confidence interval (Wilson).

    Attributes:
        value: the fraction.
        low: start of the interval.
        high: end of the interval.
    """

    value: float
    low: float
    high: float

    @classmethod
    def of(cls, chosen: NDArray[np.bool_]) -> Share:
        """The share of chosen series, of at least one."""
        value = float(np.mean(chosen))
        return cls(value, *interval(value, len(chosen)))


@dataclass(frozen=True, slots=True)
class LabelSets:
    """What the label sets hold.

    Attributes:
        coverage: share of series whose true label is in their set.
        mean_size: labels of a set.
        empty: share of sets without a label.
        single: share of sets with one label.
        single_accuracy: share of those that are right; None if there are none.
    """

    coverage: Share
    mean_size: float
    empty: float
    single: float
    single_accuracy: Share | None


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """Figures of one evaluation.

    Attributes:
        series: number that was scored.
        skipped: rows that could not be scored, or whose label the model does not have.
        classes: of the model, in the order of `confusion`.
        accuracy: share of series whose most probable class is the true one.
        confusion: `int64[classes, classes]`: true labels as rows, predicted ones as columns.
        calibration: series grouped by confidence.
        label_sets: None if the model has none.
        unlike_training: share of series with an OOD score above 0.99; None if the model has no scores.
        model: name and version.
    """

    series: int
    skipped: int
    classes: tuple[str, ...]
    accuracy: Share
    confusion: NDArray[np.int64]
    calibration: Reliability
    label_sets: LabelSets | None
    unlike_training: Share | None
    model: str

    def document(self) -> dict[str, Any]:
        """As a JSON object."""
        bins = zip(
            self.calibration.confidence, self.calibration.accuracy, self.calibration.share, strict=True
        )
        return {
            "model": self.model,
            "series": self.series,
            "skipped": self.skipped,
            "accuracy": asdict(self.accuracy),
            "classes": list(self.classes),
            "confusion": self.confusion.tolist(),
            "expected_calibration_error": self.calibration.expected_error,
            "calibration": [
                {"confidence": float(one), "accuracy": float(two), "share": float(three)}
                for one, two, three in bins
            ],
            "label_sets": None if self.label_sets is None else asdict(self.label_sets),
            "unlike_training": None if self.unlike_training is None else asdict(self.unlike_training),
        }


def measure(
    probabilities: NDArray[np.floating],
    targets: NDArray[np.int64],
    *,
    classes: tuple[str, ...],
    label_sets: NDArray[np.bool_] | None,
    ood_scores: NDArray[np.floating] | None,
    skipped: int,
    model: str,
) -> Evaluation:
    """The figures.

    Args:
        probabilities: `float[n, classes]`, n of at least 1.
        targets: `int64[n]`, places of the true labels in `classes`.
        classes: labels of the model.
        label_sets: `bool[n, classes]`, or None.
        ood_scores: `float[n]`, or None.
        skipped: see `Evaluation`.
        model: name and version.
    """
    confusion = np.zeros((len(classes), len(classes)), np.int64)
    np.add.at(confusion, (targets, probabilities.argmax(axis=1)), 1)
    share = accuracy(probabilities, targets)
    return Evaluation(
        series=len(targets),
        skipped=skipped,
        classes=classes,
        accuracy=Share(share, *interval(share, len(targets))),
        confusion=confusion,
        calibration=reliability(probabilities, targets),
        label_sets=None if label_sets is None else _label_sets(label_sets, targets),
        unlike_training=None if ood_scores is None else Share.of(ood_scores > OOD_THRESHOLD),
        model=model,
    )


def _label_sets(sets: NDArray[np.bool_], targets: NDArray[np.int64]) -> LabelSets:
    sizes = sets.sum(axis=1)
    covered = sets[np.arange(len(targets)), targets]
    single = sizes == 1
    return LabelSets(
        coverage=Share.of(covered),
        mean_size=float(sizes.mean()),
        empty=float(np.mean(sizes == 0)),
        single=float(np.mean(single)),
        single_accuracy=Share.of(covered[single]) if single.any() else None,
    )
