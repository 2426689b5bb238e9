"""ModelStreamInfer: order, errors within the stream, its end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import grpc
import numpy as np
import pytest
from grpc import StatusCode

from app.contract import Artifact
from app.grpc.generated.inference_pb2 import ModelInferRequest, ModelStreamInferResponse
from tests.app.grpc.played import SERVICE, parameters, playing, probabilities, raw_request, series
from tests.app.inference.test_service import until
from tests.support.fakes import by_first_value


async def sent(*requests: ModelInferRequest) -> AsyncIterator[ModelInferRequest]:
    """Requests for a stream."""
    for request in requests:
        yield request


def test_answers_come_in_the_order_of_the_requests(plain_artifact: Artifact) -> None:
    """More requests than may wait at once, each with its own answer."""

    async def scenario() -> None:
        async with playing(plain_artifact) as played:
            values = [series(number / 10) for number in range(100)]
            stream = played.stub.ModelStreamInfer(
                sent(*(raw_request(each, id=str(at)) for at, each in enumerate(values)))
            )
            found = [each async for each in stream]
            for at, (answer, value) in enumerate(zip(found, values, strict=True)):
                # The queue of this server holds 8 series; what has no room is refused.
                if answer.error_message:
                    assert "try again" in answer.error_message
                else:
                    np.testing.assert_array_equal(probabilities(answer.infer_response), by_first_value(value))
                assert answer.infer_response.id == str(at)
            assert sum(not each.error_message for each in found) >= 8

    asyncio.run(scenario())


def test_an_error_is_an_answer_and_the_stream_goes_on(plain_artifact: Artifact) -> None:
    """Refused before the model, by it, or not a message at all: the next request is answered as ever."""

    async def scenario() -> None:
        async with playing(plain_artifact) as played:
            stream = played.stub.ModelStreamInfer()
            good = raw_request(series(0.5), id="good")
            bad = raw_request(series(np.nan), id="bad")
            for request, words in ((bad, "element [0, 0] is not a finite number"), (good, "")):
                await stream.write(request)
                answer = await stream.read()
                assert words in answer.error_message
                assert bool(answer.error_message) is bool(words)
                assert answer.infer_response.id == request.id
            await stream.done_writing()
            assert await stream.read() is grpc.aio.EOF
            assert await stream.code() is StatusCode.OK
            raw = played.channel.stream_stream(
                "/inference.GRPCInferenceService/ModelStreamInfer",
                response_deserializer=ModelStreamInferResponse.FromString,
            )()
            await raw.write(b"\xff")
            assert (await raw.read()).error_message == "the message is no inference.ModelInferRequest"
            await raw.write(good.SerializeToString())
            assert (await raw.read()).infer_response.id == "good"

    asyncio.run(scenario())


def test_the_last_answer_is_marked_for_those_who_ask(plain_artifact: Artifact) -> None:
    """Triton's clients end a request by it."""

    async def scenario() -> None:
        async with playing(plain_artifact) as played:
            asked = parameters(triton_enable_empty_final_response=True)
            stream = played.stub.ModelStreamInfer(
                sent(raw_request(series(0.5)), raw_request(series(0.5), parameters=asked))
            )
            first, second = [each.infer_response async for each in stream]
            assert not first.parameters
            assert second.parameters["triton_final_response"].bool_param
            assert second.outputs == first.outputs

    asyncio.run(scenario())


def test_requests_of_one_stream_share_a_batch(plain_artifact: Artifact) -> None:
    """A request is submitted while those before it wait."""

    async def scenario() -> None:
        async with playing(plain_artifact) as played:
            played.engine.hold()
            stream = played.stub.ModelStreamInfer(sent(*(raw_request(series(at)) for at in range(5))))
            await until(lambda: played.sample("admitted_series_total") == 5)
            played.engine.release()
            assert len([each async for each in stream if not each.error_message]) == 5
            assert len(played.engine.batches) <= 2

    asyncio.run(scenario())


def test_a_client_that_leaves_takes_its_requests_along(plain_artifact: Artifact) -> None:
    """What waits in the queue is dropped, and the next caller is answered."""

    async def scenario() -> None:
        async with playing(plain_artifact) as played:
            played.engine.hold()
            stream = played.stub.ModelStreamInfer(sent(*(raw_request(series(at)) for at in range(4))))
            await until(lambda: played.sample("admitted_series_total") == 4)
            stream.cancel()
            await until(lambda: played.sample("dropped_series_total", reason="cancelled") == 3)
            played.engine.release()
            await played.stub.ModelInfer(raw_request(series(0.5)))
            method = f"{SERVICE}/ModelStreamInfer"
            assert played.sample("grpc_requests_total", method=method, code="CANCELLED") == 1

    asyncio.run(scenario())


def test_a_server_that_stops_ends_idle_streams_and_answers_what_it_has_read(plain_artifact: Artifact) -> None:
    """Neither an idle client nor a slow batch costs answers; both get UNAVAILABLE at the end."""

    async def scenario() -> None:
        async with playing(plain_artifact) as played:
            idle, busy = played.stub.ModelStreamInfer(), played.stub.ModelStreamInfer()
            await idle.write(raw_request(series(0.5)))
            await idle.read()
            played.engine.hold()
            await busy.write(raw_request(series(1)))
            await until(lambda: played.sample("admitted_series_total") == 2)
            stopping = asyncio.create_task(played.server.stop(grace=60))
            with pytest.raises(grpc.aio.AioRpcError) as error:
                await idle.read()
            assert error.value.code() is StatusCode.UNAVAILABLE
            played.engine.release()
            answer = await busy.read()
            np.testing.assert_array_equal(probabilities(answer.infer_response), by_first_value(series(1)))
            with pytest.raises(grpc.aio.AioRpcError) as error:
                await busy.read()
            assert error.value.code() is StatusCode.UNAVAILABLE
            await asyncio.wait_for(stopping, 30)

    asyncio.run(scenario())
