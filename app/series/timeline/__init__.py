"""The label timeline of a recording, from the predictions of its windows.

`TimelineBuilder` takes batches of windows' probabilities and makes a `Timeline`: segments, change points with
intervals, and stretches unlike the training data. `app.series.timeline.plot` draws it.
"""

from app.series.timeline.builder import DURATION_WINDOWS, OOD_THRESHOLD, TimelineBuilder
from app.series.timeline.document import ChangePoint, Curve, Segment, Timeline, UnusualStretch

__all__ = [
    "DURATION_WINDOWS",
    "OOD_THRESHOLD",
    "ChangePoint",
    "Curve",
    "Segment",
    "Timeline",
    "TimelineBuilder",
    "UnusualStretch",
]
