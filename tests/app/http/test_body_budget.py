"""`app.http.body_budget`: the limit of bytes of large bodies that a process holds."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.client.schemas import Problem
from app.contract import Artifact
from app.http.body_budget import FREE_BYTES, RETURN_BYTES, BodyBudget
from qa.harness.http_client import HttpClient
from qa.harness.messages import as_json, get, head, post
from qa.harness.proc import held
from qa.harness.server import ServerProcess, running_server
from tests.app.conftest import MAX_BODY, series
from tests.app.http.played import play, serving, until
from tests.support.fakes import FakeEngine

MOST = 3 * FREE_BYTES + 1000
LARGE = FREE_BYTES + FREE_BYTES // 2  # two of them fit, three do not
both_paths = pytest.mark.parametrize("target", ["/predict", "/predict?abstain=false"])


class Holding:
    """A holder of bytes that drops them on request."""

    def __init__(self) -> None:
        self.size = 0
        self.drops = 0

    def drop_bytes(self) -> None:
        """Drop them."""
        self.size = 0
        self.drops += 1


def budget_of(most: int, *, return_memory: Callable[[], None] = lambda: None) -> BodyBudget:
    """A budget that does not count refusals."""
    return BodyBudget(most, on_refused=lambda: None, return_memory=return_memory)


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4 * FREE_BYTES)), max_size=40))
def test_held_bytes_never_exceed_the_limit(steps: list[tuple[int, int]]) -> None:
    """For any changes of sizes; small holders never drop their bytes."""

    async def scenario() -> None:
        budget = budget_of(MOST)
        holders = [Holding() for _ in range(5)]
        for number, size in steps:
            before = [holder.drops for holder in holders]
            grows = holders[number]
            small = [holder for holder in holders if holder.size <= FREE_BYTES and holder is not grows]
            grows.size = size
            budget.hold(grows, size)
            assert budget._total <= MOST
            assert budget._total == sum(holder.size for holder in holders if holder.size > FREE_BYTES)
            assert all(before[holders.index(holder)] == holder.drops for holder in small)

    asyncio.run(scenario())


def test_the_newest_connections_drop_their_bytes() -> None:
    """Not the one that grows: earlier bodies are read to their end."""

    async def scenario() -> None:
        budget = budget_of(MOST)
        holders = [Holding() for _ in range(3)]
        for holder in holders:
            budget.hold(holder, LARGE)
        assert [holder.drops for holder in holders] == [0, 0, 1]
        budget.hold(holders[0], 2 * FREE_BYTES)
        assert [holder.drops for holder in holders] == [0, 1, 1]
        assert budget._total == 2 * FREE_BYTES

    asyncio.run(scenario())


def test_memory_is_returned_when_little_is_held(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only if much was held before."""
    monkeypatch.setattr("app.http.body_budget.IDLE_SECONDS", 0.01)
    returned: list[bool] = []

    async def scenario() -> None:
        budget = budget_of(4 * RETURN_BYTES, return_memory=lambda: returned.append(True))
        holder = Holding()
        budget.hold(holder, RETURN_BYTES - 1)
        budget.release(holder)
        await asyncio.sleep(0.05)
        assert returned == []
        budget.hold(holder, RETURN_BYTES)
        budget.release(holder)
        await until(lambda: returned == [True])

    asyncio.run(scenario())


# On connections.


def begun(target: str, size: int) -> bytes:
    """A request with so many bytes of a body that is longer by one."""
    return head("POST", target, [("Content-Length", str(size + 1))]) + b" " * size


