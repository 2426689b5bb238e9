"""Reading requests and writing answers, without a server."""

from __future__ import annotations

import io
import json
from functools import partial

import numpy as np

from app.contract import Artifact
from app.payloads import JsonDecoder, NpyDecoder, PredictionEncoder
from benchmarks.timing import seconds_per_call, spread

SIZES = (1, 32, 256)


def table(artifact: Artifact, *, repeats: int) -> str:
    """Microseconds to decode a JSON and an npy body, and to encode a JSON answer."""
    length = artifact.contract.input.length
    labels = [label.name for label in artifact.contract.labels]
    decode_json = JsonDecoder(length=length, max_instances=max(SIZES))
    decode_npy = NpyDecoder(length=length, max_instances=max(SIZES))
    encode = PredictionEncoder(model=artifact.contract.name, version=artifact.contract.version, labels=labels)
    rows = [
        "### Bodies",
        "",
        "| series | JSON, kB | decode JSON, µs | decode npy, µs | encode JSON, µs |",
        "|---|---|---|---|---|",
    ]
    for size in SIZES:
        series = np.resize(artifact.golden.series, (size, length))
        probabilities = np.resize(artifact.golden.probabilities, (size, len(labels)))
        text, binary = json_body(series), npy_body(series)
        costs = [
            seconds_per_call(partial(decode_json, text), repeats=repeats),
            seconds_per_call(partial(decode_npy, binary), repeats=repeats),
            seconds_per_call(partial(encode, probabilities), repeats=repeats),
        ]
        cells = " | ".join(spread([1e6 * value for value in cost], ",.0f") for cost in costs)
        rows.append(f"| {size} | {len(text) / 1000:.1f} | {cells} |")
    return "\n".join(rows)


def json_body(series: np.ndarray) -> bytes:
    """A request as a client writes it: six significant digits a number."""
    return json.dumps({"instances": [[float(f"{v:.6g}") for v in row] for row in series]}).encode()


def npy_body(series: np.ndarray) -> bytes:
    """The same series as `numpy.save` writes them."""
    file = io.BytesIO()
    np.save(file, series)
    return file.getvalue()
