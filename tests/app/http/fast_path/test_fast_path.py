"""`app.http.fast_path`: a request past the framework, turn by turn, on connections that the test plays."""

from __future__ import annotations

import gc
import logging
import weakref
from typing import cast

import numpy as np
import pytest
from numpy.typing import NDArray

from app.api.dialects import all_dialects
from app.api.error_responses import ErrorResponses
from app.api.headers import RequestHead
from app.api.predict import Predictor
from app.api.recorder import RequestRecorder
from app.contract import Artifact
from app.http.fast_path import FastRoute
from app.telemetry.metrics import Metrics
from qa.harness.messages import as_json, head, post
from tests.app.conftest import MAX_ROWS, series
from tests.app.http.fast_path.compared import told
from tests.app.http.played import A_REQUEST, asking, is_for, play, serving, until
from tests.support.fakes import FakeEngine, by_first_value

# Which requests it takes.


def a_route() -> FastRoute:
    """The fast path of all protocols."""
    recorder = RequestRecorder(Metrics(), is_draining=lambda: False, access_log=False)
    predictor = cast("Predictor", None)  # none of its steps is needed to tell
    return FastRoute(predictor, all_dialects(), recorder=recorder, errors=ErrorResponses())


@pytest.mark.parametrize(
    ("method", "target", "names", "taken"),
    [
        (b"POST", b"/predict", [b"content-length"], True),
        (b"POST", b"/predict", [b"content-length", b"accept", b"x-unknown"], True),
        (b"POST", b"/predict", [], False),
        (b"GET", b"/predict", [b"content-length"], False),
        (b"post", b"/predict", [b"content-length"], False),
        (b"POST", b"/predict?abstain=true", [b"content-length"], False),
        (b"POST", b"/predict/", [b"content-length"], False),
        (b"POST", b"http://x/predict", [b"content-length"], False),
        (b"POST", b"/predict", [b"content-length", b"transfer-encoding"], False),
        (b"POST", b"/predict", [b"content-length", b"content-encoding"], False),
        (b"POST", b"/predict", [b"content-length", b"expect"], False),
        (b"POST", b"/predict", [b"content-length", b"upgrade"], False),
    ],
)
def test_which_requests_take_the_fast_path(
    method: bytes, target: bytes, names: list[bytes], taken: bool
) -> None:
    """POST to an exact path, with a Content-Length and no unusual header."""
    head = RequestHead([(name, b"5") for name in names])
    assert (a_route().match(method, target, head) is not None) is taken


def test_paths_with_parameters_match_again_and_again() -> None:
    """Alike each time; paths that clients make up fill no memory, and are still matched."""
    route, head = a_route(), RequestHead([(b"content-length", b"5")])
    for _ in range(2):
        for name in range(500):
            match = route.match(b"POST", b"/v2/models/m%d/infer" % name, head)
            assert match is not None
            assert (match.template, match.parameters) == ("/v2/models/{name}/infer", {"name": f"m{name}"})
    assert len(route._known) < 100


def test_other_requests_take_the_frameworks_path(plain_artifact: Artifact) -> None:
    """Requests of both kinds on one connection."""

    async def scenario() -> None:
        async with serving(plain_artifact, FakeEngine()) as played:
            connection = played.connect()
            for request in (A_REQUEST, post(target="/predict?"), A_REQUEST, head("GET", "/livez")):
                await connection.ask(request)
            assert played.went_on == [("POST", "/predict"), ("GET", "/livez")]

    play(scenario())


def test_requests_wait_while_the_client_does_not_read(plain_artifact: Artifact) -> None:
    """No request is read, and so none computed, while the connection takes no more bytes."""

    async def scenario() -> None:
        async with serving(plain_artifact, FakeEngine()) as played:
            connection = played.connect()
            connection.protocol.pause_writing()
            connection.send(asking(1.0))
            other = played.connect()
            assert is_for(await other.ask(asking(3.0)), 3.0)
            assert (connection.written, len(played.seen.of("admitted"))) == (b"", 1)
            connection.protocol.resume_writing()
            [answer] = await connection.answers(1)
            assert is_for(answer, 1.0)
            assert is_for(await connection.ask(asking(2.0)), 2.0)

    play(scenario())


# How it comes.


def test_a_request_may_be_split_anywhere(plain_artifact: Artifact) -> None:
    """In the request line, in a header's name or value, between head and body, in the body."""
    request = asking(0.5)
    body_starts = request.index(b"\r\n\r\n") + 4

    async def scenario() -> None:
        async with serving(plain_artifact, FakeEngine()) as played:
            connection = played.connect()
            for at in range(1, body_starts + 20):
                assert is_for(await connection.ask(request[:at], request[at:]), 0.5), at
            assert is_for(await connection.ask(*(bytes([byte]) for byte in request)), 0.5)
            assert played.went_on == []

    play(scenario())


