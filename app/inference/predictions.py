"""Predictions for several requests from one engine call. It knows no queue.

Postprocessing runs once a batch: arithmetic on a batch costs a fraction of the same on each of its requests.
It runs when the first response is written, not on the engine's thread, which has the next batch to run and
would only wait for the interpreter's lock.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import accumulate, pairwise
from typing import Any, NamedTuple, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from app.contract import Contract
from app.errors import EngineError
from app.inference.engines import Engine
from app.inference.trust import Assessor

Series = NDArray[np.float32]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Predictions:
    """The model's predictions for n series. All but the probabilities are None if the contract has no trust.

    Attributes:
        probabilities: `float32[n, classes]`, as computed by the engine: possibly not finite.
        label_sets: `bool[n, classes]`, which labels are in a series' label set.
        ood_scores: `float32[n]`, from 0 (usual) to 1 (unlike the training data); NaN if the novelty is NaN.
        warnings: `bool[n, kinds]`, the columns in the order of `app.inference.trust.warning_kinds`.
    """

    probabilities: NDArray[np.float32]
    label_sets: NDArray[np.bool_] | None = None
    ood_scores: NDArray[np.float32] | None = None
    warnings: NDArray[np.bool_] | None = None

    def __len__(self) -> int:
        """The number of series."""
        return len(self.probabilities)

    def of(self, part: slice) -> Predictions:
        """The predictions for a slice of the series; shares memory."""
        if self.label_sets is None or self.ood_scores is None or self.warnings is None:
            return Predictions(self.probabilities[part])
        return Predictions(
            self.probabilities[part], self.label_sets[part], self.ood_scores[part], self.warnings[part]
        )


class Batch:
    """The predictions of a batch, computed when first needed.

    Args:
        compute: returns the predictions for the series of all requests, in order.
        sizes: number of series of each request.
        series: of all requests, in order; None where nothing needs them.

    Attributes:
        series: as given.
        starts: where each request's series start, and where the last one's end: `[0, 1, 3]` for two requests.
    """

    __slots__ = ("_cache", "_compute", "_predictions", "series", "starts")

    def __init__(
        self, compute: Callable[[], Predictions], sizes: Sequence[int], series: Series | None = None
    ) -> None:
        self._compute = compute
        self.series = series
        self._predictions: Predictions | None = None
        self.starts = [0, *accumulate(sizes)]
        self._cache: dict[Hashable, Any] = {}

    @property
    def predictions(self) -> Predictions:
        """The predictions for all series of the batch."""
        if self._predictions is None:
            self._predictions = self._compute()
        return self._predictions

    def once(self, make: Callable[[Batch], T]) -> T:
        """Return `make(self)`, computed for the first request that needs it and cached for the others.

        What takes a dozen NumPy calls takes hardly longer for a batch than for one series.
        """
        made = self._cache.get(make)
        if made is None:
            made = self._cache[make] = make(self)
        return cast("T", made)


class BatchSlice(NamedTuple):
    """One request's series in a batch.

    Attributes:
        batch: the batch.
        rows: the position of its series in the batch.
    """

    batch: Batch
    rows: slice

    @property
    def predictions(self) -> Predictions:
        """The predictions for its series; shares the batch's memory."""
        return self.batch.predictions.of(self.rows)


class Prediction(NamedTuple):
    """The result of one request.

    Attributes:
        batch_slice: its series in the batch.
        own: its predictions, if they differ from the batch's by the warning `precision_lost`. Otherwise None,
            and encoders may share what they compute for the batch.
        abstained: `bool[n]`, which series get no label; None if abstaining was not requested.
        queued: seconds from its admission to the start of its batch.
        ran: seconds that its batch ran.
        batch_rows: series in its batch, its own included.
    """

    batch_slice: BatchSlice
    own: Predictions | None
    abstained: NDArray[np.bool_] | None
    queued: float
    ran: float
    batch_rows: int

    @property
    def predictions(self) -> Predictions:
        """The predictions for its series."""
        return self.batch_slice.predictions if self.own is None else self.own


class Postprocessor:
    """Turns an engine's outputs into predictions by one contract.

    Attributes:
        columns: of an engine's outputs.
    """

    def __init__(self, contract: Contract) -> None:
        self._classes = contract.classes
        self.columns = contract.columns
        self._assess = Assessor(contract.trust) if contract.trust else None

    def __call__(self, series: Series, outputs: NDArray[np.float32]) -> Predictions:
        """Predictions for series `float32[n, *SeriesSpec.shape]` with outputs `float32[n, columns]`."""
        if self._assess is None:
            return Predictions(outputs)
        assessment = self._assess(series, outputs)
        return Predictions(
            outputs[:, : self._classes], assessment.label_sets, assessment.ood_scores, assessment.warnings
        )


def predict_batch(engine: Engine, postprocess: Postprocessor, requests: Sequence[Series]) -> list[BatchSlice]:
    """Compute several requests in one engine call, on the engine's thread; returns each one's slice.

    Raises:
        EngineError: the outputs have the wrong shape.
    """
    series = requests[0] if len(requests) == 1 else np.concatenate(requests)
    outputs = engine.predict(series)
    if outputs.shape != (expected := (len(series), postprocess.columns)):
        raise EngineError(f"the engine returned shape {list(outputs.shape)}; expected {list(expected)}")
    batch = Batch(partial(postprocess, series, outputs), [len(request) for request in requests], series)
    return [BatchSlice(batch, slice(start, end)) for start, end in pairwise(batch.starts)]


def check_finite(predictions: Predictions) -> None:
    """Check that all predictions are finite numbers.

    Raises:
        EngineError: a probability is not finite, or an out-of-distribution score is NaN.
    """
    finite = np.isfinite(predictions.probabilities)
    if not finite.all():
        row, column = np.argwhere(~finite)[0].tolist()
        raise EngineError(
            f"the engine returned a probability that is not finite (series {row}, class {column})"
        )
    scores = predictions.ood_scores
    if scores is not None and not (known := np.isfinite(scores)).all():
        raise EngineError(
            f"the engine returned a novelty that is not a number (series {int(known.argmin())})"
        )


def with_precision_lost(predictions: Predictions, coarse: NDArray[np.bool_]) -> Predictions:
    """Append the warnings column of `app.inference.trust.PRECISION_LOST`, which is the last one.

    Args:
        predictions: for n series.
        coarse: `bool[n]`, which of them get the warning.
    """
    before = predictions.warnings
    if before is None:
        before = np.empty((len(predictions), 0), np.bool_)
    return replace(predictions, warnings=np.column_stack([before, coarse]))
