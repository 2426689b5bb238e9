"""The drift of one version: sums since the start and over a sliding window, and the alarm."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.contract import Contract, DriftReference
from app.telemetry.drift.bets import STATISTICS, make_bets
from app.telemetry.drift.measuring import Measuring, Served
from app.telemetry.drift.storage import Storage, open_storage
from app.telemetry.drift.sums import SumsLayout, Vector
from app.telemetry.drift.wealth import Wealth, joint, threshold

log = logging.getLogger(__name__)

# The sliding window moves in steps of a part of its length.
BUCKETS = 60


@dataclass(frozen=True, slots=True)
class DriftOptions:
    """Settings of the monitor.

    Attributes:
        false_alarm_rate: probability of ever raising the alarm while nothing has changed.
        window_seconds: length of the sliding window.
        folder: shared by all workers; None with one process.
    """

    false_alarm_rate: float = 0.01
    window_seconds: float = 3600.0
    folder: Path | None = None


@dataclass(frozen=True, slots=True)
class DriftState:
    """What was counted, and what follows from it, at one moment.

    Attributes:
        started: seconds since 1970 of the start, the last reset or the swap to this version.
        since: sums since then.
        window: sums over the sliding window.
        window_seconds: that the window covers; it begins short.
        log_wealth: logarithm of the alarm's wealth, by statistic.
        alarm_at: seconds since 1970 at which the alarm was raised; None without alarm.
        alarm_series: number of series that were counted until then.
    """

    started: float
    since: Vector
    window: Vector
    window_seconds: float
    log_wealth: dict[str, float]
    alarm_at: float | None
    alarm_series: int

    @property
    def joint_log_wealth(self) -> float:
        """The logarithm that is compared with the alarm's threshold."""
        return joint(np.array(list(self.log_wealth.values())))


class _Numbers(NamedTuple):
    """Indices of the single numbers at the start of the stored state."""

    initialised: int = 0
    started: int = 1
    alarm_at: int = 2
    alarm_series: int = 3
    kept: int = 4
    series: int = 5
    bucket: int = 6
    first: int = 7


_AT = _Numbers()


