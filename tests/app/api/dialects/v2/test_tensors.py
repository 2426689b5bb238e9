"""`app.api.dialects.v2`: what REST and gRPC share, and the fast reader beside the full one."""

from __future__ import annotations

import gc
import json
import weakref
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest

from app.api.dialects import PredictOptions
from app.api.dialects.v2 import V2
from app.api.dialects.v2.codec import BodyForm, V2Codec
from app.api.dialects.v2.model.inputs import ModelInput
from app.api.dialects.v2.model.outputs import ModelOutputs, Requested
from app.api.dialects.v2.plain_request import read_plain_request
from app.contract import Artifact, Contract
from app.errors import ContractViolation, MalformedPayload
from app.inference.predictions import Batch, BatchSlice, Predictions

OPTIONS = PredictOptions(1.0, other=BodyForm())
LENGTH, CHANNELS = 6, 2


def with_channels(contract: Contract, channels: int) -> Contract:
    """The contract with short series of several channels."""
    changed = contract.input.model_copy(update={"length": LENGTH, "channels": channels})
    return contract.model_copy(update={"input": changed})


@pytest.fixture
def several(plain_artifact: Artifact) -> Contract:
    """A contract of two channels."""
    return with_channels(plain_artifact.contract, CHANNELS)


@pytest.fixture
def single(plain_artifact: Artifact) -> Contract:
    """A contract of one channel."""
    return with_channels(plain_artifact.contract, 1)


def codec_of(contract: Contract) -> V2Codec:
    """Its codec."""
    return V2().codec(contract, max_instances=4)


def body(values: Any, shape: list[int]) -> bytes:
    """A request in JSON."""
    tensor = {"name": "series", "datatype": "FP32", "shape": shape, "data": values}
    return json.dumps({"inputs": [tensor]}).encode()


def test_several_channels_are_time_steps_of_values(several: Contract) -> None:
    """Flat, nested, and binary that is not aligned."""
    values = np.random.default_rng(0).normal(size=(3, LENGTH, CHANNELS)).astype("<f4")
    codec = codec_of(several)
    flat = body(values.ravel().tolist(), list(values.shape))
    nested = body(values.tolist(), list(values.shape))
    for given in (flat, nested):
        np.testing.assert_array_equal(codec.decode(given, OPTIONS).series, values)
    shifted = memoryview(b"x" + values.tobytes())[1:]
    found = ModelInput(several, max_series=4).from_bytes(shifted, "FP32", values.shape)
    np.testing.assert_array_equal(found.series, values)
    assert found.series.flags.aligned


def test_time_steps_of_another_size_are_refused(several: Contract) -> None:
    """Also where the number of values is right."""
    values = np.zeros((1, LENGTH, CHANNELS)).tolist()
    values[0][2], values[0][3] = [1.0], [1.0, 2.0, 3.0]
    with pytest.raises(
        ContractViolation, match=r"inputs\[0\].data\[0\]\[2\]: 1 elements; shape \[6, 2\] has 2"
    ):
        codec_of(several).decode(body(values, [1, LENGTH, CHANNELS]), OPTIONS)
    with pytest.raises(ContractViolation, match=r"\[1, 6\]; the model takes \[n, 6, 2\]"):
        codec_of(several).decode(body([0.0] * 6, [1, 6]), OPTIONS)


def damaged(text: bytes, random: np.random.Generator) -> bytes:
    """The text with a few bytes changed, removed, repeated or moved."""
    changed = bytearray(text)
    for _ in range(random.integers(1, 4)):
        place, other = random.integers(0, len(changed), 2)
        match random.integers(4):
            case 0:
                changed[place] = random.choice(list(b'[]{},:"0123456789.-e tfn'))
            case 1:
                del changed[place]
            case 2:
                changed[place:place] = changed[place : place + random.integers(1, 9)]
            case _:
                changed[place], changed[other] = changed[other], changed[place]
    return bytes(changed)


def refused(read: Callable[[bytes], object], given: bytes) -> str | None:
    """Why a request is refused; None if it is taken."""
    try:
        read(given)
    except (ContractViolation, MalformedPayload) as error:
        return str(error)
    return None


