"""Parsing requests and encoding responses, without a server."""

from __future__ import annotations

import json
from functools import partial

import numpy as np

from app.api.payloads import Encoder, Encoders, JsonDecoder, NpyDecoder
from app.contract import Artifact
from app.inference.batching import BatchResult
from app.inference.prediction_builder import PredictionBuilder
from app.inference.predictions import Batch, BatchSlice, Postprocessor, Predictions
from app.series.spec import SeriesSpec
from app.telemetry.metrics import Metrics
from benchmarks.timing import seconds_per_call, spread
from qa.harness.messages import as_npy

SIZES = (1, 32, 256)


def table(artifact: Artifact, *, repeats: int) -> str:
    """Microseconds to decode JSON and npy bodies, postprocess a batch, and write and count a response."""
    length, columns = artifact.contract.input.length, artifact.contract.columns
    decode_json = JsonDecoder(SeriesSpec(length), max_instances=max(SIZES))
    decode_npy = NpyDecoder(SeriesSpec(length), max_instances=max(SIZES))
    postprocess = Postprocessor(artifact.contract)
    complete = PredictionBuilder(artifact.contract, Metrics().predictions)
    write = Encoders(artifact.contract).json
    rows = [
        "### Bodies",
        "",
        "| series | JSON, kB | decode JSON, µs | decode npy, µs | postprocess, µs | write JSON, µs |",
        "|---|---|---|---|---|---|",
    ]
    for size in SIZES:
        series = np.resize(artifact.golden.series, (size, length))
        answers = np.resize(artifact.golden.answers, (size, columns))
        predictions = postprocess(series, answers)
        text, binary = json_body(series), as_npy(series)
        costs = [
            seconds_per_call(partial(decode_json, text), repeats=repeats),
            seconds_per_call(partial(decode_npy, binary), repeats=repeats),
            seconds_per_call(partial(postprocess, series, answers), repeats=repeats),
            seconds_per_call(partial(_write_alone, complete, write, predictions), repeats=repeats),
        ]
        cells = " | ".join(spread([1e6 * value for value in cost], ",.0f") for cost in costs)
        rows.append(f"| {size} | {len(text) / 1000:.1f} | {cells} |")
    return "\n".join(rows)


def _write_alone(complete: PredictionBuilder, write: Encoder, predictions: Predictions) -> None:
    """Write the response to the only request of a batch."""
    part = BatchSlice(Batch(lambda: predictions, [len(predictions)]), slice(0, len(predictions)))
    write(complete(BatchResult(part, 0.0, 0.0, len(predictions))))


def json_body(series: np.ndarray) -> bytes:
    """A request as a client writes it, with six significant digits for each number."""
    return json.dumps({"instances": [[float(f"{v:.6g}") for v in row] for row in series]}).encode()
