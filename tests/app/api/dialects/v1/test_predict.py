"""`:predict` and `:classify` of `app.api.dialects.v1`, on both paths: forms, addresses, limits and errors."""

from __future__ import annotations

import asyncio
import dataclasses
import gzip
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.api.middleware.api_keys import line_of, new_key
from app.contract import Artifact, InputSpec
from qa.harness.messages import get, post
from tests.app.api.dialects.v1.asked import BOTH_PATHS, MODEL, asking, content_of, error_of, rows
from tests.app.conftest import LENGTH, MAX_BODY, MAX_ROWS, series
from tests.app.http.played import asking as asking_natively
from tests.app.http.played import play, serving
from tests.support.fakes import FakeEngine, by_first_value

CLASSIFY = f"{MODEL}:classify"


def expected(*first_values: float) -> list[dict[str, Any]]:
    """The rows of the predictions of a model without trust."""
    found = by_first_value(series(*first_values))
    return [
        {
            "probabilities": [float(str(value)) for value in each],
            "label": "1" if each[1] > each[0] else "-1",
        }
        for each in found
    ]


@BOTH_PATHS
@pytest.mark.parametrize(
    "document",
    [
        {"instances": rows(2.0, -1.0)},
        {"instances": [{"series": each} for each in rows(2.0, -1.0)]},
        {"signature_name": "serving_default", "instances": rows(2.0, -1.0)},
        {"instances": rows(2.0, -1.0), "signature_name": ""},
        {"parameters": {"a": [1]}, "instances": rows(2.0, -1.0)},
        {"instances": rows(2.0, -1.0), "café": None},
    ],
    ids=["plain", "by name", "signature", "default signature", "other field", "not ASCII"],
)
def test_rows_become_predictions(plain_artifact: Artifact, query: str, document: Any) -> None:
    """In their order, an object by the names of the outputs for each."""

    async def scenario() -> None:
        async with serving(plain_artifact, FakeEngine()) as played:
            answer = await played.connect().ask(asking(document, query=query))
            assert content_of(answer) == {"predictions": expected(2.0, -1.0)}
            assert "queue;dur=" in answer.headers["server-timing"]
            assert played.went_on == ([] if not query else [("POST", f"{MODEL}:predict")])

    play(scenario())


@BOTH_PATHS
@pytest.mark.parametrize(
    "inputs",
    [
        rows(2.0, -1.0),
        {"series": rows(2.0, -1.0)},
        {"series": rows(2.0, -1.0), "more": [[1, 2], 3]},
    ],
    ids=["plain", "by name", "further names"],
)
def test_columns_become_outputs(plain_artifact: Artifact, query: str, inputs: Any) -> None:
    """A list for each output."""

    async def scenario() -> None:
        async with serving(plain_artifact, FakeEngine()) as played:
            answer = await played.connect().ask(asking({"inputs": inputs}, query=query))
            both = expected(2.0, -1.0)
            columns = {name: [each[name] for each in both] for name in both[0]}
            assert content_of(answer) == {"outputs": columns}

    play(scenario())


@BOTH_PATHS
@pytest.mark.parametrize(
    "document",
    [
        {"examples": [{"series": each} for each in rows(2.0, -1.0)]},
        {"examples": [{"series": each, "other": "x"} for each in rows(2.0, -1.0)], "context": {"a": 1}},
    ],
    ids=["plain", "other features"],
)
def test_examples_become_results(plain_artifact: Artifact, query: str, document: Any) -> None:
    """Label and probability of each class."""

    async def scenario() -> None:
        async with serving(plain_artifact, FakeEngine()) as played:
            answer = await played.connect().ask(asking(document, to=CLASSIFY, query=query))
            assert content_of(answer) == {
                "results": [
                    [list(pair) for pair in zip(("-1", "1"), each["probabilities"], strict=True)]
                    for each in expected(2.0, -1.0)
                ]
            }

    play(scenario())