def test_the_fast_reader_takes_nothing_that_the_full_one_refuses(single: Contract) -> None:
    """Of thousands of damaged requests; where both take one, they read the same."""
    codec, random, taken = codec_of(single), np.random.default_rng(0), 0
    model_input, decode = ModelInput(single, max_series=4), partial(codec.decode, options=OPTIONS)
    numbers = random.normal(size=(2, LENGTH)).round(2)
    tensor = {"name": "series", "datatype": "FP32", "shape": [2, LENGTH], "data": numbers.ravel().tolist()}
    forms: list[dict[str, Any]] = [
        {"inputs": [tensor]},
        {"id": "a", "inputs": [{**tensor, "data": numbers.tolist()}]},
        {"inputs": [tensor], "outputs": [{"name": "label"}], "parameters": {"timeout": 5}},
    ]
    for index in range(6000):
        given = damaged(json.dumps(forms[index % 3]).encode(), random)
        plain = read_plain_request(given, model_input)
        if plain is None:
            continue
        if (reason := refused(decode, given)) is not None:
            assert refused(codec._decode_json, given) == reason
            continue
        fast, full = decode(given), codec._decode_json(given)
        np.testing.assert_array_equal(fast.series, full.series)
        assert (fast.id, fast.timeout, fast.plan) == (full.id, full.timeout, full.plan)
        taken += 1
    assert taken > 300


def test_damaged_requests_are_refused_and_nothing_else(single: Contract) -> None:
    """JSON before binary data, too: an error of the request, whatever it is."""
    codec, random = codec_of(single), np.random.default_rng(1)
    data = np.zeros((1, LENGTH), "<f4").tobytes()
    parameters = {"binary_data_size": len(data)}
    tensor = {"name": "series", "datatype": "FP32", "shape": [1, LENGTH], "parameters": parameters}
    head = json.dumps({"inputs": [tensor], "outputs": [{"name": "label", "parameters": {}}]}).encode()
    for _ in range(4000):
        changed = damaged(head, random)
        size = len(changed) + int(random.integers(-2, 3))
        decode = partial(codec.decode, options=OPTIONS._replace(other=BodyForm(size)))
        assert refused(decode, changed + data) != ""


def test_what_clients_repeat_is_read_once(single: Contract) -> None:
    """The JSON before binary data and around series, if it is short; ids of one's own fill no memory."""
    codec = codec_of(single)
    data = np.zeros((1, LENGTH), "<f4").tobytes()
    parameters = {"binary_data_size": len(data)}
    tensor = {"name": "series", "datatype": "FP32", "shape": [1, LENGTH], "parameters": parameters}
    plans = set()
    for index in range(200):
        for name in (None, f"{index}" * 2000):
            head = json.dumps({"inputs": [tensor], "id": name}).encode()
            decoded = codec.decode(head + data, OPTIONS._replace(other=BodyForm(len(head))))
            assert decoded.id == name
            if name is None:
                plans.add(id(decoded.plan))
    assert len(plans) == 1
    assert codec._planned_head.cache_info().currsize == 1


def part_of(predictions: Predictions, rows: slice) -> BatchSlice:
    """Some series of a batch."""
    return BatchSlice(Batch(lambda: predictions, [len(predictions)]), rows)


def test_outputs_are_those_of_the_requests_series(trusted_artifact: Artifact) -> None:
    """A part of a batch in the binary form: little-endian, booleans as bytes, texts behind their lengths."""
    outputs = ModelOutputs(trusted_artifact.contract)
    probabilities = np.array([[0.9, 0.1], [0.25, 0.75], [0.5, 0.5]], np.float32)
    label_sets = np.array([[1, 0], [0, 1], [1, 1]], np.bool_)
    scores, warnings = np.array([0.0, 0.5, 1.0], np.float32), np.zeros((3, 5), np.bool_)
    part = part_of(Predictions(probabilities, label_sets, scores, warnings), slice(1, 3))
    names = [each.name for each in outputs.choose(())]
    assert names == ["probabilities", "label", "label_set", "ood_score"]
    raw = {name: outputs.raw(Requested(name), part) for name in names}
    assert raw["probabilities"] == probabilities[1:].astype("<f4").tobytes()
    assert raw["label"] == b"\x01\x00\x00\x001" + b"\x02\x00\x00\x00-1"
    assert raw["label_set"] == b"\x00\x01\x01\x01"
    assert raw["ood_score"] == scores[1:].astype("<f4").tobytes()
    assert [outputs.head(Requested(name), 2).shape for name in names] == [(2, 2), (2,), (2, 2), (2,)]
    # Of equal scores, the class that comes first.
    assert outputs.classified(part, 1) == [["0.750000:1:1"], ["0.500000:0:-1"]]
    assert outputs.raw(Requested("probabilities", 1), part).endswith(b"\x0d\x00\x00\x000.500000:0:-1")


def test_a_codec_is_freed_with_its_version(single: Contract) -> None:
    """Without a garbage collection, also after requests of every kind."""
    codec = codec_of(single)
    codec.decode(body([0.0] * LENGTH, [1, LENGTH]), OPTIONS)
    codec.decode(np.zeros(LENGTH, "<f4").tobytes(), OPTIONS._replace(other=BodyForm(0)))
    gone = weakref.ref(codec._write)
    gc.disable()
    try:
        del codec
        assert gone() is None
    finally:
        gc.enable()
