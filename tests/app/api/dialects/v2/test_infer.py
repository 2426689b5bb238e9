"""`app.api.dialects.v2`: inference in JSON and binary, on both request paths."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from app.api.dialects.v2.codec import coding_of
from app.contract import Artifact
from qa.harness.messages import as_json, head, post
from tests.app.api.dialects.v2.bodies import (
    BOTH_PATHS,
    HEADER,
    INFER,
    TWO,
    answer_of,
    as_v2,
    ask,
    binary,
    error_of,
    of_document,
    tensor,
)
from tests.app.conftest import LENGTH, MAX_BODY, MAX_ROWS, series
from tests.app.http.played import asking, play, serving, until
from tests.support.fakes import FakeEngine, by_first_value


@BOTH_PATHS
def test_json_gets_all_outputs_in_json(plain_artifact: Artifact, target: str) -> None:
    """Probabilities first, then labels; a model without trust has no others. No id where none was given."""

    async def scenario() -> None:
        async with serving(plain_artifact, FakeEngine()) as played:
            response = await played.connect().ask(post(as_v2(TWO), target=target))
            answer = answer_of(response)
            assert list(answer.document) == ["model_name", "model_version", "outputs"]
            contract = plain_artifact.contract
            assert answer.document["model_name"] == contract.name
            assert answer.document["model_version"] == str(contract.version)
            assert [each["name"] for each in answer.document["outputs"]] == ["probabilities", "label"]
            probabilities = answer.output("probabilities")
            assert (probabilities["datatype"], probabilities["shape"]) == ("FP32", [2, 2])
            np.testing.assert_array_equal(answer.array("probabilities"), by_first_value(TWO))
            assert answer.output("label") == {
                "name": "label",
                "datatype": "BYTES",
                "shape": [2],
                "data": ["1", "-1"],
            }
            assert played.went_on == ([] if target == INFER else [("POST", INFER)])

    play(scenario())


@BOTH_PATHS
def test_binary_requests_get_binary_responses_if_requested(plain_artifact: Artifact, target: str) -> None:
    """The request's own default, which an output's own parameter goes before."""
    every = {"binary_data_output": True}
    mixed = [{"name": "label", "parameters": {"binary_data": False}}, {"name": "probabilities"}]
    all_binary, some, none = ask(
        plain_artifact,
        binary(TWO, target=target, parameters=every),
        binary(TWO, target=target, parameters=every, outputs=mixed),
        binary(TWO, target=target),
    )
    for response in (all_binary, some, none):
        answer = answer_of(response)
        np.testing.assert_array_equal(answer.array("probabilities"), by_first_value(TWO))
        assert answer.texts("label") == ["1", "-1"]
    assert set(answer_of(all_binary).binary) == {"probabilities", "label"}
    assert set(answer_of(some).binary) == {"probabilities"}
    assert not answer_of(none).binary


@BOTH_PATHS
def test_a_body_of_data_alone_is_one_series(plain_artifact: Artifact, target: str) -> None:
    """Header length 0; all outputs are binary. Another size is refused with both numbers."""
    raw, short = ask(
        plain_artifact,
        post(TWO[:1].tobytes(), [(HEADER, "0")], target=target),
        post(TWO.tobytes(), [(HEADER, "0")], target=target),
    )
    answer = answer_of(raw)
    assert set(answer.binary) == {"probabilities", "label"}
    np.testing.assert_array_equal(answer.array("probabilities"), by_first_value(TWO[:1]))
    assert error_of(short, 400) == "body: 4000 bytes; FP32 [1, 500] has 2000"


@BOTH_PATHS
@pytest.mark.parametrize(
    ("outputs", "expected"),
    [
        ([], ["probabilities", "label"]),
        (["label"], ["label"]),
        (["label", "probabilities"], ["probabilities", "label"]),
        (["label", "label"], ["label"]),
    ],
)
def test_outputs_come_once_in_the_models_order(
    plain_artifact: Artifact, target: str, outputs: list[str], expected: list[str]
) -> None:
    """An empty list asks for all."""
    named = [{"name": name} for name in outputs]
    [response] = ask(plain_artifact, post(as_v2(TWO, outputs=named), target=target))
    assert [each["name"] for each in answer_of(response).document["outputs"]] == expected


@pytest.mark.parametrize("is_binary", [False, True])
def test_classification_lists_the_best_classes(plain_artifact: Artifact, *, is_binary: bool) -> None:
    """Score, index and label, the best first; more than there are is all, 0 is off."""

    def request(count: int) -> bytes:
        parameters = {"classification": count, "binary_data": is_binary}
        return post(as_v2(TWO, outputs=[{"name": "probabilities", "parameters": parameters}]), target=INFER)

    one, many, off = (answer_of(each) for each in ask(plain_artifact, request(1), request(9), request(0)))
    assert one.texts("probabilities") == ["0.731059:1:1", "0.880797:0:-1"]
    assert (one.output("probabilities")["datatype"], one.output("probabilities")["shape"]) == (
        "BYTES",
        [2, 1],
    )
    assert many.texts("probabilities") == [
        *("0.731059:1:1", "0.268941:0:-1"),
        *("0.880797:0:-1", "0.119203:1:1"),
    ]
    assert many.output("probabilities")["shape"] == [2, 2]
    assert off.output("probabilities")["datatype"] == "FP32"


@BOTH_PATHS
def test_an_id_comes_back(plain_artifact: Artifact, target: str) -> None:
    """Whatever its characters; an empty one, too."""
    names = ["a", 'quoted "name"', "é😀%s", ""]
    responses = ask(plain_artifact, *(post(as_v2(TWO, id=name), target=target) for name in names))
    assert [answer_of(response).document["id"] for response in responses] == names


@BOTH_PATHS
def test_what_is_for_other_servers_is_ignored(plain_artifact: Artifact, target: str) -> None:
    """Priorities, sequences, parameters and fields of one's own, content types."""
    parameters = {
        "priority": 1,
        "sequence_id": 7,
        "sequence_start": True,
        "sequence_end": False,
        "mine": "x",
        "timeout": 0,
    }
    body = as_v2(
        TWO, parameters=parameters, other=[1], outputs=[{"name": "label", "parameters": {"mine": 1}}]
    )
    types = [[], [("Content-Type", "application/octet-stream")], [("Content-Type", "text/plain; charset=x")]]
    for response in ask(plain_artifact, *(post(body, headers, target=target) for headers in types)):
        assert answer_of(response).texts("label") == ["1", "-1"]


