"""No client affects how another client's bytes are parsed, or which responses it gets."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Coroutine
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from app.contract import Artifact
from qa.harness.messages import as_json, get, head, post, read_answers
from tests.app.conftest import series
from tests.app.http.fast_path.compared import told
from tests.app.http.played import Connection, Played, asking, play, serving, until
from tests.conformance.streams import all_streams
from tests.support.fakes import FakeEngine

CALLERS = 3
# What callers send, in the parts in which it arrives: each with the number of its caller.
Sent = list[tuple[int, bytes]]
Answers = dict[int, list[tuple[int, dict[str, str], Any]]]

VALID = [
    *(asking(value) for value in (1.0, 2.0, -3.0)),
    post(as_json(series(4.0))),
    post(as_json(series(5.0)), [("X-Request-Id", "mine"), ("Accept", "application/x-npy")]),
    post(as_json(series(6.0)), target="/predict?abstain=false"),
    post(as_json(series(7.0)), chunks=300),
    get("/livez"),
    get("/nowhere"),
]
BROKEN = [stream.sent for stream in all_streams() if not stream.shuts_down]
Message = st.one_of(
    st.sampled_from(VALID),
    st.sampled_from(VALID),
    st.sampled_from(BROKEN),
    st.binary(max_size=30),
    st.sampled_from([b"\r\n", b"\r\n\r\n", b"POST /predict HTTP/1.1\r\n"]),
)


@st.composite
def sent_by_many(draw: st.DrawFn) -> Sent:
    """Messages of several clients, in parts that arrive in any order; a part may hold several messages."""
    parts: list[list[bytes]] = []
    for _ in range(CALLERS):
        stream = b"".join(draw(st.lists(Message, max_size=4)))
        cuts = sorted(draw(st.lists(st.integers(0, len(stream)), max_size=3)))
        parts.append([stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True) if a < b])
    order = draw(st.permutations([caller for caller in range(CALLERS) for _ in parts[caller]]))
    left = [iter(part) for part in parts]
    return [(caller, next(left[caller])) for caller in order]


def same_size(first: bytes, begin: bytes) -> Sent:
    """A caller sends, in one read, something that ends at once, and a head whose body makes the total equal.

    A memory of heads that took the first for all of the read would give the next caller, who sends the same
    beginning and another request behind it, the length of that body.
    """
    rest = len(first) - len(begin)
    size = next(size for size in range(9999) if rest + len(_json_head(size)) == size)
    second = head("GET", "/livez", [("X-Padding", "")])
    second = head("GET", "/livez", [("X-Padding", "x" * (size - rest - len(second)))])
    return [(0, first + _json_head(size)), (1, first + second)]


def _json_head(size: int) -> bytes:
    return head("POST", "/predict", [("Content-Length", str(size)), ("X-Padding", "x" * 100)])


UNREAD = head("POST", "/predict", [("Content-Length", "300"), ("Content-Type", "text/xml")])


async def send(played: Played, sent: Sent) -> Answers:
    """The responses to each client, once all data is sent and no more responses come."""
    connections: dict[int, Connection] = {}
    for caller, part in sent:
        connection = connections.setdefault(caller, played.connect())
        if not connection.is_over:
            connection.send(part)
        await asyncio.sleep(0)
    await until(lambda: all(map(is_quiet, connections.values())))
    return {
        caller: [told(answer) for answer in read_answers(connection.written)]
        for caller, connection in connections.items()
    }


def is_quiet(connection: Connection) -> bool:
    """Whether the server has nothing more to do for a connection."""
    protocol = connection.protocol
    waits = protocol._will_read or (protocol._input.unread > 0 and protocol._may_read())
    request = protocol._request
    answered = request is None or request.response_complete or protocol._reader.in_body
    gathered: Any = protocol.transport  # what is written within one turn of the loop
    return connection.is_over or (answered and not waits and not gathered._parts)


def answers_to(artifact: Artifact, sent: Sent) -> Answers:
    """The responses of a fresh server to each client; only the batch size may differ."""

    async def ask() -> Answers:
        async with serving(artifact, FakeEngine()) as played:
            return await send(played, sent)

    answers = result_of(ask())
    for said in answers.values():
        for _, headers, _ in said:
            headers["server-timing"] = re.sub(r'desc="\d+ series"', "", headers["server-timing"])
    return answers


def result_of(scenario: Coroutine[Any, Any, Answers]) -> Answers:
    """What a scenario gives."""
    found: list[Answers] = []

    async def keep() -> None:
        found.append(await scenario)

    play(keep())
    return found[0]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(sent=same_size(UNREAD + bytes(300), UNREAD))
@example(sent=same_size(b"\r\n\r\n", b"\r\n\r\n"))
@given(sent=sent_by_many())
def test_each_client_gets_what_a_fresh_server_answers(plain_artifact: Artifact, sent: Sent) -> None:
    """A client gets the same responses whatever other clients send before, after and in between."""
    together = answers_to(plain_artifact, sent)
    for caller in {by for by, _ in sent}:
        alone = answers_to(plain_artifact, [(by, part) for by, part in sent if by == caller])
        assert together[caller] == alone[caller]
