"""The engine alone, on one thread: what no server in front of it can beat."""

from __future__ import annotations

from functools import partial

import numpy as np

from app.contract import Artifact
from app.engines import load_engine
from benchmarks.timing import seconds_per_call, spread

ROWS = (1, 2, 3, 4, 7, 8, 15, 16, 32, 64, 128, 256)


def table(artifact: Artifact, *, repeats: int) -> str:
    """Milliseconds a batch and series a second, for batches of many sizes."""
    engine = load_engine(artifact, max_rows=ROWS[-1])
    series = np.resize(artifact.golden.series, (ROWS[-1], artifact.contract.input.length))
    rows = [f"### Engine: {engine.description}", "", "| series | ms a batch | series/s |", "|---|---|---|"]
    for size in ROWS:
        seconds = seconds_per_call(partial(engine.predict, series[:size]), repeats=repeats)
        milliseconds = [1e3 * value for value in seconds]
        rows.append(
            f"| {size} | {spread(milliseconds, '.3f')} | {spread([size / s for s in seconds], ',.0f')} |"
        )
    return "\n".join(rows)