@pytest.mark.parametrize("shape", [(2, LENGTH), (2, LENGTH, 1)])
@pytest.mark.parametrize("is_flat", [True, False])
def test_data_are_flat_or_nested(plain_artifact: Artifact, shape: tuple[int, ...], *, is_flat: bool) -> None:
    """With the axis of the one channel or without; brackets elsewhere change nothing."""
    data = TWO.reshape(shape).tolist()
    changed = tensor(TWO.reshape(shape), **({} if is_flat else {"data": data}))
    documents = [{"inputs": [changed]}, {"inputs": [changed], "id": "[[["}]
    for response in ask(plain_artifact, *map(of_document, documents)):
        np.testing.assert_array_equal(answer_of(response).array("probabilities"), by_first_value(TWO))


@pytest.mark.parametrize(
    ("datatype", "dtype"),
    [
        *[("FP16", "<f2"), ("FP32", "<f4"), ("FP64", "<f8")],
        *[("INT8", "i1"), ("INT16", "<i2"), ("INT32", "<i4"), ("INT64", "<i8")],
    ],
)
@pytest.mark.parametrize("make", [binary, lambda *given: post(as_v2(*given), target=INFER)])
def test_other_numbers_are_converted(
    plain_artifact: Artifact, datatype: str, dtype: str, make: Callable[..., bytes]
) -> None:
    """In binary and in JSON, as exactly as float32 allows."""
    [response] = ask(plain_artifact, make(TWO.astype(dtype), datatype))
    np.testing.assert_array_equal(answer_of(response).array("probabilities"), by_first_value(TWO))


@pytest.mark.parametrize("datatype", ["UINT8", "UINT16", "UINT32", "UINT64"])
def test_unsigned_numbers_are_converted(plain_artifact: Artifact, datatype: str) -> None:
    """In binary and in JSON."""
    values = series(1.0, 2.0)
    given = values.astype(f"<u{int(datatype[4:]) // 8}")
    for response in ask(plain_artifact, binary(given, datatype), post(as_v2(given, datatype), target=INFER)):
        np.testing.assert_array_equal(answer_of(response).array("probabilities"), by_first_value(values))