def test_responses_are_in_the_order_of_requests(plain_artifact: Artifact) -> None:
    """On both paths, although later responses could be ready first."""
    probe, unread = head("GET", "/livez"), post(b"{")
    requests = [asking(1.0), probe, asking(2.0), unread, asking(3.0), post(target="/predict?"), asking(4.0)]

    async def scenario() -> None:
        async with serving(plain_artifact, FakeEngine()) as played:
            played.engine.hold()
            connection = played.connect()
            connection.send(b"".join(requests))
            await until(played.engine.entered.is_set)
            assert connection.written == b""
            played.engine.release()
            answers = await connection.answers(len(requests))
            assert [answer.status for answer in answers] == [200, 200, 200, 400, 200, 400, 200]
            for index, value in ((0, 1.0), (2, 2.0), (4, 3.0), (6, 4.0)):
                assert is_for(answers[index], value)
            assert is_for(await connection.ask(asking(5.0)), 5.0)
            # The others were past the framework, each in its turn.
            assert played.went_on == [("GET", "/livez"), ("POST", "/predict")]

    play(scenario())


def test_a_full_queue_refuses_before_the_body_arrives(plain_artifact: Artifact) -> None:
    """The head gets 429; after the rest of the body, the connection can be used again."""

    async def scenario() -> None:
        async with serving(plain_artifact, FakeEngine()) as played:
            held, waiting = await played.held(), played.connect()
            waiting.send(asking(*[2.0] * MAX_ROWS))
            assert played.service._batcher.queued_rows == MAX_ROWS
            late = played.connect()
            request = asking(3.0)
            body_starts = request.index(b"\r\n\r\n") + 4
            refused = await late.ask(request[:body_starts])
            assert refused.status == 429
            assert int(refused.headers["retry-after"]) >= 1
            assert played.seen.of("refused") == [{"rows": 1, "reason": "full"}]
            assert await played.count(429) == 1
            played.engine.release()
            await held.answers(1)
            [answer] = await waiting.answers(1)
            assert is_for(answer, *[2.0] * MAX_ROWS)
            assert is_for(await late.ask(request[body_starts:], asking(4.0)), 4.0)

    play(scenario())


def test_each_request_refused_by_a_full_queue_gets_its_own_response(plain_artifact: Artifact) -> None:
    """The document is made once, and is equal to that of the framework's path."""

    async def scenario() -> None:
        async with serving(plain_artifact, FakeEngine()) as played:
            await played.held()
            played.connect().send(asking(*[2.0] * MAX_ROWS))
            late = played.connect()
            for name in ("a", "a-longer-one", 'none "sane"'):
                direct, onwards = [
                    await late.ask(post(b"{", [("X-Request-Id", name)], target=target))
                    for target in ("/predict", "/predict?")
                ]
                assert direct.status == 429
                assert told(direct) == told(onwards)
                assert name in (direct.headers["x-request-id"], 'none "sane"')
            assert played.seen.of("refused") == [{"rows": 1, "reason": "full"}] * 6

    play(scenario())


def test_a_body_that_stalls_gets_408_and_the_connection_ends(plain_artifact: Artifact) -> None:
    """A body that arrives in time gets no 408 later."""

    async def scenario() -> None:
        async with serving(plain_artifact, FakeEngine(), request_timeout=0.2) as played:
            connection, done = played.connect(), played.connect()
            await done.ask(A_REQUEST[:-1], A_REQUEST[-1:])
            refused = await connection.ask(head("POST", "/predict", [("Content-Length", "9")]), b"{", b"}")
            assert (refused.status, refused.headers["connection"]) == (408, "close")
            assert b"only 2 bytes of the body arrived in time" in refused.body
            assert connection.shut_down
            assert await done.answers(0) == []
            assert await played.count(408) == 1

    play(scenario())


# What is left of it.


def test_the_access_log_is_that_of_the_frameworks_path(
    plain_artifact: Artifact, caplog: pytest.LogCaptureFixture
) -> None:
    """Method, route, status, id and time, of answers and refusals."""

    async def scenario() -> None:
        async with serving(plain_artifact, FakeEngine(), access_log=True) as played:
            connection = played.connect()
            for body in (as_json(series(1.0)), b"{"):
                for target in ("/predict", "/predict?"):
                    await connection.ask(post(body, [("X-Request-Id", "abc")], target=target))

    with caplog.at_level(logging.INFO, "app.access"):
        play(scenario())
    lines = [record for record in caplog.records if record.name == "app.access"]
    told = [(line.getMessage(), line.__dict__["request_id"], line.__dict__["status"]) for line in lines]
    assert told == [("POST /predict 200", "abc", 200)] * 2 + [("POST /predict 400", "abc", 400)] * 2
    assert all(0 < line.__dict__["seconds"] < 60 for line in lines)
    assert len({line.levelno for line in lines}) == 1


def test_a_finished_request_keeps_no_reference_to_its_batch(plain_artifact: Artifact) -> None:
    """Thousands of idle connections must not each hold the batch of their latest request."""
    alive: list[weakref.ref[NDArray[np.float32]]] = []

    def predict(batch: NDArray[np.float32]) -> NDArray[np.float32]:
        alive.append(weakref.ref(batch))
        return by_first_value(batch)

    async def scenario() -> None:
        async with serving(plain_artifact, FakeEngine(predict)) as played:
            first, second = played.connect(), played.connect()
            gc.disable()
            try:
                assert is_for(await first.ask(asking(1.0)), 1.0)
                # The engine's thread may hold what it computed last.
                assert is_for(await second.ask(asking(2.0)), 2.0)
                await until(lambda: alive[0]() is None)
                assert not first.closed
            finally:
                gc.enable()

    play(scenario())
