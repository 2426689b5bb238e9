"""`app.inference.drift_counter`: which series of requests are counted."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from app.contract import Artifact
from app.inference import drift_counter
from app.inference.drift_counter import MAX_SERIES, DriftCounter
from app.inference.predictions import BatchSlice, Postprocessor, predict_batch
from app.series.windows import without_overlap
from app.telemetry.drift.monitor import DriftMonitor, DriftOptions
from tests.support.drift import WARNINGS, usual_series, with_reference
from tests.support.fakes import FakeEngine
from tests.support.trusted import LENGTH, answers


class Counted:
    """A counter, its monitor, and batches that they get."""

    def __init__(self, artifact: Artifact) -> None:
        contract = with_reference(artifact.contract)
        self.monitor = DriftMonitor(contract, WARNINGS, DriftOptions())
        self.counter = DriftCounter(self.monitor)
        self._postprocess = Postprocessor(contract)

    def batch(self, *requests: NDArray[np.float32]) -> list[BatchSlice]:
        """The slices of a batch of these requests."""
        return predict_batch(FakeEngine(answers), self._postprocess, requests)

    def totals(self) -> tuple[int, list[float]]:
        """Series that were counted, and that were left out: overlapping, repeated, surplus."""
        self.counter.flush()
        sums, layout = self.monitor.state().since, self.monitor.layout
        return layout.series(sums), layout.part(sums, "left_out").tolist()


@pytest.fixture
def counted(trusted_artifact: Artifact) -> Counted:
    """A new one."""
    return Counted(trusted_artifact)


def test_all_series_of_all_requests_are_counted(counted: Counted) -> None:
    """Requests of one series and of many, of several batches."""
    series = usual_series(11, 1)
    for starts in ((0, 1, 2, 3), (3, 8), (8, 10, 11)):
        for part in counted.batch(*(series[start:end] for start, end in pairwise(starts))):
            counted.counter.add(part, None)
    assert counted.totals() == (11, [0, 0, 0])


def test_a_request_without_a_prediction_is_not_counted(counted: Counted) -> None:
    """Its client has disconnected, say; the others of its batch are."""
    parts = counted.batch(usual_series(1, 1), usual_series(1, 2), usual_series(1, 3))
    counted.counter.add(parts[0], None)
    counted.counter.add(parts[2], None)
    assert counted.totals() == (2, [0, 0, 0])


def test_windows_count_without_their_overlap(counted: Counted) -> None:
    """Those of a stream as it says, those of a request by their values."""
    recording = np.random.default_rng(1).standard_normal(400).astype(np.float32)
    cut = np.ascontiguousarray(np.lib.stride_tricks.sliding_window_view(recording, LENGTH)[::4][:40])
    stream, request = counted.batch(cut[:9] * 3, cut)
    counted.counter.add(stream, without_overlap(9, length=LENGTH, stride=4, first=3))
    counted.counter.add(request, None)
    # Windows 3 to 11 have the numbers 3, 7 and 11; of 40, each fourth counts.
    assert counted.totals() == (3 + 10, [6 + 30, 0, 0])


def test_a_repeated_series_counts_once_and_a_constant_one_each_time(counted: Counted) -> None:
    """In one flush and in later ones."""
    for _ in range(2):
        for series in (usual_series(1, 9), np.full((1, LENGTH), 2, np.float32)):
            for part in counted.batch(series, series):
                counted.counter.add(part, None)
        counted.counter.flush()
    assert counted.totals() == (1 + 4, [0, 3, 0])


def test_what_is_counted_in_a_period_has_a_limit(counted: Counted) -> None:
    """However many there are; the rest is told."""
    for seed, size in enumerate((60, 10, 1)):
        [part] = counted.batch(usual_series(size, seed))
        counted.counter.add(part, None)
    assert counted.totals() == (MAX_SERIES, [0, 0, 71 - MAX_SERIES])
    [part] = counted.batch(usual_series(200, 9))
    counted.counter.add(part, None)
    assert counted.totals() == (2 * MAX_SERIES, [0, 0, 71 + 200 - 2 * MAX_SERIES])


def test_the_event_loop_counts_what_waits(counted: Counted, monkeypatch: pytest.MonkeyPatch) -> None:
    """Within 0.1 s, without another request."""
    monkeypatch.setattr(drift_counter, "PERIOD_SECONDS", 0.001)

    async def serve() -> None:
        [part] = counted.batch(usual_series(3, 1))
        counted.counter.add(part, None)
        while not counted.monitor.layout.series(counted.monitor.state().since):
            await asyncio.sleep(0.001)

    asyncio.run(asyncio.wait_for(serve(), 30))
