"""`app.api.dialects`: a protocol that is one object gets all that the server's own has, on both paths."""

from __future__ import annotations

import asyncio
import json
import logging
from pathlib import Path
from typing import Any

import pytest
from fastapi import APIRouter

from app.api.dialects import (
    Decoded,
    Limits,
    PredictOptions,
    ServerState,
    all_dialects,
    enabled_dialects,
)
from app.api.headers import RequestHead
from app.api.middleware.api_keys import line_of, new_key
from app.contract import Artifact, Contract
from app.settings import Settings
from app.settings.values import PROTOCOLS
from qa.harness.messages import Response, as_json, get, head, post
from tests.app.api.dialects import toy
from tests.app.api.dialects.toy import Toy, ToyCodec
from tests.app.conftest import MAX_BODY, MAX_ROWS, series
from tests.app.http.played import Played, asking, play, serving, until
from tests.app.telemetry.tracing.kept import Kept, attributes_of, keep
from tests.support.fakes import FakeEngine

PATH = "/toy/mine/classify"
# The same request on the fast path and, with a query, on the framework's.
BOTH_PATHS = pytest.mark.parametrize("target", [PATH, f"{PATH}?"], ids=["fast", "framework"])
MOST_LINES = 60


def lines(*first_values: float) -> bytes:
    """A body in the protocol's form."""
    return b"\n".join(b",".join(b"%r" % float(value) for value in row) for row in series(*first_values))


def of_toy(answer: Response, status: int, slug: str) -> None:
    """An error is told in the protocol's own form, with its id and the time it took."""
    assert (answer.status, answer.headers["content-type"]) == (status, "text/x-error")
    assert answer.body.startswith(f"{slug}: ".encode())
    assert answer.body.endswith(f"({answer.headers['x-request-id']})".encode())
    assert "total;dur=" in answer.headers["server-timing"]
    assert answer.headers["x-content-type-options"] == "nosniff"


