"""Answers to several requests from one engine call. It knows no queue.

Everything that is said of a series is computed here, once a batch: arithmetic on a batch costs a fraction of
the same on each of its requests. It is computed when the first answer is written, not on the engine's thread,
which has the next batch to run: there it would only wait for the interpreter's lock.
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
    """What is said of n series. All but the probabilities is None where the contract has no trust.

    Attributes:
        probabilities: `float32[n, classes]`, as the engine gave them: possibly not finite.
        label_sets: `bool[n, classes]`, which labels are in a series' set.
        ood_scores: `float32[n]`, from 0 (usual) to 1 (unlike the training data); NaN if the novelty is.
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
        """What is said of some of the series; the memory is shared."""
        if self.label_sets is None or self.ood_scores is None or self.warnings is None:
            return Predictions(self.probabilities[part])
        return Predictions(
            self.probabilities[part], self.label_sets[part], self.ood_scores[part], self.warnings[part]
        )


class Batch:
    """What is said of the series of several requests together.

    Args:
        say: gives what is said of the series of all requests, one's after the other's; called when asked.
        sizes: how many series each request has.

    Attributes:
        starts: where each request's series start, and where the last one's end: `[0, 1, 3]` for two requests.
    """

    __slots__ = ("_made", "_said", "_say", "starts")

    def __init__(self, say: Callable[[], Predictions], sizes: Sequence[int]) -> None:
        self._say = say
        self._said: Predictions | None = None
        self.starts = [0, *accumulate(sizes)]
        self._made: dict[Hashable, Any] = {}

    @property
    def predictions(self) -> Predictions:
        """What is said of all series."""
        if self._said is None:
            self._said = self._say()
        return self._said

    def once(self, make: Callable[[Batch], T]) -> T:
        """What `make` makes of the batch: made when the first request asks for it, and kept for the others.

        Whatever is made of one series costs a dozen calls of NumPy; made of a batch, hardly more.
        """
        made = self._made.get(make)
        if made is None:
            made = self._made[make] = make(self)
        return cast("T", made)


class BatchSlice(NamedTuple):
    """One request's part of a batch.

    Attributes:
        batch: whose part it is.
        rows: where its series are among the batch's.
    """

    batch: Batch
    rows: slice

    @property
    def predictions(self) -> Predictions:
        """What is said of its series; the memory is the batch's."""
        return self.batch.predictions.of(self.rows)


class Prediction(NamedTuple):
    """What a caller gets for its series.

    Attributes:
        batch_slice: its part of what is said of the whole batch.
        own: what is said of its series, where that is not what the batch says: with the warning
            `precision_lost`. None otherwise, and then encoders may share what they make of the batch.
        abstained: `bool[n]`, which series get no label; None where that was not asked for.
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
        """What is said of its series."""
        return self.batch_slice.predictions if self.own is None else self.own


class Postprocessor:
    """Says what an engine's answers mean by one contract.

    Attributes:
        columns: of an engine's answers.
    """

    def __init__(self, contract: Contract) -> None:
        self._classes = contract.classes
        self.columns = contract.columns
        self._assess = Assessor(contract.trust) if contract.trust else None

    def __call__(self, series: Series, answers: NDArray[np.float32]) -> Predictions:
        """What is said of series `float32[n, *SeriesSpec.shape]` with answers `float32[n, columns]`."""
        if self._assess is None:
            return Predictions(answers)
        assessment = self._assess(series, answers)
        return Predictions(
            answers[:, : self._classes], assessment.label_sets, assessment.ood_scores, assessment.warnings
        )


def predict_batch(engine: Engine, interpret: Postprocessor, requests: Sequence[Series]) -> list[BatchSlice]:
    """One engine call for several requests, on the engine's thread, and each one's part of what is said.

    Raises:
        EngineError: the answers have the wrong shape.
    """
    series = requests[0] if len(requests) == 1 else np.concatenate(requests)
    answers = engine.predict(series)
    if answers.shape != (expected := (len(series), interpret.columns)):
        raise EngineError(f"the engine answered {list(answers.shape)} instead of {list(expected)}")
    batch = Batch(partial(interpret, series, answers), [len(request) for request in requests])
    return [BatchSlice(batch, slice(start, end)) for start, end in pairwise(batch.starts)]


def check_finite(said: Predictions) -> None:
    """See whether all that is said is a number.

    Raises:
        EngineError: a probability is not finite, or an out-of-distribution score is none.
    """
    finite = np.isfinite(said.probabilities)
    if not finite.all():
        row, column = np.argwhere(~finite)[0].tolist()
        raise EngineError(f"the engine gave a probability that is not finite (series {row}, class {column})")
    if said.ood_scores is not None and not (known := np.isfinite(said.ood_scores)).all():
        raise EngineError(f"the engine gave a novelty that is not a number (series {int(known.argmin())})")


def with_precision_lost(said: Predictions, coarse: NDArray[np.bool_]) -> Predictions:
    """The same with the column of `app.inference.trust.PRECISION_LOST`, which comes last.

    Args:
        said: of n series.
        coarse: `bool[n]`, which of them get the warning.
    """
    before = np.empty((len(said), 0), np.bool_) if said.warnings is None else said.warnings
    return replace(said, warnings=np.column_stack([before, coarse]))
