"""What a timeline says. Positions are in time steps from the start of the recording."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Segment:
    """Consecutive time steps with one label.

    Attributes:
        start: of its first step.
        end: after its last step.
        label: the most probable one.
        probability: mean posterior probability of the label over the segment's windows.
        windows: number of windows with this label.
    """

    start: int
    end: int
    label: str
    probability: float
    windows: int


@dataclass(frozen=True, slots=True)
class ChangePoint:
    """A change of the label, and the 95 % interval of where it is.

    Attributes:
        position: best estimate of the first step with the new label.
        low: start of the interval.
        high: end of the interval.
        before: the label before.
        after: the label after.
    """

    position: int
    low: int
    high: int
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class UnusualStretch:
    """Windows that are unlike the training data, and overlap or adjoin each other.

    Attributes:
        start: of the first window.
        end: after the last window.
        max_ood_score: the highest out-of-distribution score.
        windows: number of windows.
    """

    start: int
    end: int
    max_ood_score: float
    windows: int


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """The posterior probabilities over time at a bounded number of points, for a plot.

    Attributes:
        positions: `float64[m]`, the mean centre of the windows of each point.
        probabilities: `float64[m, labels]`, their mean posterior probability of each label.
    """

    positions: NDArray[np.float64]
    probabilities: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Timeline:
    """The timeline of one recording.

    Attributes:
        labels: of the model, in the order of the probabilities.
        length: steps of a window.
        windows: number of windows.
        start: the first step that is in a window.
        end: after the last step that is in a window.
        ood_threshold: windows with a higher score are unusual; None if the model has no scores.
        segments: from `start` to `end`, without gaps.
        changes: between each two segments.
        unusual: stretches, in order.
        curve: for a plot; not in the JSON.
    """

    labels: tuple[str, ...]
    length: int
    windows: int
    start: int
    end: int
    ood_threshold: float | None
    segments: tuple[Segment, ...]
    changes: tuple[ChangePoint, ...]
    unusual: tuple[UnusualStretch, ...]
    curve: Curve = field(repr=False, compare=False)

    def to_json(self) -> str:
        """A JSON object with the names of these attributes, on one line."""
        document = asdict(self)
        del document["curve"]
        return json.dumps(document, ensure_ascii=False, allow_nan=False)