@both_paths
def test_the_newest_large_body_is_refused(plain_artifact: Artifact, target: str) -> None:
    """With 429 and Connection: close; the others get responses, small ones always."""

    async def scenario() -> None:
        async with serving(plain_artifact, FakeEngine(), max_body_bytes_in_flight=MOST) as played:
            first, second, third = (played.connect() for _ in range(3))
            for connection in (first, second, third):
                connection.send(begun(target, LARGE))
                await connection.settle()
            [refused] = await third.answers(1)
            assert (refused.status, refused.headers["connection"]) == (429, "close")
            assert int(refused.headers["retry-after"]) >= 1
            assert Problem.model_validate_json(refused.body).type == "/problems/body-bytes"
            assert third.is_over
            metrics = (await played.connect().ask(get("/metrics"))).body.decode()
            assert "timeseries_refused_bodies_total 1.0" in metrics
            small = [played.connect() for _ in range(20)]
            for connection in small:
                connection.send(begun(target, FREE_BYTES - 1))
                await connection.settle()
            for connection in (first, second, *small):
                assert (await connection.ask(b" ")).status == 400  # only blanks, and read to the end
            again = played.connect()
            again.send(begun(target, LARGE))
            assert (await again.ask(b" ")).status == 400

    play(scenario())


@both_paths
def test_a_declared_length_reserves_nothing(plain_artifact: Artifact, target: str) -> None:
    """Bytes count when they arrive."""

    async def scenario() -> None:
        async with serving(plain_artifact, FakeEngine(), max_body_bytes_in_flight=MOST) as played:
            for _ in range(20):
                played.connect().send(head("POST", target, [("Content-Length", str(MAX_BODY))]))
            large = played.connect()
            large.send(begun(target, LARGE))
            assert (await large.ask(b" ")).status == 400

    play(scenario())


def test_chunks_count_when_they_arrive(plain_artifact: Artifact) -> None:
    """A chunked body has no declared length."""
    chunk = b"%x\r\n%b\r\n" % (LARGE, b" " * LARGE)

    async def scenario() -> None:
        async with serving(plain_artifact, FakeEngine(), max_body_bytes_in_flight=MOST) as played:
            connections = [played.connect() for _ in range(3)]
            for connection in connections:
                connection.send(head("POST", "/predict", [("Transfer-Encoding", "chunked")]) + chunk)
                await connection.settle()
            [refused] = await connections[2].answers(1)
            assert refused.status == 429
            assert (await connections[0].ask(b"0\r\n\r\n")).status == 400

    play(scenario())


def test_requests_that_wait_unread_count(plain_artifact: Artifact) -> None:
    """The newest of these connections gets its pending response and is closed."""
    behind = post(as_json(series(1.0))) * (LARGE // len(post(as_json(series(1.0)))) + 1)

    async def scenario() -> None:
        async with serving(plain_artifact, FakeEngine(), max_body_bytes_in_flight=MOST) as played:
            played.engine.hold()
            connections = [played.connect() for _ in range(3)]
            for connection in connections:
                connection.send(behind)
            assert connections[2].protocol._input.unread == 0
            played.engine.release()
            [last] = await connections[2].answers(1)
            assert (last.status, last.headers["connection"]) == (200, "close")
            assert connections[2].shut_down  # and reads on: with bytes unread the answer could be lost
            await connections[0].answers(behind.count(b"POST"))

    play(scenario())


def test_memory_is_returned_after_a_flood() -> None:
    """Of a real server: many bodies that are a byte short, from clients that then hang up."""
    size = 4 * 1024 * 1024
    with running_server(REQUEST_TIMEOUT="60") as server:
        warm = held(server.pid).resident
        callers = [sending(server, size - 1, of=size) for _ in range(50)]
        server.wait_until(lambda: held(server.pid).resident > warm + 150_000_000, "larger")
        for caller in callers:
            caller.close()
        server.wait_until(lambda: held(server.pid).resident < warm + 40_000_000, "as small as before")
        assert server.status("/readyz") == 200


def sending(server: ServerProcess, size: int, *, of: int) -> HttpClient:
    """A client that has sent so many bytes of a body of so many."""
    caller = HttpClient(server.url)
    caller.send(head("POST", "/predict", [("Content-Length", str(of))]) + b" " * size)
    return caller