@BOTH_PATHS
@pytest.mark.parametrize(
    ("method", "field", "named"),
    [("predict", "instances", False), ("predict", "instances", True), ("classify", "examples", True)],
)
def test_series_of_several_channels_are_lists_of_time_steps(
    plain_artifact: Artifact, query: str, method: str, field: str, *, named: bool
) -> None:
    """Those of examples are flat lists of all values, step by step."""
    own = plain_artifact.contract.model_copy(update={"input": InputSpec(name="series", length=3, channels=2)})
    engine = FakeEngine(lambda batch: by_first_value(batch[:, :, 1]))
    sent = [[[0.0, 2.0], [5.0, -7.0], [1.0, 1.0]]]
    items: list[Any] = [np.ravel(each).tolist() for each in sent] if method == "classify" else sent
    document = {field: [{"series": each} for each in items] if named else items}

    async def scenario() -> None:
        async with serving(dataclasses.replace(plain_artifact, contract=own), engine) as played:
            request = asking(document, to=f"{MODEL}:{method}", query=query)
            answer = content_of(await played.connect().ask(request))
            if method == "classify":
                [found] = answer["results"]
                scores = [score for _, score in found]
            else:
                [found] = answer["predictions"]
                scores = found["probabilities"]
            assert scores == expected(2.0)[0]["probabilities"]

    play(scenario())


@BOTH_PATHS
def test_numbers_have_a_point_or_an_exponent(plain_artifact: Artifact, query: str) -> None:
    """Clients do not take them for integers; each is the shortest text of its float32."""
    engine = FakeEngine(lambda batch: np.tile(np.array([[1.0, 1e-20]], np.float32), (len(batch), 1)))

    async def scenario() -> None:
        async with serving(plain_artifact, engine) as played:
            answer = await played.connect().ask(asking({"instances": rows(0.0)}, query=query))
            assert answer.body == b'{"predictions":[{"probabilities":[1.0,1e-20],"label":"-1"}]}'

    play(scenario())


@BOTH_PATHS
@pytest.mark.parametrize("version", ["/versions/{version}", "/labels/stable", "/versions/00{version}"])
@pytest.mark.parametrize("method", ["predict", "PREDICT", "Predict"])
def test_versions_and_labels_stand_in_the_path(
    plain_artifact: Artifact, query: str, version: str, method: str
) -> None:
    """The label stable is for the version that serves; a method may be in any case."""
    target = f"{MODEL}{version}:{method}".format(version=plain_artifact.contract.version)

    async def scenario() -> None:
        async with serving(plain_artifact, FakeEngine()) as played:
            answer = await played.connect().ask(asking({"instances": rows(2.0)}, to=target, query=query))
            assert content_of(answer) == {"predictions": expected(2.0)}

    play(scenario())


@BOTH_PATHS
@pytest.mark.parametrize(
    ("target", "status", "words"),
    [
        ("/v1/models/other:predict", 404, "model other is not served here; the model is 'forda'"),
        (f"{MODEL}/versions/99:predict", 404, "version 99 is not loaded; loaded: .*"),
        (f"{MODEL}/versions/{'9' * 400}:predict", 404, "version 9{59}… is not loaded"),
        (f"{MODEL}/labels/canary:predict", 404, "label canary is not assigned; the only label is stable: .*"),
        (
            f"{MODEL}/versions/one:predict",
            400,
            "Malformed request: /v1/models/forda/versions/one:predict: a version is a whole number",
        ),
        (f"{MODEL}/versions/-1:predict", 400, "Malformed request: .*"),
        (
            f"{MODEL}:guess",
            400,
            "Malformed request: POST /v1/models/forda:guess: no such method; use :predict, .*",
        ),
        (f"{MODEL}:explain", 501, "forda/4 was sealed without `explanation_reference`.*"),
        (f"{MODEL}:Explain", 400, "Malformed request: .*: no such method; write it :explain"),
        (f"{MODEL}:Regress", 501, "the model classifies: regression is not offered; use .*"),
    ],
)
def test_other_addresses_are_refused(
    plain_artifact: Artifact, query: str, target: str, status: int, words: str
) -> None:
    """404 for what is unknown, 400 for what is no address, 501 for what is not offered."""

    async def scenario() -> None:
        async with serving(plain_artifact, FakeEngine()) as played:
            answer = await played.connect().ask(asking({"instances": rows(2.0)}, to=target, query=query))
            assert re.fullmatch(words, error_of(answer, status))
            assert played.engine.batches == []

    play(scenario())


