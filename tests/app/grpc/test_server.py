"""`app.grpc.server` and its start: the setting, the extra, the port, the stop."""

from __future__ import annotations

import asyncio
import sys

import numpy as np
import pytest
from grpc import StatusCode

from app.contract import Artifact
from app.errors import CannotListen, GrpcUnavailable
from app.grpc.server import GrpcServer
from app.inference.service import Service
from app.main import create_app
from app.settings import Settings
from tests.app.grpc.played import INFER, playing, probabilities, raw_request, refusal, series
from tests.app.inference.test_service import until
from tests.support.fakes import FakeEngine, by_first_value

ONE = raw_request(series(0.5))


def test_a_start_without_the_extra_says_what_to_install(
    plain_artifact: Artifact, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The setting is named, and the lock file."""
    monkeypatch.setitem(sys.modules, "app.grpc.assembly", None)
    with pytest.raises(GrpcUnavailable, match=r"^GRPC_PORT needs the extra grpc .*requirements/extras/grpc"):
        create_app(Settings(grpc_port=0), Service(plain_artifact, FakeEngine))


def test_a_port_that_cannot_be_bound() -> None:
    """The error names the setting."""
    server = GrpcServer(
        {},
        stopping=asyncio.Event(),
        host="192.0.2.1",  # reserved for documentation: no machine has it
        port=50051,
        max_message_bytes=1024,
        max_connections=0,
    )
    with pytest.raises(CannotListen, match=r"^GRPC_PORT=50051: cannot listen at HOST='192\.0\.2\.1': "):
        asyncio.run(server.start())


def test_a_stop_answers_the_calls_that_are_there_and_takes_no_more(plain_artifact: Artifact) -> None:
    """A call that waits for its batch is answered; a new one gets UNAVAILABLE, so it is sent elsewhere."""

    async def scenario() -> None:
        async with playing(plain_artifact) as played:
            played.engine.hold()
            waiting = played.stub.ModelInfer(ONE)
            await until(lambda: played.sample("admitted_series_total") == 1)
            stopping = asyncio.create_task(played.server.stop(grace=60))
            await asyncio.sleep(0.01)
            refused = await refusal(played.stub.ModelInfer(ONE))
            assert refused == (StatusCode.UNAVAILABLE, "the server is shutting down")
            await asyncio.sleep(0.3)
            code, _ = await refusal(played.stub.ModelInfer(ONE))
            assert code is StatusCode.UNAVAILABLE
            assert not stopping.done()
            played.engine.release()
            np.testing.assert_array_equal(probabilities(await waiting), by_first_value(series(0.5)))
            await asyncio.wait_for(stopping, 30)

    asyncio.run(scenario())


def test_a_stop_waits_no_longer_than_its_grace(plain_artifact: Artifact) -> None:
    """Calls that are not done by then are cancelled, and counted."""

    async def scenario() -> None:
        async with playing(plain_artifact) as played:
            played.engine.hold()
            waiting = played.stub.ModelInfer(ONE)
            await until(lambda: played.sample("admitted_series_total") == 1)
            await asyncio.wait_for(played.server.stop(grace=0.1), 30)
            assert (await refusal(waiting))[0] is StatusCode.UNAVAILABLE
            await until(lambda: played.sample("grpc_requests_total", method=INFER, code="CANCELLED") == 1)

    asyncio.run(scenario())
