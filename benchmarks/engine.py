"""The engine alone, on one thread: the limit of every server, and the same after other work."""

from __future__ import annotations

from functools import partial

import numpy as np

from app.contract import Artifact
from app.inference.engines import load_engine
from benchmarks.timing import cold_seconds, seconds_per_call, spread

ROWS = (1, 2, 3, 4, 7, 8, 15, 16, 32, 64, 128, 256)


def table(artifact: Artifact, *, repeats: int) -> str:
    """Milliseconds per batch and series per second, for batches of several sizes."""
    engine = load_engine(artifact, max_rows=ROWS[-1])
    series = np.resize(artifact.golden.series, (ROWS[-1], artifact.contract.input.length))
    heads = "| series | ms a batch | series/s | ms a batch after other work |"
    rows = [f"### Engine: {engine.description}", "", heads, "|---|---|---|---|"]
    for size in ROWS:
        seconds = seconds_per_call(partial(engine.predict, series[:size]), repeats=repeats)
        cold = cold_seconds(partial(engine.predict, series[:size]), repeats=repeats)
        milliseconds, cold_milliseconds = ([1e3 * value for value in values] for values in (seconds, cold))
        rates = [size / value for value in seconds]
        rows.append(
            f"| {size} | {spread(milliseconds, '.3f')} | {spread(rates, ',.0f')} "
            f"| {spread(cold_milliseconds, '.3f')} |"
        )
    return "\n".join(rows)
