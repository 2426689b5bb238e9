"""How far to trust each answer: its label set, how unlike the training data its series is, and warnings.

Arithmetic on whole batches, from what the contract says. It knows no engine, no HTTP and no metrics, and is
not needed where a contract has no trust. It runs beside every engine call, so it sorts each series once and
reads all that it needs of its values off the sorted ones: 15 µs for one series, 1 µs a series in a batch.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.contract import Trust, ValueThresholds
from app.series.spec import by_channel

# The columns of `Assessment.warnings`.
_FLAT, _CLIPPED, _FEW, _UNLIKE = range(4)
_KINDS = 4


@dataclass(frozen=True, slots=True)
class WarningKind:
    """One thing that can be odd about a series: a name for machines, what was seen, and what to do."""

    code: str
    message: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Assessment:
    """What is said of the answers to n series.

    Attributes:
        label_sets: `bool[n, classes]`, which labels are in a series' set.
        ood_scores: `float32[n]`, the novelty's rank among the contract's quantiles, from 0 to 1.
        warnings: `bool[n, kinds]`, the columns in the order of `warning_kinds`.
    """

    label_sets: NDArray[np.bool_]
    ood_scores: NDArray[np.float32]
    warnings: NDArray[np.bool_]


class Assessor:
    """Judges batches by one contract's trust."""

    def __init__(self, trust: Trust) -> None:
        self._least_probability = trust.label_sets.threshold
        self._most_novelty = trust.novelty.threshold
        self._quantiles = np.array(trust.novelty.quantiles)
        self._ranks = np.linspace(0.0, 1.0, len(self._quantiles))
        self._habits = trust.habits

    def __call__(self, series: NDArray[np.float32], answers: NDArray[np.float32]) -> Assessment:
        """Judge a batch; each row by itself.

        Args:
            series: `float32[n, *SeriesSpec.shape]`, finite. Of several channels each is looked at by itself,
                and what is odd about one of them is odd about the series.
            answers: `float32[n, columns]` of an engine: the probabilities of the classes, then the novelty.
        """
        novelty = answers[:, -1]
        # Of a novelty that is not a number nothing is known, so the comparison must fail for it.
        known = novelty <= self._most_novelty
        channels = by_channel(series)
        warnings = np.empty((len(channels), _KINDS), np.bool_)
        _check_values(channels, self._habits, warnings)
        if series.ndim == 3:
            warnings = np.logical_or.reduce(warnings.reshape(len(series), -1, _KINDS), axis=1)
        np.logical_not(known, out=warnings[:, _UNLIKE])
        return Assessment(
            label_sets=(answers[:, :-1] >= self._least_probability) & known[:, np.newaxis],
            ood_scores=np.interp(novelty, self._quantiles, self._ranks).astype(np.float32),
            warnings=warnings,
        )


PRECISION_LOST = WarningKind(
    "precision_lost",
    "The series' offset is large for the precision that it was sent with: its values lie on steps that are "
    "wide against its standard deviation.",
    "Send the values as float64, or as JSON with all their digits; or measure from a smaller offset.",
)


def warning_kinds(trust: Trust | None, channels: int = 1) -> tuple[WarningKind, ...]:
    """Every kind of warning: in the order of `Assessment.warnings`, then what is seen when a body is read."""
    return (*(_of_trust(trust.habits, channels) if trust else ()), PRECISION_LOST)


def _of_trust(habits: ValueThresholds, channels: int) -> tuple[WarningKind, ...]:
    """The kinds of `Assessment.warnings`, in the words of one contract."""
    it, its = ("the series", "the series'") if channels == 1 else ("a channel", "a channel's")
    return (
        WarningKind(
            "flat",
            f"All values of {it} are equal.",
            "Check that the sensor is connected and recording: a constant holds nothing to classify.",
        ),
        WarningKind(
            "clipped",
            f"More than {habits.most_at_extreme} values equal {its} largest or its smallest value, "
            "as if the signal had been cut off there.",
            "Check the sensor's range and gain, and record again without reaching its limits.",
        ),
        WarningKind(
            "few_distinct_values",
            f"{it.capitalize()} has fewer than {habits.fewest_distinct} different values, "
            "as if it had been rounded or digitised coarsely.",
            "Send the values as they were measured, with all their digits.",
        ),
        WarningKind(
            "unlike_training_data",
            "The series is unlike anything that the model was trained on: its label set is empty, "
            "and its label and probabilities mean little.",
            "Check that it comes from the right source, at the right sampling rate; if it does, "
            "decide by other means.",
        ),
    )


def _check_values(series: NDArray[np.float32], habits: ValueThresholds, warnings: NDArray[np.bool_]) -> None:
    """Fill in the columns of `flat`, `clipped` and `few_distinct_values`."""
    ascending = np.sort(series, axis=1)
    smallest, largest = ascending[:, 0], ascending[:, -1]
    flat = np.equal(smallest, largest, out=warnings[:, _FLAT])
    most = habits.most_at_extreme
    if most < series.shape[1]:
        # Of ascending values more than `most` equal the first if and only if the one `most` places on does.
        clipped = (ascending[:, most] == smallest) | (ascending[:, -1 - most] == largest)
        np.greater(clipped, flat, out=warnings[:, _CLIPPED])
    else:
        warnings[:, _CLIPPED] = False
    steps = ascending[:, 1:] != ascending[:, :-1]
    # Bytes added up in 16 bits where they fit: three times as fast as in 64.
    total = np.uint16 if series.shape[1] <= np.iinfo(np.uint16).max else np.intp
    changes = steps.view(np.uint8).sum(axis=1, dtype=total)
    np.greater(changes + 1 < habits.fewest_distinct, flat, out=warnings[:, _FEW])
