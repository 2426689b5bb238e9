"""Where a request's time goes: each part alone, all of it together, and what no server could do without."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from functools import partial

import numpy as np
from starlette.types import Receive, Scope, Send

from app.api.payloads import Encoders, JsonDecoder
from app.contract import Artifact
from app.errors import AppError
from app.http.connection import Connection
from app.http.message import RequestCycle
from app.inference.batching import BatchResult
from app.inference.engines import load_engine
from app.inference.prediction_builder import PredictionBuilder
from app.inference.predictions import Batch, BatchSlice, Postprocessor
from app.main import create_app
from app.series.spec import SeriesSpec
from app.settings import Settings
from app.telemetry.metrics import Metrics
from benchmarks.bodies import json_body
from benchmarks.played import cpu_seconds
from benchmarks.timing import seconds_per_call, spread
from qa.harness.messages import post

# Connections, and the batches that form: of 32, half wait while the other half is computed.
LOADS = ((1, 1), (32, 16))
# As long as the response for one series.
_ANSWER = b"HTTP/1.1 200 OK\r\n%b}" % (b" " * 400)


def table(artifact: Artifact, *, repeats: int) -> str:
    """Microseconds of CPU time for each request of one JSON series, alone and in batches."""
    columns = [_column(artifact, connections, rows, repeats) for connections, rows in LOADS]
    heads = " | ".join(f"{connections} connection(s), batches of {rows}" for connections, rows in LOADS)
    lines = [
        "### Breakdown of a request of one JSON series, µs of CPU time without the kernel's",
        "",
        f"| part | {heads} |",
        f"|---|{'---|' * len(LOADS)}",
        *(f"| {part} | {' | '.join(column[part] for column in columns)} |" for part in columns[0]),
    ]
    return "\n".join(lines)


def _column(artifact: Artifact, connections: int, rows: int, repeats: int) -> dict[str, str]:
    series = np.resize(artifact.golden.series, (rows, artifact.contract.input.length))
    body = json_body(series[:1])
    request = post(body, [("Content-Type", "application/json")])
    play = partial(cpu_seconds, request=request, connections=connections, repeats=repeats)
    parts = {"HTTP: uvicorn's parser and connection": play(_no_app, protocol=_Parsing)}
    for part, (call, requests) in _calls(artifact, series, body).items():
        parts[part] = [seconds / requests for seconds in seconds_per_call(call, repeats=repeats)]
    copy = [seconds / rows for seconds in seconds_per_call(series.copy, repeats=repeats)]
    least = [sum(times) for times in zip(parts["read the JSON"], copy, parts["engine"], strict=True)]
    whole = play(create_app(Settings(artifact=artifact.folder, engine="openvino", log_level="error")))
    rest = statistics.median(whole) - sum(statistics.median(times) for times in parts.values())
    return {
        **{part: _microseconds(times) for part, times in parts.items()},
        "the rest: queue, threads, headers, counting": f"{1e6 * rest:,.0f}",
        "**total**": _microseconds(whole),
        "**minimum: read the JSON, copy, engine**": _microseconds(least),
    }


def _calls(
    artifact: Artifact, series: np.ndarray, body: bytes
) -> dict[str, tuple[Callable[[], object], int]]:
    """The call of each part, and the number of requests that it serves."""
    rows, contract = len(series), artifact.contract
    engine, postprocess = load_engine(artifact, choice="openvino", max_rows=rows), Postprocessor(contract)
    answers = engine.predict(series)
    predictions, write = postprocess(series, answers), Encoders(contract).json
    complete = PredictionBuilder(contract, Metrics().predictions)

    def write_batch() -> None:
        batch = Batch(lambda: predictions, [1] * rows)
        for number in range(rows):
            part = BatchSlice(batch, slice(number, number + 1))
            write(complete(BatchResult(part, 0.0, 0.0, rows)))

    return {
        "read the JSON": (partial(JsonDecoder(SeriesSpec(series.shape[1]), max_instances=1), body), 1),
        "engine": (partial(engine.predict, series), rows),
        "postprocess the batch": (partial(postprocess, series, answers), rows),
        "write and count the responses": (write_batch, rows),
    }


class _Unread:
    """A request whose body is discarded; it gets a response when the body is complete."""

    keep_alive = True
    is_last = is_full = keeps_body = waiting_for_100_continue = False

    def __init__(self, answer: Callable[[], None]) -> None:
        self.response_complete = False
        self._answer = answer

    def feed(self, part: bytes) -> None:
        """Discard it."""

    def held_bytes(self, arrived: int) -> int:
        """All that arrived."""
        return arrived

    def start_body_timeout(self) -> None:
        """Do nothing: the body arrives in one piece."""

    def complete(self) -> None:
        """Respond."""
        self.response_complete = True
        self._answer()

    def on_half_close(self) -> None:
        """Do nothing: there is nothing to cancel."""

    def fail(self, error: AppError) -> None:
        """Do nothing: the body is below every limit."""

    def abort(self) -> bool:
        """No response was sent."""
        return True

    def on_disconnect(self) -> None:
        """Do nothing: the response was sent."""


class _Parsing(Connection):
    """A connection that parses requests and responds without the app."""

    def start_request(self) -> RequestCycle:
        """Wait for the body."""
        self._request = _Unread(self._answer)
        return self._request

    def _answer(self) -> None:
        self.transport.write_now(_ANSWER)  # type: ignore[attr-defined]
        self.on_response_complete()


async def _no_app(_scope: Scope, _receive: Receive, _send: Send) -> None: ...


def _microseconds(seconds: list[float]) -> str:
    return spread([1e6 * value for value in seconds], ",.0f")
