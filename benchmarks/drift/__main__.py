"""Prints the tables of docs/drift.md."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app.contract import DriftReference, open_artifact
from app.telemetry.drift.bets import make_bets
from benchmarks.drift.detectors import WINDOW, Detector, KolmogorovSmirnov, Martingale, StabilityIndex
from benchmarks.drift.pools import Pool, Predicted, changes, stored
from benchmarks.drift.simulation import alarms, delays, drawn, resampled, shuffled
from training.report.tables import table

HEAD = ("", "the alarm", "KS test, 5 %, windows of 200", "PSI > 0.2, windows of 200")
# A stream of this many series is a server's life in the tables.
STREAM = 1_000_000


def main(arguments: Sequence[str] | None = None) -> int:
    """Print both tables."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.drift",
        description="How often the drift alarm is wrong on held-out series, and how soon it sees a change.",
    )
    parser.add_argument(
        "--artifact", type=Path, default=Path("model_artifacts/forda"), help="default: %(default)s"
    )
    parser.add_argument(
        "--rate", type=float, default=0.01, help="DRIFT_FALSE_ALARM_RATE (default: %(default)s)"
    )
    parser.add_argument(
        "--streams", type=int, default=100, help="streams for each figure (default: %(default)s)"
    )
    options = parser.parse_args(arguments)
    artifact = open_artifact(options.artifact)
    reference = artifact.contract.drift
    if reference is None:
        parser.error(f"{options.artifact}: sealed without a reference for drift; train and seal it again")
    predicted, series = Predicted(artifact), stored("FordA")
    pools = {"stored": predicted.pool(series), "rounded_2": predicted.pool(np.round(series, 2))}
    print(_false_alarms(reference, pools, rate=options.rate, streams=options.streams), flush=True)
    print()
    changed = {name: predicted.pool(each) for name, each in changes(series, stored("FordB")).items()}
    print(_delays(reference, pools, changed, rate=options.rate, streams=options.streams))
    return 0


def _false_alarms(reference: DriftReference, pools: dict[str, Pool], *, rate: float, streams: int) -> str:
    """The table of false alarms."""
    random = np.random.default_rng(1)
    given = _makers(reference, rate=rate)
    forms = {"as stored": pools["stored"], "rounded to 2 decimals": pools["rounded_2"]}
    mixed = {"mixed": pools["stored"].joined(pools["rounded_2"])}
    passes, rows = 5 * streams, []
    for title, pool in (forms | mixed).items():
        size = len(pool) // WINDOW * WINDOW
        counts = [
            sum(alarms(make(), shuffled(pool, random, block=WINDOW)) for _ in range(passes)) for make in given
        ]
        rows.append(
            [
                f"test series, {title}: {passes:,} passes of {size:,} in random order",
                *(_per_million(count, passes * size) for count in counts),
            ]
        )
    for title, pool in forms.items():
        counts, seen = [0, 0, 0], [0, 0, 0]
        for stream in range(streams):
            fresh = _makers(resampled(reference, list(pools.values()), random), rate=rate)
            # Windows alarm so often that a tenth of the streams says how often.
            for number, make in enumerate(fresh[: 3 if stream % 10 == 0 else 1]):
                detector = make()
                blocks = STREAM // detector.block
                counts[number] += alarms(detector, drawn(pool, random, block=detector.block, blocks=blocks))
                seen[number] += STREAM
        rows.append(
            [
                f"fresh resamples, {title}: {streams:,} references, each with a stream of {STREAM:,}",
                *map(_per_million, counts, seen),
            ]
        )
    return table(["false alarms per million predictions", *HEAD[1:]], rows)


def _delays(
    reference: DriftReference,
    pools: dict[str, Pool],
    changed: dict[str, Pool],
    *,
    rate: float,
    streams: int,
) -> str:
    """The table of delays.

    A long stream that is drawn from the test series alone is not distributed like the training data: before a
    late change, the reference is a sample of the same series, as in the table of false alarms.
    """
    sealed = _makers(reference, rate=rate)

    def make(number: int, unchanged: int, random: np.random.Generator) -> Detector:
        if not unchanged:
            return sealed[number]()
        return _makers(resampled(reference, list(pools.values()), random), rate=rate)[number]()

    repeats, rows = max(1, streams // 4), []
    for title, after in changed.items():
        for unchanged in (0, 100_000):
            found = [
                delays(
                    partial(make, number, unchanged),
                    pools["stored"],
                    after,
                    unchanged=unchanged,
                    repeats=repeats,
                    block=10,
                    seed=2,
                )
                for number in range(len(sealed))
            ]
            rows.append([title, f"{unchanged:,}", *map(_spread, found)])
    return table(["series until an alarm, median (90 %)", "unchanged series before", *HEAD[1:]], rows)


def _makers(reference: DriftReference, *, rate: float) -> list[Callable[[], Detector]]:
    """What makes each detector, in the order of the columns."""
    bets = make_bets(reference, miss_rate=rate / 2)
    return [
        lambda: Martingale(bets, rate=rate),
        lambda: KolmogorovSmirnov(reference),
        lambda: StabilityIndex(reference),
    ]


def _per_million(count: int, series: int) -> str:
    rate = 1e6 * count / series
    return f"{rate:,.0f}" if rate >= 10 or not rate else f"{rate:.2g}"


def _spread(found: NDArray[np.float64]) -> str:
    """The median and the 90 % quantile; the share that was never seen."""
    missed = float(np.mean(np.isinf(found)))
    if missed > 0.5:
        return f"not seen in {missed:.0%}"
    median, most = (float(np.quantile(found, share, method="higher")) for share in (0.5, 0.9))
    return f"{median:,.0f} ({'not seen' if np.isinf(most) else f'{most:,.0f}'})"


if __name__ == "__main__":
    raise SystemExit(main())
