"""`app.grpc.calls`: deadlines, cancellation, overload, ids, metrics, traces and log lines of calls."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import grpc
import numpy as np
import pytest
from grpc import StatusCode

from app.api.problem_kinds import INTERNAL, KINDS
from app.api.problems import ErrorInfo
from app.contract import Artifact
from app.grpc.generated.inference_pb2 import ServerLiveRequest
from app.grpc.status import CODES, code_of
from tests.app.conftest import MAX_BODY, MAX_ROWS
from tests.app.grpc.played import (
    INFER,
    SERVICE,
    parameters,
    playing,
    probabilities,
    raw_request,
    refusal,
    series,
)
from tests.app.inference.test_service import until
from tests.app.telemetry.tracing.kept import attributes_of, keep
from tests.support.fakes import by_first_value

ONE = raw_request(series(0.5))
DEADLINE, UNAVAILABLE = StatusCode.DEADLINE_EXCEEDED, StatusCode.UNAVAILABLE


def test_every_kind_of_error_has_a_status() -> None:
    """A kind that is added without a place in the table would end a call as UNKNOWN."""
    for kind in (*KINDS.values(), INTERNAL):
        assert code_of(ErrorInfo(kind, "")) is CODES[kind.status]


def test_the_deadline_of_a_client_reaches_the_queue(plain_artifact: Artifact) -> None:
    """A request whose client waits no more is not computed; the next one is."""

    async def scenario() -> None:
        async with playing(plain_artifact, request_timeout=60) as played:
            played.engine.hold()
            first = played.stub.ModelInfer(ONE)
            await until(lambda: played.sample("admitted_series_total") == 1)
            late = played.stub.ModelInfer(raw_request(series(9)), timeout=0.2)
            assert (await refusal(late))[0] is DEADLINE
            await until(lambda: played.sample("grpc_requests_total", method=INFER, code=DEADLINE.name) == 1)
            played.engine.release()
            assert (await first).outputs
            await until(lambda: played.sample("queue_series") == 0)
            assert played.engine.batches[-1] == 1
            reasons = ("expired", "cancelled")
            assert sum(played.sample("dropped_series_total", reason=reason) for reason in reasons) == 1

    asyncio.run(scenario())


def test_the_timeout_of_a_request_and_of_the_server(plain_artifact: Artifact) -> None:
    """The parameter `timeout` counts microseconds; the shortest of the three timeouts counts."""

    async def scenario() -> None:
        for server, request in (
            (10.0, parameters(timeout=150_000)),
            (0.15, parameters(timeout=60_000_000)),
            (0.15, {}),
        ):
            async with playing(plain_artifact, request_timeout=server) as played:
                played.engine.hold()
                code, details = await refusal(
                    played.stub.ModelInfer(raw_request(series(1), parameters=request), timeout=30)
                )
                assert (code, "the deadline passed" in details) == (DEADLINE, True)

    asyncio.run(scenario())


def test_a_cancelled_call_leaves_the_queue_and_harms_no_other(plain_artifact: Artifact) -> None:
    """Its series are dropped uncomputed, those of others in the queue are answered."""

    async def scenario() -> None:
        async with playing(plain_artifact) as played:
            played.engine.hold()
            first = played.stub.ModelInfer(ONE)
            await until(lambda: played.sample("admitted_series_total") == 1)
            leaving, staying = played.stub.ModelInfer(ONE), played.stub.ModelInfer(raw_request(series(2)))
            await until(lambda: played.sample("admitted_series_total") == 3)
            leaving.cancel()
            await until(lambda: played.sample("dropped_series_total", reason="cancelled") == 1)
            played.engine.release()
            assert (await first).outputs
            np.testing.assert_array_equal(probabilities(await staying), by_first_value(series(2)))
            assert played.sample("grpc_requests_total", method=INFER, code="CANCELLED") == 1

    asyncio.run(scenario())


def test_overload_is_unavailable_at_once(plain_artifact: Artifact) -> None:
    """A full queue refuses with the words that HTTP has, and serves again when there is room."""

    async def scenario() -> None:
        async with playing(plain_artifact) as played:
            played.engine.hold()
            first = played.stub.ModelInfer(ONE)
            await until(lambda: played.engine.entered.is_set())
            full = played.stub.ModelInfer(raw_request(series(*range(MAX_ROWS))))
            await until(lambda: played.sample("admitted_series_total") == 1 + MAX_ROWS)
            code, details = await refusal(played.stub.ModelInfer(ONE))
            assert (code, "try again in 1 s" in details) == (UNAVAILABLE, True)
            played.engine.release()
            assert (await first).outputs
            assert (await full).outputs
            assert (await played.stub.ModelInfer(ONE)).outputs

    asyncio.run(scenario())


def test_a_server_that_is_not_ready_or_closed_is_unavailable(plain_artifact: Artifact) -> None:
    """A client retries elsewhere; draining alone refuses nothing."""

    async def scenario() -> None:
        async with playing(plain_artifact, wait=False) as played:
            code, details = await refusal(played.stub.ModelInfer(ONE))
            assert (code, details) == (UNAVAILABLE, "the service is starting")
            played.may_load.set()
            await until(lambda: played.service.status().ready)
            played.service.drain()
            assert (await played.stub.ModelInfer(ONE)).outputs
            await played.service.close(timeout=5)
            code, details = await refusal(played.stub.ModelInfer(ONE))
            assert (code, details) == (UNAVAILABLE, "the service is closed")

    asyncio.run(scenario())


def test_failures_of_the_engine_and_of_the_server(
    plain_artifact: Artifact, caplog: pytest.LogCaptureFixture
) -> None:
    """INTERNAL; an unexpected error is logged with its trace, and the client does not get its text."""

    def predict(values: Any) -> Any:
        if values[0, 0] == 7:
            raise RuntimeError("private")
        return by_first_value(values)

    async def scenario() -> None:
        async with playing(plain_artifact, predict) as played:
            code, details = await refusal(played.stub.ModelInfer(raw_request(series(7))))
            assert (code, details) == (
                StatusCode.INTERNAL,
                "the engine failed on this batch (RuntimeError)",
            )

            def broken(*_: object) -> None:
                raise ValueError("private")

            played.service.admit = broken  # type: ignore[assignment, method-assign]
            code, details = await refusal(played.stub.ModelInfer(ONE))
            assert code is StatusCode.INTERNAL
            assert details.startswith("unexpected error")

    asyncio.run(scenario())
    assert any(record.exc_info for record in caplog.records)


def test_ids_of_requests(plain_artifact: Artifact, caplog: pytest.LogCaptureFixture) -> None:
    """From X-Request-Id, else from the message, else new; it is in the trailing metadata and in the log."""

    async def scenario() -> None:
        async with playing(plain_artifact, access_log=True) as played:
            for metadata, message_id, expected in (
                ((("x-request-id", "from-metadata"),), "from-message", "from-metadata"),
                ((), "from-message", "from-message"),
                ((), "not safe\n", None),
                ((("x-request-id", "not safe"),), "", None),
            ):
                call = played.stub.ModelInfer(raw_request(series(0.5), id=message_id), metadata=metadata)
                await call
                trailing = dict(await call.trailing_metadata())
                found = trailing["x-request-id"]
                assert found == expected if expected else len(found) == 32
                assert 'batch;desc="1 series"' in trailing["server-timing"]
                assert caplog.records[-1].__dict__["request_id"] == found
            bad = played.stub.ModelInfer(raw_request(series(np.nan)), metadata=(("x-request-id", "r"),))
            await refusal(bad)
            assert dict(await bad.trailing_metadata())["x-request-id"] == "r"

    caplog.set_level(logging.INFO, "app.access")
    asyncio.run(scenario())
    lines = [record.getMessage() for record in caplog.records if record.name == "app.access"]
    assert lines == [f"gRPC {INFER} OK"] * 4 + [f"gRPC {INFER} INVALID_ARGUMENT"]


def test_calls_are_counted(plain_artifact: Artifact) -> None:
    """By method and status, with their time; predictions count with those of HTTP."""

    async def scenario() -> None:
        async with playing(plain_artifact) as played:
            await played.stub.ModelInfer(raw_request(series(1, 2)))
            await refusal(played.stub.ModelInfer(raw_request(series(np.nan))))
            await refusal(played.channel.unary_unary(f"/{SERVICE}/NoSuchMethod")(b""))
            for code in ("OK", "INVALID_ARGUMENT"):
                assert played.sample("grpc_requests_total", method=INFER, code=code) == 1
            assert played.sample("grpc_request_seconds_count", method=INFER) == 2
            assert played.sample("predictions_total", version="4", label="1") == 2
            assert b"NoSuchMethod" not in played.metrics.render()

    asyncio.run(scenario())


def test_calls_are_traced(plain_artifact: Artifact) -> None:
    """Under the client's trace, with the conventions' attributes for RPC; probes are not."""
    kept, trace = keep(), "0af7651916cd43dd8448eb211c80319c"
    metadata = (("traceparent", f"00-{trace}-b7ad6b7169203331-01"), ("x-request-id", "r"))

    async def scenario() -> None:
        async with playing(plain_artifact, traces=kept.traces) as played:
            await played.stub.ServerLive(ServerLiveRequest())
            await played.stub.ModelInfer(raw_request(series(1, 2)), metadata=metadata)
            await refusal(played.stub.ModelInfer(raw_request(series(np.nan))))

    asyncio.run(scenario())
    first, second = kept.requests
    assert first.name == INFER
    assert f"{first.context.trace_id:032x}" == trace
    assert attributes_of(first) == {
        "rpc.system.name": "grpc",
        "rpc.method": INFER,
        "rpc.response.status_code": "OK",
        "timeseries.request_id": "r",
        "timeseries.protocol": "grpc",
        "timeseries.model": "forda",
        "timeseries.version": 4,
        "timeseries.rows": 2,
        "timeseries.batch_rows": 2,
    }
    assert [span.name for span in kept.spans if span.parent == first.context] == ["parse", "queue", "engine"]
    assert attributes_of(second)["rpc.response.status_code"] == "INVALID_ARGUMENT"
    assert attributes_of(second)["error.type"] == "contract"


def test_a_message_that_does_not_come_in_time(plain_artifact: Artifact) -> None:
    """A client that opens calls and sends nothing is not waited for longer than REQUEST_TIMEOUT."""

    async def scenario() -> None:
        async with playing(plain_artifact, request_timeout=0.2) as played:
            call = played.channel.stream_unary(f"/{INFER}")()
            assert await refusal(call) == (DEADLINE, "the message did not arrive in time")

    asyncio.run(scenario())


def test_messages_that_are_received_at_once_are_limited(plain_artifact: Artifact) -> None:
    """Further calls wait for their turn, and are refused as overload if it does not come."""

    async def scenario() -> None:
        async with playing(
            plain_artifact, request_timeout=0.5, max_body_bytes_in_flight=2 * MAX_BODY
        ) as played:
            silent = [played.channel.stream_unary(f"/{INFER}")() for _ in range(2)]
            for call in silent:
                await call.wait_for_connection()
            await asyncio.sleep(0.1)
            waiting = played.stub.ModelInfer(ONE)
            for call in silent:
                assert (await refusal(call))[0] is DEADLINE
            # Its turn came just before or just after its own timeout.
            assert await waiting.code() in (StatusCode.OK, UNAVAILABLE)
            assert (await played.stub.ModelInfer(ONE)).outputs

    asyncio.run(scenario())


def test_frequent_pings_do_no_harm(plain_artifact: Artifact) -> None:
    """Triton's clients can be configured to ping each second; a default server ends their connections."""
    options = [
        ("grpc.keepalive_time_ms", 10),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.max_pings_without_data", 0),
        ("grpc.http2.min_time_between_pings_ms", 10),
    ]

    async def scenario() -> None:
        async with playing(plain_artifact) as played:
            address = f"127.0.0.1:{played.server.port}"
            async with grpc.aio.insecure_channel(address, options) as channel:
                method: Any = channel.unary_unary(f"/{INFER}")
                assert await method(ONE.SerializeToString())
                for _ in range(20):
                    await asyncio.sleep(0.02)
                    assert channel.get_state() is grpc.ChannelConnectivity.READY
                assert await method(ONE.SerializeToString())

    asyncio.run(scenario())


def test_connections_over_the_limit_are_refused(plain_artifact: Artifact) -> None:
    """MAX_CONNECTIONS counts for gRPC, too."""

    async def scenario() -> None:
        async with playing(plain_artifact, max_connections=1) as played:
            assert (await played.stub.ModelInfer(ONE)).outputs
            own = [("grpc.use_local_subchannel_pool", 1)]
            async with grpc.aio.insecure_channel(f"127.0.0.1:{played.server.port}", own) as second:
                method: Any = second.unary_unary(f"/{INFER}")
                code, _ = await refusal(method(ONE.SerializeToString()))
                assert code is UNAVAILABLE
            assert (await played.stub.ModelInfer(ONE)).outputs

    asyncio.run(scenario())