class DriftMonitor:
    """Counts the series of one version and compares them with the contract's reference.

    Args:
        contract: of the version; it has a `drift_reference`.
        warnings: codes of the warnings, in the order of the columns.
        options: settings.
        key: names the version among the server's versions, in file names.
        clock: seconds that all processes of this machine count alike.
        wall_clock: seconds since 1970.

    Attributes:
        contract: as given.
        layout: of the sums.
        reference: of the contract.
        options: as given.
    """

    def __init__(
        self,
        contract: Contract,
        warnings: tuple[str, ...],
        options: DriftOptions,
        *,
        key: str = "only",
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        if contract.drift is None:
            raise ValueError("the contract has no drift_reference")
        self.contract = contract
        self.reference: DriftReference = contract.drift
        self.options = options
        self.layout = layout = SumsLayout(self.reference, warnings)
        self._measuring = Measuring(self.reference, layout)
        self._bets = make_bets(self.reference, miss_rate=options.false_alarm_rate / 2)
        self._clock, self._wall_clock = clock, wall_clock
        # Of the state: single numbers, sums at the start and at the last check, money that was placed, sums
        # at the start of each bucket.
        sizes = [len(_AT), layout.size, layout.size, self._bets.win.size, BUCKETS * layout.size]
        self._places = [slice(end - size, end) for size, end in zip(sizes, np.cumsum(sizes), strict=True)]
        self._storage: Storage = open_storage(
            options.folder, f"{contract.version}-{key}", sums=layout.size, state=sum(sizes)
        )
        with self._storage.locked(wait=True) as state:
            if state is not None and not state[_AT.initialised]:
                self._start(state)

    def add(self, served: Served, **left_out: int) -> None:
        """Count series that were predicted, and how many others were left out, by reasons of `LEFT_OUT`."""
        self._storage.own += self._measuring.sums(served, **left_out)

    def check(self) -> None:
        """Bring window and alarm up to date, unless another worker is doing that; log a new alarm."""
        with self._storage.locked(wait=False) as state:
            if state is not None:
                self._update(state)

    def reset(self) -> None:
        """Start again: no sums, no alarm."""
        with self._storage.locked(wait=True) as state:
            if state is not None:
                self._start(state)
        log.info("drift of version %d: counted from now on", self.contract.version)

    def state(self) -> DriftState:
        """The state of all workers, up to date."""
        with self._storage.locked(wait=True) as state:
            assert state is not None  # noqa: S101 - it has waited
            self._update(state)
            return self._read(state)

    def close(self) -> None:
        """Leave the sums to a worker that takes over."""
        self._storage.close()

    @property
    def threshold(self) -> float:
        """The logarithm of the wealth that raises the alarm."""
        return threshold(self.options.false_alarm_rate)

    def _start(self, state: NDArray[np.float64]) -> None:
        numbers, start, last, placed, buckets = (state[place] for place in self._places)
        total = self._storage.total()
        start[:], last[:] = total, total
        placed[:] = -math.inf
        buckets.reshape(BUCKETS, -1)[:] = total
        numbers[:] = 0.0
        numbers[_AT.kept] = 1.0
        numbers[_AT.bucket] = numbers[_AT.first] = self._bucket()
        numbers[_AT.started] = self._wall_clock()
        numbers[_AT.initialised] = 1.0

    def _update(self, state: NDArray[np.float64]) -> None:
        numbers, start, last, placed, buckets = (state[place] for place in self._places)
        total = self._storage.total()
        by_bucket = buckets.reshape(BUCKETS, -1)
        now = self._bucket()
        for bucket in range(max(int(numbers[_AT.bucket]) + 1, now - BUCKETS + 1), now + 1):
            by_bucket[bucket % BUCKETS] = last  # what came since the last check is in the new bucket
        self._bet(numbers, placed, total - last)
        last[:] = total
        numbers[_AT.bucket] = max(now, numbers[_AT.bucket])
        if not numbers[_AT.alarm_at] and self._log_wealth(numbers, placed)[0] >= self.threshold:
            numbers[_AT.alarm_at] = self._wall_clock()
            numbers[_AT.alarm_series] = self.layout.series(total - start)
            self._log_alarm(numbers, placed)

    def _bet(self, numbers: NDArray[np.float64], placed: NDArray[np.float64], sums: Vector) -> None:
        counts = sums[self.layout.cells]
        if not counts.any():
            return
        wealth = Wealth(
            placed.reshape(self._bets.win.shape), float(numbers[_AT.kept]), float(numbers[_AT.series])
        )
        wealth.add(self._bets, counts)
        placed[:] = wealth.placed.ravel()
        numbers[_AT.kept], numbers[_AT.series] = wealth.kept, wealth.series

    def _log_wealth(
        self, numbers: NDArray[np.float64], placed: NDArray[np.float64]
    ) -> tuple[float, dict[str, float]]:
        wealth = Wealth(placed.reshape(self._bets.win.shape), float(numbers[_AT.kept]))
        logarithms = wealth.logarithms(self._bets)
        return joint(logarithms), dict(zip(STATISTICS, logarithms.tolist(), strict=True))

    def _log_alarm(self, numbers: NDArray[np.float64], placed: NDArray[np.float64]) -> None:
        found = self._log_wealth(numbers, placed)[1]
        log.warning(
            "drift alarm: version %d gets series unlike its training data, after %d series (most evidence: "
            "%s); GET /drift has the figures",
            self.contract.version,
            int(numbers[_AT.alarm_series]),
            max(found, key=lambda name: found[name]),
        )

    def _read(self, state: NDArray[np.float64]) -> DriftState:
        numbers, start, last, placed, buckets = (state[place] for place in self._places)
        now = int(numbers[_AT.bucket])
        first = max(now - BUCKETS + 1, int(numbers[_AT.first]))
        alarm_at = float(numbers[_AT.alarm_at])
        return DriftState(
            started=float(numbers[_AT.started]),
            since=last - start,
            window=last - buckets.reshape(BUCKETS, -1)[first % BUCKETS],
            window_seconds=min(
                self._clock() - first * self._bucket_seconds, self._wall_clock() - float(numbers[_AT.started])
            ),
            log_wealth=self._log_wealth(numbers, placed)[1],
            alarm_at=alarm_at or None,
            alarm_series=int(numbers[_AT.alarm_series]),
        )

    @property
    def _bucket_seconds(self) -> float:
        return self.options.window_seconds / BUCKETS

    def _bucket(self) -> int:
        return int(self._clock() // self._bucket_seconds)
