"""`app.api.predict`: the steps of an answer, one by one."""

from __future__ import annotations

import asyncio
import re
import traceback

import numpy as np
import pytest
from starlette.types import Message, Receive, Scope

from app.api.headers import FirstValues
from app.api.payloads import NPY
from app.api.predict import Predict
from app.contract import Artifact
from app.errors import (
    AppError,
    ContractViolation,
    MalformedPayload,
    PayloadTooLarge,
    QueueFull,
    UnsupportedMediaType,
)
from app.inference.batching import Answer
from app.inference.predictions import Batch, Predictions, Share
from tests.app.conftest import MAX_ROWS, series
from tests.app.http.played import play, serving, until
from tests.app.http.wire import as_json, as_npy, post
from tests.fakes import FakeEngine


def scope_of(query: bytes = b"", /, **headers: str) -> Scope:
    """A request, as far as these steps look at it."""
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return {"type": "http", "headers": raw, "query_string": query}


def bringing(body: bytes) -> Receive:
    """A body that is all there."""
    parts = [body]

    async def receive() -> Message:
        if not parts:
            await asyncio.Event().wait()  # the caller waits for its answer
        return {"type": "http.request", "body": parts.pop(), "more_body": False}

    return receive


async def never() -> Message:
    """A body that nobody may ask for."""
    raise AssertionError("the body was asked for")


def test_the_deadline_is_the_callers_within_the_servers(plain_artifact: Artifact) -> None:
    """In seconds from the head's arrival."""

    async def scenario() -> None:
        async with serving(plain_artifact, FakeEngine(), request_timeout=10.0) as played:
            predict: Predict = played.state.direct.predict

            def seconds(**headers: str) -> float:
                return predict.read_head(FirstValues(scope_of(b"", **headers))).seconds

            assert seconds() == 10.0
            assert seconds(x_request_timeout="2.5") == 2.5
            assert seconds(x_request_timeout="60") == 10.0

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
        (b"abstain=true&abstain=true", {}, ContractViolation),
    ],
)
def test_a_head_that_asks_for_what_there_is_not_is_refused(
    plain_artifact: Artifact, query: bytes, headers: dict[str, str], error: type[AppError]
) -> None:
    """Before the body is asked for, and nothing is computed."""

    async def scenario() -> None:
        async with serving(plain_artifact, FakeEngine()) as played:
            predict: Predict = played.state.direct.predict
            with pytest.raises(error):
                await predict(scope_of(query, **headers), never)
            assert played.seen.events == []

    play(scenario())


def test_a_full_queue_refuses_before_the_head_is_read(plain_artifact: Artifact) -> None:
    """All who come meanwhile get the same error, and it does not grow with each of them."""

    async def scenario() -> None:
        async with serving(plain_artifact, FakeEngine()) as played:
            predict: Predict = played.state.direct.predict
            await played.held()
            played.connect().send(post(as_json(series(*[2.0] * MAX_ROWS))))
            refusals, frames = [], []
            for _ in range(3):
                with pytest.raises(QueueFull) as refused:
                    await predict(scope_of(content_type="text/csv"), never)
                refusals.append(refused.value)
                frames.append(len(traceback.extract_tb(refused.value.__traceback__)))
            assert refusals[0] is refusals[1] is refusals[2]
            assert frames[0] == frames[1] == frames[2]
            assert played.seen.of("refused") == [{"rows": 1, "reason": "full"}] * 3

    play(scenario())


def test_whoever_stops_waiting_leaves_the_queue(plain_artifact: Artifact) -> None:
    """A request of the framework's whose task is cancelled is not computed."""

    async def scenario() -> None:
        async with serving(plain_artifact, FakeEngine()) as played:
            predict: Predict = played.state.direct.predict
            await played.held()
            body = bringing(as_npy(series(2.0, 3.0)))
            task = asyncio.ensure_future(predict(scope_of(content_type=NPY), body))
            await until(lambda: played.service._batcher.queued_rows == 2)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert played.seen.of("left") == [{"rows": 2, "reason": "cancelled"}]

    play(scenario())


def test_an_answer_is_written_with_its_times(plain_artifact: Artifact) -> None:
    """In milliseconds, as Server-Timing has them."""

    async def scenario() -> None:
        async with serving(plain_artifact, FakeEngine()) as played:
            predict: Predict = played.state.direct.predict
            now = asyncio.get_running_loop().time()
            wish = predict.read_head(FirstValues(scope_of(accept=NPY)))
            asked = predict.ask(wish, as_json(series(1.0)), deadline=now + 10)
            await asked.entry.caller
            said = Predictions(np.array([[0.25, 0.75]], np.float32))
            answer = Answer(Share(Batch(lambda: said, [1]), 0), queued=0.0015, ran=0.25, batch_rows=7)
            content, media_type, timing = predict.write(asked, answer)
            assert (content, media_type) == (as_npy(said.probabilities), NPY)
            expected = r'parse;dur=\d+\.\d{3}, queue;dur=1\.500, infer;dur=250\.000, batch;desc="7 series"'
            assert re.fullmatch(expected, timing)

    play(scenario())