@BOTH_PATHS
@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "", "a/b;c"])
def test_the_content_type_is_ignored(plain_artifact: Artifact, query: str, content_type: str) -> None:
    """That of `curl -d` among them."""
    headers = [("Content-Type", content_type), ("Accept", "text/html")]

    async def scenario() -> None:
        async with serving(plain_artifact, FakeEngine()) as played:
            request = asking({"instances": rows(2.0)}, query=query, headers=headers)
            assert content_of(await played.connect().ask(request)) == {"predictions": expected(2.0)}

    play(scenario())


def test_a_compressed_request_gets_a_plain_response(plain_artifact: Artifact) -> None:
    """Whatever the client accepts."""
    body = gzip.compress(json.dumps({"instances": rows(2.0)}).encode())
    headers = [("Content-Encoding", "gzip"), ("Accept-Encoding", "gzip, deflate")]

    async def scenario() -> None:
        async with serving(plain_artifact, FakeEngine()) as played:
            connection = played.connect()
            answer = await connection.ask(asking(body, headers=headers))
            assert content_of(answer) == {"predictions": expected(2.0)}
            broken = asking(body[:-9], headers=headers)
            assert error_of(await connection.ask(broken), 400).startswith("broken gzip: ")
            other = asking(body, headers=[("Content-Encoding", "br")])
            assert error_of(await connection.ask(other), 415).startswith(
                "Content-Encoding br is not supported"
            )

    play(scenario())


@BOTH_PATHS
@pytest.mark.parametrize(
    ("body", "headers", "status", "words"),
    [
        (b"{", [], 400, "JSON Parse error: EOF while parsing an object at line 1 column 1"),
        (b"", [], 400, "JSON Parse error: The document is empty"),
        (
            {"instances": rows(*[1.0] * (MAX_ROWS + 1))},
            [],
            400,
            f"instances: {MAX_ROWS + 1} series; at most {MAX_ROWS} a request",
        ),
        (b"1" * (MAX_BODY + 1), [], 413, f"the body has {MAX_BODY + 1} bytes; the limit is {MAX_BODY}"),
        (
            {"instances": rows(1.0)},
            [("X-Request-Timeout", "soon")],
            400,
            "X-Request-Timeout: expected seconds above 0, such as 0.5; got soon",
        ),
    ],
)
def test_limits_are_reported_in_its_form(
    plain_artifact: Artifact,
    query: str,
    body: Any,
    headers: list[tuple[str, str]],
    status: int,
    words: str,
) -> None:
    """`{"error": words}`, and 400 where the server's own protocol has 422."""

    async def scenario() -> None:
        async with serving(plain_artifact, FakeEngine()) as played:
            answer = await played.connect().ask(asking(body, query=query, headers=headers))
            assert error_of(answer, status) == words

    play(scenario())


@BOTH_PATHS
def test_overload_is_503_and_a_deadline_504(plain_artifact: Artifact, query: str) -> None:
    """With the time to wait, and the words that the client shows."""

    async def scenario() -> None:
        async with serving(plain_artifact, FakeEngine()) as played:
            await played.held()
            late = asking({"instances": rows(1.0)}, query=query, headers=[("X-Request-Timeout", "0.05")])
            assert error_of(await played.connect().ask(late), 504).startswith("the deadline passed")
            played.connect().send(asking_natively(*[2.0] * MAX_ROWS))
            for _ in range(2):
                refused = await played.connect().ask(asking({"instances": rows(1.0)}, query=query))
                assert error_of(refused, 503).startswith("8 series wait: no room for 1 more")
                assert int(refused.headers["retry-after"]) >= 1

    play(scenario())


@BOTH_PATHS
def test_a_client_that_leaves_costs_nothing(plain_artifact: Artifact, query: str) -> None:
    """Its series leave the queue."""

    async def scenario() -> None:
        async with serving(plain_artifact, FakeEngine()) as played:
            await played.held()
            connection = played.connect()
            connection.send(asking({"instances": rows(1.0)}, query=query))
            await played.queued(1)
            connection.disconnect()
            await played.queued(0)
            await asyncio.sleep(0)
            assert played.seen.of("dropped") == [{"rows": 1, "reason": "cancelled"}]

    play(scenario())


