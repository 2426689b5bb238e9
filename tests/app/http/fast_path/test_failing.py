"""`app.http.fast_path`: what goes wrong behind it, and who is told what of it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from app.api.dialects.native import Native
from app.contract import Artifact
from qa.harness.messages import as_json, post
from tests.app.conftest import series
from tests.app.http.fast_path.compared import told
from tests.app.http.played import A_REQUEST, play, serving, until
from tests.support.fakes import FakeEngine


class Faulty(Native):
    """The server's own protocol, of which one step has a bug."""

    step = "none"

    def options(self, *arguments: Any, **named: Any) -> Any:
        """Perhaps fail."""
        return self.perhaps("options", super().options, *arguments, **named)

    def codec(self, *arguments: Any, **named: Any) -> Any:
        """One whose steps may fail."""
        codec: Any = self.perhaps("codec", super().codec, *arguments, **named)
        for step in ("decode", "encode"):
            setattr(codec, step, partial(self.perhaps, step, getattr(codec, step)))
        return codec

    def perhaps(self, step: str, function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        """Fail if it is the step that has the bug."""
        if step == self.step:
            raise RuntimeError("a secret")
        return function(*arguments, **named)


@pytest.mark.parametrize("step", ["refusal", "options", "codec", "decode", "encode"])
def test_a_bug_is_a_500_without_details(
    plain_artifact: Artifact, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """The log has the trace under the request's id, and the connection can be used again."""
    faulty = Faulty()

    async def scenario() -> None:
        async with serving(plain_artifact, FakeEngine(), dialects=[faulty]) as played:
            connection = played.connect()
            with monkeypatch.context() as context:
                refusal = partial(faulty.perhaps, "refusal", played.service.refusal)
                context.setattr(played.service, "refusal", refusal)
                faulty.step = step
                answer = await connection.ask(post(as_json(series(1.0)), [("X-Request-Id", "bug-1")]))
            assert answer.status == 500
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.headers["x-request-id"] == "bug-1"
            assert b"/problems/internal" in answer.body
            assert b"secret" not in answer.body + str(answer.headers).encode()
            faulty.step = "none"
            assert (await connection.ask(A_REQUEST)).status == 200

    play(scenario())
    [trace] = [record for record in caplog.records if record.exc_info]
    assert trace.__dict__["request_id"] == "bug-1"
    assert "a secret" in str(trace.exc_info)


@pytest.mark.parametrize(
    ("predict", "told", "logged"),
    [
        (lambda series: np.full((len(series), 2), np.nan, np.float32), "not finite", "not finite"),
        (lambda series: np.ones((len(series), 7), np.float32), "returned shape", "returned shape"),
        (lambda series: series / "a secret", "failed on this batch", "UFuncTypeError"),
    ],
)
def test_an_engine_that_fails_is_a_500(
    plain_artifact: Artifact,
    caplog: pytest.LogCaptureFixture,
    predict: Callable[[NDArray[np.float32]], NDArray[np.float32]],
    told: str,
    logged: str,
) -> None:
    """Numbers that are none, answers of the wrong shape, exceptions; the log says more than the answer."""

    async def scenario() -> None:
        async with serving(plain_artifact, FakeEngine(predict)) as played:
            connection = played.connect()
            for _ in range(2):
                answer = await connection.ask(A_REQUEST)
                assert answer.status == 500
                assert b"/problems/engine" in answer.body
                assert told in answer.body.decode()
                assert b"UFuncTypeError:" not in answer.body
            assert await played.count(500) == 2
            assert played.went_on == [("GET", "/metrics")]

    play(scenario())
    assert logged in caplog.text


def test_a_deadline_is_kept_though_the_engine_hangs(plain_artifact: Artifact) -> None:
    """504 in the queue and in the engine; the connection stays open."""

    async def scenario() -> None:
        async with serving(plain_artifact, FakeEngine(), request_timeout=0.5) as played:
            running, waiting = await played.held(), played.connect()
            assert (await waiting.ask(A_REQUEST)).status == 504
            [answer] = await running.answers(1)
            assert answer.status == 504
            assert await played.count(504) == 2

    play(scenario())


def test_before_the_engine_is_verified_it_is_not_ready(plain_artifact: Artifact) -> None:
    """503 after the head, with Retry-After."""
    proven = threading.Event()
    engine = FakeEngine()

    def load() -> FakeEngine:
        assert proven.wait(timeout=60)
        return engine

    async def scenario() -> None:
        async with serving(plain_artifact, engine, load=load) as played:
            connection = played.connect()
            try:
                answer = await connection.ask(A_REQUEST[:-1])
                assert told(answer) == told(await played.connect().ask(post(target="/predict?")))
            finally:
                proven.set()
            assert (answer.status, answer.headers["retry-after"]) == (503, "1")
            assert b"the service is starting" in answer.body
            await until(lambda: played.service.status().ready)
            assert (await connection.ask(A_REQUEST[-1:], A_REQUEST)).status == 200

    play(scenario())


def test_closing_fails_waiting_requests(plain_artifact: Artifact) -> None:
    """503 with `Connection: close` after DRAIN_TIMEOUT."""

    async def scenario() -> None:
        async with serving(plain_artifact, FakeEngine()) as played:
            running, waiting, late = await played.held(), played.connect(), played.connect()
            waiting.send(A_REQUEST)
            await played.state.versions.close(timeout=0)
            for connection in (running, waiting):
                [answer] = await connection.answers(1)
                assert (answer.status, answer.headers["retry-after"]) == (503, "1")
                assert answer.headers.get_all("connection") == ["close"]
                assert connection.closed
            assert (await late.ask(A_REQUEST)).status == 503

    play(scenario())


def test_a_server_that_stops_ends_the_connection_with_the_answer(plain_artifact: Artifact) -> None:
    """Uvicorn shuts down every connection: a busy one closes after its response."""

    async def scenario() -> None:
        async with serving(plain_artifact, FakeEngine()) as played:
            busy, idle = await played.held(), played.connect()
            await idle.ask(post(b"{"))
            for connection in (busy, idle):
                connection.protocol.shutdown()
            assert (busy.closed, idle.closed) == (False, True)
            played.engine.release()
            [answer] = await busy.answers(1)
            assert (answer.status, answer.headers.get_all("connection")) == (200, ["close"])
            assert busy.closed

    play(scenario())
