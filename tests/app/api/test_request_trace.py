"""`app.api.request_trace`: every request is traced alike, on either path, whatever becomes of it."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import cast

import numpy as np
import pytest
from numpy.typing import NDArray
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import StatusCode

from app.api.request_trace import UNTRACED
from app.contract import Artifact
from app.http.asgi_cycle import AsgiCycle
from app.http.fast_request import FastRequest
from app.main import create_app
from app.settings import Settings
from qa.harness.messages import as_json, get, head, post
from tests.app.conftest import MAX_ROWS, series
from tests.app.http.played import A_REQUEST, Played, asking, play, serving, until
from tests.app.telemetry.tracing.kept import Kept, attributes_of, keep, times_of
from tests.support.fakes import FakeEngine, by_first_value

Becomes = Callable[[Played, str], Awaitable[None]]

# Past the framework, and through it.
WAYS = ("/predict", "/predict?", "/predict?version={version}")
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
TRACED = ("traceparent", TRACEPARENT)
FAILED, FINE = StatusCode.ERROR, StatusCode.UNSET


async def traced(kept: Kept, count: int = 1) -> list[ReadableSpan]:
    """The latest requests, once there are so many."""
    await until(lambda: len(kept.requests) >= count)
    return kept.requests[-count:]


def fault_of(span: ReadableSpan) -> tuple[object, object, StatusCode]:
    """Status, what went wrong, and whether that is an error."""
    told = attributes_of(span)
    return told["http.response.status_code"], told.get("error.type"), span.status.status_code


@pytest.mark.parametrize("target", WAYS)
def test_an_answer_has_a_span_with_its_steps_inside(plain_artifact: Artifact, target: str) -> None:
    """Reading, queue and engine, one after the other, within the request and under the client's span."""
    kept, version = keep(), plain_artifact.contract.version

    async def scenario() -> None:
        async with serving(plain_artifact, FakeEngine(), traces=kept.traces) as played:
            headers = [("X-Request-Id", "abc"), ("traceparent", TRACEPARENT)]
            body = as_json(series(1.0, 2.0))
            request = post(body, headers, target=target.format(version=version))
            assert (await played.connect().ask(request)).status == 200
            await traced(kept)

    play(scenario())
    request, *steps = kept.spans
    assert request.name == "POST /predict"
    assert request.parent is not None
    assert f"{request.parent.span_id:016x}" in TRACEPARENT
    told = attributes_of(request)
    assert (told["url.path"], told["timeseries.request_id"]) == ("/predict", "abc")
    assert (told["timeseries.model"], told["timeseries.version"]) == ("forda", version)
    assert (told["timeseries.rows"], told["timeseries.batch_rows"]) == (2, 2)
    assert fault_of(request) == (200, None, FINE)
    assert [step.name for step in steps] == ["parse", "queue", "engine"]
    times = [times_of(request)[0], *(time for step in steps for time in times_of(step)), times_of(request)[1]]
    assert times == sorted(times)
    assert all(step.parent == request.context for step in steps)


@pytest.mark.parametrize("target", WAYS[:2])
@pytest.mark.parametrize(
    ("headers", "parent", "state"),
    [
        ([TRACED, ("tracestate", "a=1"), ("tracestate", "b=2,c=3")], TRACEPARENT[36:52], "a=1,b=2,c=3"),
        ([TRACED, TRACED], TRACEPARENT[36:52], ""),
        ([TRACED, ("traceparent", TRACEPARENT.replace("b7", "c8")), ("tracestate", "a=1")], None, ""),
    ],
    ids=["state in two lines", "parent twice", "two parents"],
)
def test_a_trace_context_in_several_lines(
    plain_artifact: Artifact, target: str, headers: list[tuple[str, str]], parent: str | None, state: str
) -> None:
    """`tracestate` is a list (W3C Trace Context, 3.3.1); of two parents that differ neither is believed."""
    kept = keep()

    async def scenario() -> None:
        async with serving(plain_artifact, FakeEngine(), traces=kept.traces) as played:
            await played.connect().ask(post(as_json(series(1.0)), headers, target=target))
            await traced(kept)

    play(scenario())
    [span] = kept.requests
    assert (None if span.parent is None else f"{span.parent.span_id:016x}") == parent
    assert span.context.trace_state.to_header() == state