@BOTH_PATHS
def test_a_server_that_is_not_ready_says_503(plain_artifact: Artifact, query: str) -> None:
    """As KServe's clients expect it."""

    async def scenario() -> None:
        async with serving(plain_artifact, FakeEngine()) as played:
            await played.service.close(timeout=1)
            answer = await played.connect().ask(asking({"instances": rows(1.0)}, query=query))
            assert error_of(answer, 503) == "the service is closed"

    play(scenario())


@BOTH_PATHS
def test_a_failing_engine_is_a_500_without_details(plain_artifact: Artifact, query: str) -> None:
    """What it said stays in the log."""

    def fail(_: object) -> Any:
        raise RuntimeError("secret path /etc/x")

    async def scenario() -> None:
        async with serving(plain_artifact, FakeEngine(fail)) as played:
            answer = await played.connect().ask(asking({"instances": rows(1.0)}, query=query))
            assert "secret" not in error_of(answer, 500)

    play(scenario())


@BOTH_PATHS
@pytest.mark.parametrize("method", ["predict", "classify", "explain"])
def test_predictions_need_a_key_where_there_are_keys(
    plain_artifact: Artifact, tmp_path: Path, query: str, method: str
) -> None:
    """Without one, in its form, before anything else is said."""
    key, file = new_key(), tmp_path / "keys"
    file.write_text(line_of("alice", key) + "\n")
    target, body = f"{MODEL}:{method}", {"instances": rows(1.0), "examples": [{"series": rows(1.0)[0]}]}

    async def scenario() -> None:
        async with serving(plain_artifact, FakeEngine(), api_keys_file=file) as played:
            connection = played.connect()
            refused = await connection.ask(asking(body, to=target, query=query))
            assert error_of(refused, 401).startswith("send one valid API key")
            assert refused.headers["www-authenticate"] == "Bearer"
            known = await connection.ask(asking(body, to=target, query=query, headers=[("X-API-Key", key)]))
            assert known.status == (501 if method == "explain" else 200)

    play(scenario())


@BOTH_PATHS
def test_it_is_counted_under_its_protocol(plain_artifact: Artifact, query: str) -> None:
    """With the template of its path, whatever the model, the version and the method are called."""

    async def scenario() -> None:
        async with serving(plain_artifact, FakeEngine()) as played:
            connection = played.connect()
            for target, status in ((f"{MODEL}:predict", 200), ("/v1/models/other:predict", 404)):
                await connection.ask(asking({"instances": rows(1.0)}, to=target, query=query))
                text = (await connection.ask(get("/metrics"))).body.decode()
                counted = f'protocol="v1",route="/v1/models/{{name}}:{{method}}",status="{status}"'
                assert f"timeseries_http_requests_total{{{counted}}} 1.0" in text
            assert 'timeseries_predictions_total{label="1",' in text

    play(scenario())


def test_it_is_not_there_unless_it_is_enabled(plain_artifact: Artifact) -> None:
    """Its paths are no routes, and the start page is what it was."""

    async def scenario() -> None:
        async with serving(plain_artifact, FakeEngine(), protocols=("native",)) as played:
            connection = played.connect()
            answer = await connection.ask(asking({"instances": rows(1.0)}))
            assert (answer.status, answer.headers["content-type"]) == (404, "application/problem+json")
            assert (await connection.ask(get("/"))).status == 307

    play(scenario())


@BOTH_PATHS
def test_the_server_works_after_every_refusal(plain_artifact: Artifact, query: str) -> None:
    """On the same connection."""

    async def scenario() -> None:
        async with serving(plain_artifact, FakeEngine()) as played:
            connection = played.connect()
            for body in (b"[" * 5000, b'{"instances": [[NaN]]}', b"\xff", {"instances": [[0.5] * LENGTH, 1]}):
                error_of(await connection.ask(asking(body, query=query)), 400)
                good = await connection.ask(
                    post(json.dumps({"instances": rows(1.0)}).encode(), target=f"{MODEL}:predict")
                )
                assert content_of(good) == {"predictions": expected(1.0)}

    play(scenario())