async def metric(played: Played, name: str) -> float:
    """The value of a metric; 0 if there is none."""
    text = (await played.connect().ask(get("/metrics"))).body.decode()
    return sum(float(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith(name))


def test_the_protocol_is_one_short_file() -> None:
    """No more is needed than that, and an argument of `create_app`."""
    assert len(Path(toy.__file__).read_text().splitlines()) <= MOST_LINES


@BOTH_PATHS
def test_it_is_answered_counted_and_timed(plain_artifact: Artifact, target: str) -> None:
    """Its own bytes with every answer's headers, its name in the metrics, and the path's part."""

    async def scenario() -> None:
        async with serving(plain_artifact, FakeEngine(), dialects=[Toy()]) as played:
            connection = played.connect()
            answer = await connection.ask(post(lines(1.0, -1.0), [("X-Request-Id", "abc")], target=target))
            assert (answer.status, answer.body) == (200, b"mine\n1\n-1")
            assert answer.headers["content-type"] == "text/plain"
            assert answer.headers["x-request-id"] == "abc"
            assert "queue;dur=" in answer.headers["server-timing"]
            assert played.went_on == ([] if target == PATH else [("POST", PATH)])
            of_request = 'protocol="toy",route="/toy/{name}/classify"'
            assert await metric(played, f'timeseries_http_requests_total{{{of_request},status="200"}}') == 1
            assert await metric(played, f"timeseries_http_request_seconds_count{{{of_request}}}") == 1
            assert await metric(played, "timeseries_predictions_total{") == 2
            assert (await connection.ask(asking(1.0))).status == 200

    play(scenario())


@BOTH_PATHS
@pytest.mark.parametrize(
    ("body", "headers", "status", "slug"),
    [
        (b"a,b", [], 400, "malformed"),
        (b"1,2", [], 422, "contract"),
        (lines(float("nan")), [], 422, "contract"),
        (b"1,2", [("X-Request-Timeout", "soon")], 422, "contract"),
        (b"1" * (MAX_BODY + 1), [], 413, "too-large"),
        (lines(*[1.0] * (MAX_ROWS + 1)), [], 422, "contract"),
    ],
)
def test_limits_and_errors_are_its_own(
    plain_artifact: Artifact,
    target: str,
    body: bytes,
    headers: list[tuple[str, str]],
    status: int,
    slug: str,
) -> None:
    """The same limits as for all, told in its form."""

    async def scenario() -> None:
        async with serving(plain_artifact, FakeEngine(), dialects=[Toy()]) as played:
            of_toy(await played.connect().ask(post(body, headers, target=target)), status, slug)

    play(scenario())


@BOTH_PATHS
def test_a_full_queue_and_a_deadline_have_its_form(plain_artifact: Artifact, target: str) -> None:
    """Each who is refused by the same queue gets the document of its own protocol and its own id."""

    async def scenario() -> None:
        async with serving(plain_artifact, FakeEngine(), dialects=[Toy()]) as played:
            await played.held()
            late = post(lines(1.0), [("X-Request-Timeout", "0.05")], target=target)
            of_toy(await played.connect().ask(late), 504, "deadline")
            played.connect().send(asking(*[2.0] * MAX_ROWS))
            for _ in range(2):
                refused = await played.connect().ask(post(lines(1.0), target=target))
                of_toy(refused, 429, "queue-full")
                assert int(refused.headers["retry-after"]) >= 1
            native = await played.connect().ask(post(as_json(series(1.0))))
            assert (native.status, native.headers["content-type"]) == (429, "application/problem+json")

    play(scenario())


@BOTH_PATHS
def test_its_paths_need_a_key_where_there_are_keys(
    plain_artifact: Artifact, tmp_path: Path, target: str
) -> None:
    """Without one it is refused in its form, and counted under its route."""
    key = new_key()
    file = tmp_path / "keys"
    file.write_text(line_of("alice", key) + "\n")

    async def scenario() -> None:
        async with serving(plain_artifact, FakeEngine(), dialects=[Toy()], api_keys_file=file) as played:
            connection = played.connect()
            of_toy(await connection.ask(post(lines(1.0), target=target)), 401, "unauthorized")
            known = post(lines(1.0), [("X-API-Key", key)], target=target)
            assert (await connection.ask(known)).status == 200

    play(scenario())


def test_what_the_framework_refuses_below_its_prefix_has_its_form(plain_artifact: Artifact) -> None:
    """Another method, a path that is none, a bug."""

    async def scenario() -> None:
        async with serving(plain_artifact, FakeEngine(), dialects=[Toy()]) as played:
            connection = played.connect()
            refused = await connection.ask(get(PATH))
            of_toy(refused, 405, "method")
            assert refused.headers["allow"] == "POST"
            of_toy(await connection.ask(get("/toy/nothing")), 404, "not-found")
            other = await connection.ask(get("/toys"))
            assert other.headers["content-type"] == "application/problem+json"

    play(scenario())


@BOTH_PATHS
def test_a_bug_in_it_is_a_500_without_details(
    plain_artifact: Artifact, caplog: pytest.LogCaptureFixture, target: str
) -> None:
    """In its form, too."""
    broken = Toy()
    broken.options = None  # type: ignore[assignment,method-assign]

    async def scenario() -> None:
        async with serving(plain_artifact, FakeEngine(), dialects=[broken]) as played:
            answer = await played.connect().ask(post(lines(1.0), target=target))
            assert (answer.status, answer.headers["content-type"]) == (500, "text/x-error")
            assert answer.body.startswith(b"internal: unexpected error")
            assert b"NoneType" not in answer.body

    with caplog.at_level(logging.ERROR):
        play(scenario())
    assert "NoneType" in caplog.text


@BOTH_PATHS
def test_a_slow_body_has_its_form(plain_artifact: Artifact, target: str) -> None:
    """408 at the client's deadline, and the end of the connection."""

    async def scenario() -> None:
        async with serving(plain_artifact, FakeEngine(), dialects=[Toy()]) as played:
            connection = played.connect()
            asks = head("POST", target, [("Content-Length", "9"), ("X-Request-Timeout", "0.05")])
            of_toy(await connection.ask(asks, b"1"), 408, "slow")
            await until(lambda: connection.is_over)

    play(scenario())


@BOTH_PATHS
def test_a_client_that_shuts_down_has_its_form(plain_artifact: Artifact, target: str) -> None:
    """Its series leave the queue."""

    async def scenario() -> None:
        async with serving(plain_artifact, FakeEngine(), dialects=[Toy()]) as played:
            await played.held()
            connection = played.connect()
            connection.send(post(lines(1.0), target=target))
            await played.queued(1)
            connection.shut_down_sending()
            [answer] = await connection.answers(1)
            of_toy(answer, 499, "cancelled")
            await asyncio.sleep(0)
            assert played.seen.of("dropped") == [{"rows": 1, "reason": "cancelled"}]

    play(scenario())


@BOTH_PATHS
def test_it_is_traced(plain_artifact: Artifact, target: str) -> None:
    """With its route, its protocol and what was done for it."""

    async def scenario(kept: Kept) -> None:
        async with serving(plain_artifact, FakeEngine(), dialects=[Toy()], traces=kept.traces) as played:
            assert (await played.connect().ask(post(lines(1.0), target=target))).status == 200

    kept = keep()
    play(scenario(kept))
    [request] = kept.requests
    attributes = attributes_of(request)
    assert request.name == "POST /toy/{name}/classify"
    assert (attributes["timeseries.protocol"], attributes["timeseries.rows"]) == ("toy", 1)
    assert attributes["url.path"] == PATH
    assert {span.name for span in kept.spans} >= {"parse", "queue", "engine"}


class Extended(Toy):
    """A protocol with other routes, open paths and a model in its path."""

    public = r"/toy/health"

    def is_open(self, method: str, path: str, head: RequestHead) -> bool:
        """Probes of whether it is loaded."""
        return (method, path, head.get(b"accept")) == ("GET", "/toy/loaded", "text/toy")

    def describe(self, document: dict[str, Any], artifact: Artifact, *, max_instances: int) -> None:
        """The model's name and the limit."""
        document["x-toy"] = f"{artifact.contract.name}, {max_instances}"

    def router(self, state: ServerState) -> APIRouter:
        """Health, and the number of loaded versions."""
        router = APIRouter(include_in_schema=False)
        router.add_api_route("/toy/health", lambda: state.versions.status().ready)
        router.add_api_route("/toy/loaded", lambda: len(state.versions.loaded))
        return router

    def options(self, head: RequestHead, limits: Limits) -> PredictOptions:
        """The model is the one that the path names."""
        return super().options(head, limits)._replace(model=head.parameters["name"])


class Brief(Extended):
    """The same, with a timeout in its body."""

    def codec(self, contract: Contract, *, max_instances: int) -> ToyCodec:
        """Of one version."""
        return BriefCodec(contract, max_instances)


class BriefCodec(ToyCodec):
    """Every body allows 50 ms."""

    def timeout(self, _decoded: Decoded) -> float | None:
        """50 ms."""
        return 0.05


def test_its_other_routes_need_a_key_unless_they_are_public(plain_artifact: Artifact, tmp_path: Path) -> None:
    """Refused requests to them are in its form and counted under their routes."""
    file = tmp_path / "keys"
    file.write_text(line_of("alice", new_key()) + "\n")

    async def scenario() -> None:
        async with serving(plain_artifact, FakeEngine(), dialects=[Extended()], api_keys_file=file) as played:
            connection = played.connect()
            assert (await connection.ask(get("/toy/health"))).body == b"true"
            of_toy(await connection.ask(get("/toy/loaded")), 401, "unauthorized")
            refused = 'timeseries_http_requests_total{protocol="toy",route="/toy/loaded",status="401"}'
            assert await metric(played, refused) == 1

    play(scenario())


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_request_can_be_open_by_its_head(plain_artifact: Artifact, tmp_path: Path, method: str) -> None:
    """Though others to its path need a key."""
    file = tmp_path / "keys"
    file.write_text(line_of("alice", new_key()) + "\n")

    async def scenario() -> None:
        async with serving(plain_artifact, FakeEngine(), dialects=[Extended()], api_keys_file=file) as played:
            for accept, status in (("text/toy", 200), ("text/html", 401)):
                connection = played.connect()
                connection.send(head(method, "/toy/loaded", [("Accept", accept), ("Connection", "close")]))
                await until(lambda: connection.is_over)  # noqa: B023 - awaited at once
                assert connection.written.startswith(b"HTTP/1.1 %d " % status)

    play(scenario())


def test_it_completes_the_openapi_document(plain_artifact: Artifact) -> None:
    """With what depends on the model."""

    async def scenario() -> None:
        async with serving(plain_artifact, FakeEngine(), dialects=[Extended()]) as played:
            document = json.loads((await played.connect().ask(get("/openapi.json"))).body)
            assert document["x-toy"] == f"forda, {MAX_ROWS}"

    play(scenario())


def test_its_other_routes_read_the_servers_state(plain_artifact: Artifact) -> None:
    """The loaded versions, say."""

    async def scenario() -> None:
        async with serving(plain_artifact, FakeEngine(), dialects=[Extended()]) as played:
            assert (await played.connect().ask(get("/toy/loaded"))).body == b"1"

    play(scenario())


@pytest.mark.parametrize("query", ["", "?"], ids=["fast", "framework"])
def test_a_model_that_is_not_served_is_404(plain_artifact: Artifact, query: str) -> None:
    """Where a protocol's paths name the model."""

    async def scenario() -> None:
        async with serving(plain_artifact, FakeEngine(), dialects=[Extended()]) as played:
            connection = played.connect()
            unknown = await connection.ask(post(lines(1.0), target=PATH + query))
            of_toy(unknown, 404, "unknown-model")
            assert b"model mine is not served here; the model is 'forda'" in unknown.body
            assert (
                await connection.ask(post(lines(1.0), target=f"/toy/forda/classify{query}"))
            ).status == 200

    play(scenario())


@pytest.mark.parametrize("query", ["", "?"], ids=["fast", "framework"])
def test_a_body_can_shorten_the_deadline(plain_artifact: Artifact, query: str) -> None:
    """A request that waits longer than its body allows gets 504."""

    async def scenario() -> None:
        async with serving(plain_artifact, FakeEngine(), dialects=[Brief()]) as played:
            await played.held()
            late = await played.connect().ask(post(lines(1.0), target=f"/toy/forda/classify{query}"))
            of_toy(late, 504, "deadline")

    play(scenario())


def test_the_setting_knows_every_protocol() -> None:
    """PROTOCOLS names them all by default, the server's own first."""
    assert set(PROTOCOLS) == {dialect.name for dialect in all_dialects()}
    assert Settings().protocols == PROTOCOLS


def test_a_protocol_that_is_not_enabled_has_no_routes() -> None:
    """The server's own keeps its form for errors, as the last, without predictions."""
    *others, own = enabled_dialects(["toy"])
    assert (others, own.name, dict(own.routes)) == ([], "native", {})
    assert [list(each.routes) for each in enabled_dialects(["native"])] == [["/predict"]]


@pytest.mark.parametrize("method", ["OPTIONS", "GET", "PROPFIND"])
def test_a_target_that_is_no_path_has_the_servers_own_form(plain_artifact: Artifact, method: str) -> None:
    """`OPTIONS *` is for the server as a whole: only the empty prefix has it."""

    async def scenario() -> None:
        async with serving(plain_artifact, FakeEngine()) as played:
            answer = await played.connect().ask(head(method, "*"))
            assert answer.status in (404, 405)
            assert answer.headers["Content-Type"] == "application/problem+json"

    play(scenario())