def test_requests_of_one_batch_know_its_size(plain_artifact: Artifact) -> None:
    """Each has its own rows, and those that it was computed with."""
    kept = keep()

    async def scenario() -> None:
        async with serving(plain_artifact, FakeEngine(), traces=kept.traces) as played:
            await played.held()
            for first_values in ((1.0,), (2.0, 3.0)):
                played.connect().send(asking(*first_values))
            await played.queued(3)
            played.engine.release()
            spans = (await traced(kept, 3))[1:]
            rows = [
                tuple(attributes_of(span)[f"timeseries.{name}"] for name in ("rows", "batch_rows"))
                for span in spans
            ]
            assert sorted(rows) == [(1, 3), (2, 3)]

    play(scenario())


@pytest.mark.parametrize("target", WAYS[:2])
@pytest.mark.parametrize(
    ("body", "headers", "expected"),
    [
        (b"{", [], (400, "malformed", FINE)),
        (b"", [("Content-Type", "text/css")], (415, "media-type", FINE)),
        (b'{"instances": [[1]]}', [], (422, "contract", FINE)),
    ],
)
def test_a_clients_mistake_is_named(
    plain_artifact: Artifact,
    target: str,
    body: bytes,
    headers: list[tuple[str, str]],
    expected: tuple[object, ...],
) -> None:
    """By the slug of its problem; by the conventions it is no error of the server."""
    kept = keep()

    async def scenario() -> None:
        async with serving(plain_artifact, FakeEngine(), traces=kept.traces) as played:
            await played.connect().ask(post(body, headers, target=target))
            [span] = await traced(kept)
            assert fault_of(span) == expected

    play(scenario())


@pytest.mark.parametrize("target", WAYS[:2])
def test_a_refusal_is_an_error(plain_artifact: Artifact, target: str) -> None:
    """One that has no room, also the second, which is told what the first was told."""
    kept = keep()

    async def scenario() -> None:
        async with serving(plain_artifact, FakeEngine(), traces=kept.traces) as played:
            await played.held()
            played.connect().send(asking(*[2.0] * MAX_ROWS))
            await played.queued(MAX_ROWS)
            for _ in range(2):
                await played.connect().ask(post(as_json(series(1.0)), target=target))
            for span in await traced(kept, 2):
                assert fault_of(span) == (429, "queue-full", FAILED)

    play(scenario())


async def expire(played: Played, target: str) -> None:
    """Have a request wait until its deadline."""
    await played.held()
    headers = [("X-Request-Timeout", "0.02")]
    await played.connect().ask(post(as_json(series(1.0)), headers, target=target))


async def fail(played: Played, target: str) -> None:
    """Have the engine fail."""
    await played.connect().ask(post(as_json(series(1.0)), target=target))


async def cancel(played: Played, target: str) -> None:
    """Hang up while a request waits for the engine."""
    await played.held()
    connection = played.connect()
    connection.send(post(as_json(series(1.0)), target=target))
    await played.queued(1)
    connection.disconnect()


@pytest.mark.parametrize(
    ("becomes", "target", "expected"),
    [
        (expire, WAYS[0], (504, "deadline", FAILED)),
        (expire, WAYS[1], (504, "deadline", FAILED)),
        (fail, WAYS[0], (500, "engine", FAILED)),
        (fail, WAYS[1], (500, "engine", FAILED)),
        (cancel, WAYS[0], (499, "cancelled", FAILED)),
    ],
)
def test_a_request_that_waited_for_nothing_is_an_error_with_a_wait(
    plain_artifact: Artifact, becomes: Becomes, target: str, expected: tuple[object, ...]
) -> None:
    """Expired, failed by the engine, or given up by its caller."""
    kept = keep()

    def break_down(_: object) -> NDArray[np.float32]:
        raise RuntimeError("broken")

    engine = FakeEngine(break_down if becomes is fail else by_first_value)

    async def scenario() -> None:
        async with serving(plain_artifact, engine, traces=kept.traces) as played:
            await becomes(played, target)
            [span] = await traced(kept)
            assert fault_of(span) == expected
            [parse, wait] = [s for s in kept.spans if s.parent == span.context]
            assert (parse.name, wait.name) == ("parse", "wait")
            assert times_of(parse)[1] == times_of(wait)[0]
            assert times_of(wait)[1] == times_of(span)[1]

    play(scenario())