@pytest.mark.parametrize("datatype", ["FP32", "FP64", "INT64"])
def test_a_large_offset_is_subtracted_in_full_precision(plain_artifact: Artifact, datatype: str) -> None:
    """In JSON also of FP32: the digits are there. In binary FP32 they are not."""
    values = np.tile(np.array([1e9, 1e9 + 1.0]), LENGTH // 2)[None]
    seen: list[float] = []

    def keep(given: np.ndarray[Any, np.dtype[np.float32]]) -> np.ndarray[Any, np.dtype[np.float32]]:
        seen.append(float(np.ptp(given)))
        return by_first_value(given)

    given = values.astype({"INT64": "<i8"}.get(datatype, "<f8"))
    [response] = ask(plain_artifact, post(as_v2(given, datatype), target=INFER), engine=FakeEngine(keep))
    assert response.status == 200
    assert seen == [1.0]


@pytest.mark.parametrize(("name", "pack"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
def test_compressed_requests_are_read(
    plain_artifact: Artifact, name: str, pack: Callable[[bytes], bytes]
) -> None:
    """The header length counts bytes before compression."""
    request = binary(TWO, parameters={"binary_data_output": True})
    start, _, body = request.partition(b"\r\n\r\n")
    size = start.decode().rpartition(f"{HEADER}: ")[2].partition("\r")[0]
    packed, unknown = ask(
        plain_artifact,
        post(pack(body), [(HEADER, size), ("Content-Encoding", name)], target=INFER),
        post(body, [(HEADER, size), ("Content-Encoding", "br")], target=INFER),
    )
    np.testing.assert_array_equal(answer_of(packed).array("probabilities"), by_first_value(TWO))
    assert error_of(unknown, 415).startswith("Content-Encoding br is not supported")


@BOTH_PATHS
@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/v2/models/other/infer", "model other is not served here; the model is 'forda'"),
        ("/v2/models/forda/versions/99/infer", "version 99 is not loaded; loaded: "),
        ("/v2/models/forda/versions/latest/infer", "version 'latest' is not loaded: versions are numbers"),
    ],
)
def test_an_unknown_model_or_version_is_404(
    plain_artifact: Artifact, target: str, path: str, words: str
) -> None:
    """With those that there are."""
    [response] = ask(plain_artifact, post(as_v2(TWO), target=target.replace(INFER, path)))
    assert error_of(response, 404).startswith(words)


@BOTH_PATHS
def test_a_version_can_be_named(plain_artifact: Artifact, target: str) -> None:
    """The response names it, too."""
    version = str(plain_artifact.contract.version)
    path = target.replace(INFER, f"/v2/models/forda/versions/{version}/infer")
    [response] = ask(plain_artifact, post(as_v2(TWO), target=path))
    assert answer_of(response).document["model_version"] == version


@BOTH_PATHS
def test_overload_is_503_and_a_timeout_504(plain_artifact: Artifact, target: str) -> None:
    """The parameter is in microseconds; a refusal has its reason and Retry-After."""

    async def scenario() -> None:
        async with serving(plain_artifact, FakeEngine()) as played:
            await played.held()
            late = post(as_v2(TWO, parameters={"timeout": 50_000}), target=target)
            error_of(await played.connect().ask(late), 504)
            played.connect().send(asking(*[2.0] * MAX_ROWS))
            refused = await played.connect().ask(post(as_v2(TWO), target=target))
            assert error_of(refused, 503).startswith("8 series wait: no room for 1 more")
            assert int(refused.headers["retry-after"]) >= 1
            native = await played.connect().ask(post(as_json(TWO)))
            assert native.status == 429

    play(scenario())


@BOTH_PATHS
def test_limits_of_bodies_hold(plain_artifact: Artifact, target: str) -> None:
    """Size and time, in the protocol's form."""

    async def scenario() -> None:
        async with serving(plain_artifact, FakeEngine()) as played:
            large = await played.connect().ask(post(b"1" * (MAX_BODY + 1), target=target))
            error_of(large, 413)
            slow = played.connect()
            start = head("POST", target, [("Content-Length", "9"), ("X-Request-Timeout", "0.05")])
            error_of(await slow.ask(start, b"1"), 408)
            await until(lambda: slow.is_over)

    play(scenario())


def test_an_engine_that_fails_is_500(plain_artifact: Artifact) -> None:
    """In the protocol's form."""

    def fail(_: Any) -> Any:
        raise RuntimeError("no")

    [response] = ask(plain_artifact, post(as_v2(TWO), target=INFER), engine=FakeEngine(fail))
    error_of(response, 500)


@BOTH_PATHS
def test_large_answers_are_compressed_for_those_who_ask(
    plain_artifact: Artifact, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Gzip or deflate, whichever comes first; the header length is that of the JSON before compression."""
    monkeypatch.setattr("app.api.dialects.v2.codec.COMPRESSED_FROM", 100)
    body = as_v2(TWO, parameters={"binary_data_output": True})
    names = ["gzip, deflate, br", "deflate;q=1.0, gzip", "br", "gzip;q=0"]
    responses = ask(
        plain_artifact,
        *(post(body, [("Accept-Encoding", name)], target=target) for name in names),
        post(b"{}" + b" " * 200, [("Accept-Encoding", "gzip")], target=target),
    )
    plain = responses[2].body
    assert [each.headers.get("content-encoding") for each in responses] == [
        "gzip",
        "deflate",
        None,
        None,
        None,
    ]
    assert gzip.decompress(responses[0].body) == zlib.decompress(responses[1].body) == plain
    sizes = {each.headers[HEADER.lower()] for each in responses[:4]}
    assert len(sizes) == 1
    json.loads(plain[: int(sizes.pop())])
    error_of(responses[4], 400)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        ("", None),
        ("identity", None),
        ("br, zstd", None),
        ("GZIP", "gzip"),
        ("br;q=1, deflate;q=0.5", "deflate"),
        ("gzip; q=0.000, deflate", "deflate"),
        ("gzip;q=0.05", "gzip"),
        ("*", None),
    ],
)
def test_the_coding_is_one_that_the_client_names(value: str | None, expected: str | None) -> None:
    """Never br or zstd."""
    assert coding_of(value) == expected
