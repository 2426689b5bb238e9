"""`app.api.predict`: the steps of a prediction, one by one."""

from __future__ import annotations

import asyncio
import re
import traceback

import numpy as np
import pytest
from starlette.types import Message, Receive

from app.api.dialects import Encoded
from app.api.dialects.native import Native
from app.api.headers import RequestHead
from app.api.payloads import NPY
from app.api.predict import PredictCall, Predictor
from app.contract import Artifact
from app.errors import (
    AppError,
    ContractViolation,
    MalformedPayload,
    PayloadTooLarge,
    QueueFull,
    UnsupportedMediaType,
)
from app.inference.batching import BatchResult
from app.inference.predictions import Batch, BatchSlice, Predictions
from qa.harness.messages import as_json, as_npy, post
from tests.app.conftest import MAX_ROWS, series
from tests.app.http.played import Played, play, serving
from tests.support.fakes import FakeEngine


def head_of(query: bytes = b"", /, **headers: str) -> RequestHead:
    """A request's head."""
    fields = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return RequestHead(fields, query)


def call_of(played: Played) -> PredictCall:
    """A prediction of the server's own protocol."""
    predictor: Predictor = played.state.fast_route.predictor
    return PredictCall(predictor, Native())


def test_the_deadline_is_the_clients_within_the_servers(plain_artifact: Artifact) -> None:
    """In seconds from the head's arrival."""

    async def scenario() -> None:
        async with serving(plain_artifact, FakeEngine(), request_timeout=10.0) as played:

            def deadline(**headers: str) -> float:
                call = call_of(played)
                call.read_head(head_of(b"", **headers), now=100.0)
                return call.deadline

            assert deadline() == 110.0
            assert deadline(x_request_timeout="2.5") == 102.5
            assert deadline(x_request_timeout="60") == 110.0

    play(scenario())


@pytest.mark.parametrize(
    ("query", "headers", "error"),
    [
        (b"", {"content_type": "text/csv"}, UnsupportedMediaType),
        (b"", {"content_type": "application/json; charset=utf-16"}, UnsupportedMediaType),
        (b"", {"content_length": "1e3"}, MalformedPayload),
        (b"", {"content_length": "100001"}, PayloadTooLarge),
        (b"", {"x_request_timeout": "0"}, ContractViolation),
        (b"abstain=perhaps", {}, ContractViolation),
        (b"abstain=perhaps", {"content_length": "100001"}, PayloadTooLarge),
        (b"", {"content_length": "100001", "content_type": "text/csv"}, UnsupportedMediaType),
        (b"abstain=true&abstain=true", {}, ContractViolation),
    ],
)
def test_a_head_with_unavailable_options_is_refused(
    plain_artifact: Artifact, query: bytes, headers: dict[str, str], error: type[AppError]
) -> None:
    """By its head alone, and nothing is computed."""

    async def scenario() -> None:
        async with serving(plain_artifact, FakeEngine()) as played:
            with pytest.raises(error):
                call_of(played).read_head(head_of(query, **headers), now=0.0)
            assert played.seen.events == []

    play(scenario())


def test_a_full_queue_refuses_before_the_head_is_read(plain_artifact: Artifact) -> None:
    """All who come meanwhile get the same error, and it does not grow with each of them."""

    async def scenario() -> None:
        async with serving(plain_artifact, FakeEngine()) as played:
            await played.held()
            played.connect().send(post(as_json(series(*[2.0] * MAX_ROWS))))
            refusals, frames = [], []
            for _ in range(3):
                answer = await played.connect().ask(post(b"{", [("Content-Type", "a/b")], target="/predict?"))
                assert answer.status == 429
                refusal = call_of(played).refusal()
                assert isinstance(refusal, QueueFull)
                refusals.append(refusal)
                frames.append(len(traceback.extract_tb(refusal.__traceback__)))
            assert refusals[0] is refusals[1] is refusals[2]
            assert frames[0] == frames[1] == frames[2]
            assert played.seen.of("refused") == [{"rows": 1, "reason": "full"}] * 6

    play(scenario())


def test_a_cancelled_request_leaves_the_queue(plain_artifact: Artifact) -> None:
    """A request of the framework's whose task is cancelled is not computed."""
    body = as_npy(series(2.0, 3.0))
    parts = [body]

    async def receive() -> Message:
        if not parts:
            await asyncio.Event().wait()  # the client waits for its answer
        return {"type": "http.request", "body": parts.pop(), "more_body": False}

    async def send(message: Message) -> None:
        raise AssertionError(f"answered: {message}")

    async def scenario() -> None:
        async with serving(plain_artifact, FakeEngine()) as played:
            await played.held()
            scope = {
                "type": "http",
                "method": "POST",
                "path": "/predict",
                "query_string": b"",
                "headers": [(b"content-type", NPY.encode())],
            }
            incoming: Receive = receive
            task = asyncio.ensure_future(played.app(scope, incoming, send))
            await played.queued(2)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert played.seen.of("dropped") == [{"rows": 2, "reason": "cancelled"}]

    play(scenario())


def test_an_answer_is_written_with_its_times(plain_artifact: Artifact) -> None:
    """In milliseconds, as Server-Timing has them."""

    async def scenario() -> None:
        async with serving(plain_artifact, FakeEngine()) as played:
            call = call_of(played)
            call.read_head(head_of(accept=NPY), now=asyncio.get_running_loop().time())
            await call.submit(as_json(series(1.0)))
            said = Predictions(np.array([[0.25, 0.75]], np.float32))
            part = BatchSlice(Batch(lambda: said, [1]), slice(0, 1))
            encoded: Encoded = call.encode(BatchResult(part, queued=0.0015, ran=0.25, batch_rows=7))
            headers = dict(encoded.headers)
            assert (encoded.content, headers[b"content-type"]) == (as_npy(said.probabilities), NPY.encode())
            expected = r'parse;dur=\d+\.\d{3}, queue;dur=1\.500, infer;dur=250\.000, batch;desc="7 series"'
            assert re.fullmatch(expected, headers[b"server-timing"].decode())

    play(scenario())