def test_a_client_that_disconnects_in_the_middle_is_recorded(plain_artifact: Artifact) -> None:
    """It has sent no request, so that none has failed."""
    kept = keep()

    async def scenario() -> None:
        async with serving(plain_artifact, FakeEngine(), traces=kept.traces) as played:
            connection = played.connect()
            connection.send(head("POST", "/predict", [("Content-Length", "9")]), b"{")
            connection.disconnect()
            [span] = await traced(kept)
            assert fault_of(span) == (400, "unfinished", FINE)

    play(scenario())


def test_probes_and_metrics_have_no_traces_and_others_have(plain_artifact: Artifact) -> None:
    """Whoever asks every few seconds would hide the rest; an unknown path has no name of its own."""
    kept = keep()

    async def scenario() -> None:
        async with serving(plain_artifact, FakeEngine(), traces=kept.traces) as played:
            for path in (*sorted(UNTRACED), "/model", "/nowhere?secret"):
                await played.connect().ask(get(path))

    play(scenario())
    assert [(span.name, attributes_of(span)["url.path"]) for span in kept.requests] == [
        ("GET /model", "/model"),
        ("GET", "/nowhere"),
    ]
    assert fault_of(kept.requests[1]) == (404, "not-found", FINE)


def test_what_is_untraced_are_the_operators_routes(plain_artifact: Artifact) -> None:
    """A probe that is added is not forgotten here, in any protocol."""
    app = create_app(Settings(artifact=plain_artifact.folder))
    document = app.openapi()["paths"]
    tagged = {
        path for path, methods in document.items() if methods.get("get", {}).get("tags") == ["operations"]
    }
    health = {path for path in document if path.startswith("/v2/health/")}
    calls = {
        path for path in UNTRACED if path.startswith(("/grpc.", "/inference."))
    }  # held in tests/app/grpc
    assert tagged | health == UNTRACED - calls


@pytest.mark.parametrize("is_traced", [True, False])
def test_the_log_has_the_traces_id_beside_the_requests(
    plain_artifact: Artifact, caplog: pytest.LogCaptureFixture, is_traced: bool
) -> None:
    """Whichever way the request went; without traces a client's is not looked at."""
    kept = keep()

    async def scenario() -> None:
        traces = kept.traces if is_traced else None
        async with serving(plain_artifact, FakeEngine(), access_log=True, traces=traces) as played:
            for target in WAYS[:2]:
                request = post(as_json(series(1.0)), [("traceparent", TRACEPARENT)], target=target)
                await played.connect().ask(request)

    with caplog.at_level(logging.INFO, "app.access"):
        play(scenario())
    lines = [record.__dict__ for record in caplog.records if record.name == "app.access"]
    assert [line.get("trace_id") for line in lines] == [TRACEPARENT[3:35] if is_traced else None] * 2
    assert all(line["request_id"] for line in lines)


def test_a_connection_keeps_nothing_of_a_request_for_its_trace(plain_artifact: Artifact) -> None:
    """What waited for the engine is let go of, on both paths: a connection keeps its latest request."""

    async def scenario() -> None:
        async with serving(plain_artifact, FakeEngine(), traces=keep().traces) as played:
            connection = played.connect()
            await connection.ask(A_REQUEST)
            assert cast(FastRequest, connection.protocol._request)._call is None
            await connection.ask(post(as_json(series(1.0)), target="/predict?"))
            await until(lambda: "call" not in cast(AsgiCycle, connection.protocol._request).scope)

    play(scenario())
