"""`app.grpc.infer` and `app.grpc.messages`: one request, its outputs and its errors."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import grpc
import numpy as np
import pytest
from grpc import StatusCode

from app.contract import Artifact
from app.grpc.generated.inference_pb2 import InferParameter, ModelInferRequest
from app.grpc.messages import field
from tests.app.conftest import MAX_BODY, MAX_ROWS
from tests.app.grpc.played import (
    INFER,
    Played,
    output,
    parameters,
    playing,
    probabilities,
    raw_request,
    refusal,
    series,
    typed_request,
)
from tests.support import trusted
from tests.support.fakes import by_first_value
from tests.support.trusted import a_series

ONE = series(0.5)
WANTED = by_first_value(ONE)
Output = ModelInferRequest.InferRequestedOutputTensor
INVALID = StatusCode.INVALID_ARGUMENT


def test_raw_contents_are_answered_raw(plain_artifact: Artifact) -> None:
    """Clients of Triton read raw contents alone, so every output has them, in the order of the outputs."""

    async def scenario() -> None:
        three = series(0.5, -1, 2)
        async with playing(plain_artifact) as played:
            answer = await played.stub.ModelInfer(raw_request(three))
        assert (answer.model_name, answer.model_version, answer.id) == ("forda", "4", "")
        assert [(each.name, each.datatype, list(each.shape)) for each in answer.outputs] == [
            ("probabilities", "FP32", [3, 2]),
            ("label", "BYTES", [3]),
        ]
        assert not any(each.HasField("contents") for each in answer.outputs)
        np.testing.assert_array_equal(probabilities(answer), by_first_value(three))
        first, second = b"\x02\0\0\0-1", b"\x01\0\0\x001"
        assert list(answer.raw_output_contents[1:]) == [second + first + second]

    asyncio.run(scenario())


def test_outputs_of_a_model_with_trust(trusted_artifact: Artifact) -> None:
    """A model with trust has label sets and scores, too; only what is asked for is answered, in its order."""

    async def scenario() -> None:
        values = np.stack([a_series(3.0, -1.0), a_series(0.0, 1.0)])
        name = trusted_artifact.contract.name
        async with playing(trusted_artifact, trusted.answers) as played:
            everything = await played.stub.ModelInfer(raw_request(values, model_name=name))
            wanted = [Output(name=each) for each in ("ood_score", "label_set", "ood_score")]
            some = await played.stub.ModelInfer(raw_request(values, model_name=name, outputs=wanted))
        assert [each.name for each in everything.outputs] == [
            *("probabilities", "label", "label_set", "ood_score"),
        ]
        assert [each.name for each in some.outputs] == ["label_set", "ood_score"]
        np.testing.assert_array_equal(output(some, "label_set", np.bool_), [[False, True], [True, True]])
        scores = output(some, "ood_score", np.float32)
        assert scores.shape == (2,)
        assert 0 < scores[0] < scores[1] <= 1

    asyncio.run(scenario())


def test_elements_in_fields_are_answered_as_the_same_elements_raw(plain_artifact: Artifact) -> None:
    """Each datatype has a field of its own, which several share, or none; the answer is always raw."""
    fields = {
        "FP32": "fp32_contents",
        "FP64": "fp64_contents",
        "INT64": "int64_contents",
        "INT8": "int_contents",
        "INT16": "int_contents",
        "INT32": "int_contents",
        "UINT8": "uint_contents",
        "UINT16": "uint_contents",
        "UINT32": "uint_contents",
        "UINT64": "uint64_contents",
    }
    dtypes = {"FP16": "f2", "FP32": "f4", "FP64": "f8"}

    async def scenario() -> None:
        async with playing(plain_artifact) as played:
            for datatype in ("FP16", *fields):
                is_float = datatype.startswith("FP")
                bits = datatype.lstrip("UINTFP")
                dtype = dtypes.get(datatype) or f"{datatype[0].lower()}{int(bits) // 8}"
                values = np.zeros((2, 500), dtype)
                values[:, 0] = (0.5, 2) if is_float else (1, 2)
                answer = await played.stub.ModelInfer(raw_request(values, datatype=datatype))
                np.testing.assert_array_equal(
                    probabilities(answer), by_first_value(values.astype(np.float32)), err_msg=datatype
                )
                if datatype in fields:
                    contents = {fields[datatype]: values.ravel().tolist()}
                    request = typed_request((2, 500), datatype, **contents)
                    assert await played.stub.ModelInfer(request) == answer

    asyncio.run(scenario())


def test_series_with_a_dimension_for_the_channel_are_taken(plain_artifact: Artifact) -> None:
    """A model of one channel takes `[n, length]` and `[n, length, 1]`."""

    async def scenario() -> None:
        async with playing(plain_artifact) as played:
            answer = await played.stub.ModelInfer(raw_request(ONE[..., np.newaxis]))
        np.testing.assert_array_equal(probabilities(answer), WANTED)

    asyncio.run(scenario())


def test_id_version_and_parameters(plain_artifact: Artifact) -> None:
    """The id comes back where there is one; a version is a number in text; unknown parameters do no harm."""
    harmless = parameters(priority=3, sequence_id=7, sequence_start=True, custom="x", weight=0.5, timeout=0)
    harmless["big"] = InferParameter(uint64_param=2**63)
    harmless["empty"] = InferParameter()

    async def scenario() -> None:
        async with playing(plain_artifact) as played:
            request = raw_request(ONE, id="caller/7", model_version="4", parameters=harmless)
            request.inputs[0].parameters["custom"].string_param = "x"
            request.outputs.append(Output(name="probabilities", parameters=parameters(binary_data=False)))
            answer = await played.stub.ModelInfer(request)
        assert answer.id == "caller/7"
        assert not answer.parameters
        np.testing.assert_array_equal(probabilities(answer), WANTED)

    asyncio.run(scenario())


def test_classification(plain_artifact: Artifact) -> None:
    """The best classes as `score:index:label`, at most as many as there are; 0 is the plain tensor."""

    async def scenario() -> None:
        async with playing(plain_artifact) as played:
            for count, shape in ((1, [2, 1]), (9, [2, 2])):
                wanted = Output(name="probabilities", parameters=parameters(classification=count))
                answer = await played.stub.ModelInfer(raw_request(series(2, -2), outputs=[wanted]))
                [tensor] = answer.outputs
                assert (tensor.datatype, list(tensor.shape)) == ("BYTES", shape)
                assert answer.raw_output_contents[0].startswith(b"\x0c\0\0\x000.880797:1:1")
            wanted = Output(name="probabilities", parameters=parameters(classification=0))
            answer = await played.stub.ModelInfer(raw_request(ONE, outputs=[wanted]))
        np.testing.assert_array_equal(probabilities(answer), WANTED)

    asyncio.run(scenario())


def changed(**fields: Any) -> ModelInferRequest:
    """A good request with other fields."""
    return raw_request(ONE, **fields)


def with_input(**fields: Any) -> ModelInferRequest:
    """A good request whose input has other fields."""
    request = raw_request(ONE)
    for name, value in fields.items():
        if isinstance(value, list):
            del getattr(request.inputs[0], name)[:]
            getattr(request.inputs[0], name).extend(value)
        else:
            setattr(request.inputs[0], name, value)
    return request


def twice() -> ModelInferRequest:
    """A request whose input and whose contents come twice."""
    request = raw_request(ONE)
    request.inputs.append(request.inputs[0])
    request.raw_input_contents.append(ONE.tobytes())
    return request


def both() -> ModelInferRequest:
    """A request with raw contents and elements."""
    request = raw_request(ONE)
    request.inputs[0].contents.fp32_contents.extend(ONE[0])
    return request


def shared_memory(where: str) -> ModelInferRequest:
    """A request that wants shared memory."""
    request = raw_request(ONE, outputs=[Output(name="label")])
    getattr(request, where)[0].parameters["shared_memory_region"].string_param = "region"
    return request


BAD: dict[str, tuple[ModelInferRequest, StatusCode, str]] = {
    "no model": (changed(model_name=""), StatusCode.NOT_FOUND, "model "),
    "another model": (changed(model_name="fordb"), StatusCode.NOT_FOUND, "the model is 'forda'"),
    "another version": (changed(model_version="9"), StatusCode.NOT_FOUND, "loaded: 4"),
    "no number": (changed(model_version="latest"), StatusCode.NOT_FOUND, "versions are numbers"),
    "no input": (changed(inputs=[], raw_input_contents=[]), INVALID, "inputs: no tensor"),
    "another input": (with_input(name="other"), INVALID, "inputs[0].name"),
    "twice": (twice(), INVALID, "inputs[1].name"),
    "text": (with_input(datatype="BYTES"), INVALID, "inputs[0].datatype: BYTES is not supported"),
    "no datatype": (with_input(datatype=""), INVALID, "inputs[0].datatype"),
    "no shape": (with_input(shape=[]), INVALID, "inputs[0].shape: []"),
    "one dimension": (with_input(shape=[500]), INVALID, "send [1, 500]"),
    "another length": (with_input(shape=[1, 499]), INVALID, "inputs[0].shape: [1, 499]"),
    "no series": (with_input(shape=[0, 500]), INVALID, "inputs[0].shape: no series"),
    "negative": (with_input(shape=[-1, 500]), INVALID, "inputs[0].shape"),
    "product that wraps to 0": (with_input(shape=[2**62, 500]), INVALID, "inputs[0].shape"),
    "product that wraps to 500": (with_input(shape=[2**40, 500]), INVALID, "inputs[0].shape"),
    "many dimensions": (with_input(shape=[1] * 10_000), INVALID, "inputs[0].shape"),
    "too many series": (raw_request(series(*range(MAX_ROWS + 1))), INVALID, f"at most {MAX_ROWS}"),
    "both": (both(), INVALID, "inputs[0].contents: the request has raw_input_contents, too"),
    "too short": (
        raw_request(ONE.tobytes()[:-1], shape=(1, 500)),
        INVALID,
        "1999 bytes; FP32 [1, 500] has 2000",
    ),
    "too long": (raw_request(ONE.tobytes() + b"\0", shape=(1, 500)), INVALID, "2001 bytes"),
    "empty": (raw_request(b"", shape=(1, 500)), INVALID, "0 bytes"),
    "unused contents": (
        *(changed(raw_input_contents=[ONE.tobytes()] * 2), INVALID),
        "raw_input_contents: 2 contents for 1 input",
    ),
    "no contents": (changed(raw_input_contents=[]), INVALID, "0 values; shape [1, 500] has 500"),
    "too few elements": (typed_request((1, 500), fp32_contents=[1.0] * 499), INVALID, "499 values"),
    "too many elements": (typed_request((1, 500), fp32_contents=[1.0] * 501), INVALID, "501 values"),
    "wrong field": (
        *(typed_request((1, 500), fp64_contents=[1.0] * 500), INVALID),
        "fp64_contents does not fit datatype FP32; send fp32_contents",
    ),
    "half as elements": (
        *(typed_request((1, 500), datatype="FP16", fp32_contents=[1.0] * 500), INVALID),
        "FP16 has no field here; send it in raw_input_contents",
    ),
    "out of the datatype's range": (
        *(typed_request((1, 500), datatype="INT8", int_contents=[128] * 500), INVALID),
        "128 is out of range of INT8",
    ),
    "not finite": (raw_request(series(np.nan)), INVALID, "element [0, 0] is not a finite number"),
    "beyond float32": (
        *(typed_request((1, 500), datatype="FP64", fp64_contents=[1e300] * 500), INVALID),
        "beyond the range of float32",
    ),
    "unknown output": (changed(outputs=[Output(name="other")]), INVALID, "outputs[0].name"),
    "classified label": (
        *(changed(outputs=[Output(name="label", parameters=parameters(classification=1))]), INVALID),
        "outputs[0].parameters.classification",
    ),
    "classification in text": (
        *(
            changed(outputs=[Output(name="probabilities", parameters=parameters(classification="1"))]),
            INVALID,
        ),
        "outputs[0].parameters.classification: expected a whole number",
    ),
    "negative timeout": (changed(parameters=parameters(timeout=-1)), INVALID, "parameters.timeout"),
    "timeout in text": (changed(parameters=parameters(timeout="1")), INVALID, "parameters.timeout"),
    "input in shared memory": (shared_memory("inputs"), INVALID, "inputs[0].parameters.shared_memory_region"),
    "output in shared memory": (shared_memory("outputs"), INVALID, "outputs[0].parameters.shared_memory"),
}


def test_requests_that_are_refused(plain_artifact: Artifact) -> None:
    """Each with a status and words that say what is wrong, where; the server then answers as before."""

    async def scenario() -> None:
        async with playing(plain_artifact) as played:
            for name, (request, code, words) in BAD.items():
                found, details = await refusal(played.stub.ModelInfer(request))
                assert (found, words in details) == (code, True), f"{name}: {found} {details}"
                assert len(details) < 300, name
            np.testing.assert_array_equal(
                probabilities(await played.stub.ModelInfer(raw_request(ONE))), WANTED
            )
            assert played.engine.batches[-1:] == [1]

    asyncio.run(scenario())


async def raw_call(played: Played, message: bytes, **options: Any) -> bytes:
    """Send these bytes to ModelInfer."""
    answer: bytes = await played.channel.unary_unary(f"/{INFER}")(message, **options)
    return answer


def test_messages_that_are_none(plain_artifact: Artifact) -> None:
    """Broken bytes are INVALID_ARGUMENT; cut and changed messages get an answer or that, never a crash."""

    async def scenario() -> None:
        chance = random.Random(7)  # noqa: S311 - chance that anyone can repeat
        good = raw_request(series(0.5, 1), id="x", parameters=parameters(a=1)).SerializeToString()
        async with playing(plain_artifact) as played:
            found, details = await refusal(raw_call(played, b"\xff" * 20))
            assert (found, details) == (INVALID, "the message is no inference.ModelInferRequest")
            assert (await refusal(raw_call(played, b"")))[0] is StatusCode.NOT_FOUND  # an empty message
            for _ in range(200):
                broken = bytearray(good[: chance.randrange(len(good))] if chance.random() < 0.5 else good)
                for _ in range(chance.randrange(4)):
                    if broken:
                        broken[chance.randrange(min(len(broken), 80))] = chance.randrange(256)
                call = played.channel.unary_unary(f"/{INFER}")(bytes(broken))
                assert await call.code() in (StatusCode.OK, INVALID, StatusCode.NOT_FOUND)
            assert await raw_call(played, good)

    asyncio.run(scenario())


def test_messages_over_the_limit(plain_artifact: Artifact) -> None:
    """RESOURCE_EXHAUSTED, also for a small message that is large once it is decompressed."""

    async def scenario() -> None:
        async with playing(plain_artifact) as played:
            for options in ({}, {"compression": grpc.Compression.Gzip}):
                code, _ = await refusal(raw_call(played, bytes(MAX_BODY + 1), **options))
                assert code is StatusCode.RESOURCE_EXHAUSTED
            assert await raw_call(played, raw_request(ONE).SerializeToString())

    asyncio.run(scenario())


@pytest.mark.parametrize("compression", [grpc.Compression.Gzip, grpc.Compression.Deflate])
def test_compressed_requests(plain_artifact: Artifact, compression: grpc.Compression) -> None:
    """The library decompresses what the protocol of HTTP/2 allows."""

    async def scenario() -> None:
        async with playing(plain_artifact) as played:
            answer = await played.stub.ModelInfer(raw_request(ONE), compression=compression)
        np.testing.assert_array_equal(probabilities(answer), WANTED)

    asyncio.run(scenario())


def test_a_call_without_a_message(plain_artifact: Artifact) -> None:
    """A call that ends before its message gets an error that says so."""

    async def nothing() -> Any:
        for message in range(0):
            yield message

    async def scenario() -> None:
        async with playing(plain_artifact) as played:
            call = played.channel.stream_unary(f"/{INFER}")(nothing())
            assert await refusal(call) == (INVALID, "the call ended without a message; send one")

    asyncio.run(scenario())


def test_fields_are_serialized_as_protobuf_does() -> None:
    """Lengths of one, two and three bytes."""
    for length in (0, 1, 127, 128, 16_383, 16_384, 100_000):
        request = ModelInferRequest(raw_input_contents=[bytes(length)])
        assert b"".join(field(7, bytes(length))) == request.SerializeToString()
