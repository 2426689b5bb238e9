"""What uvicorn does that `app.http` relies on: an upgrade that does otherwise fails here."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from uvicorn import Server
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from tests.app.http.connection.uvicorn_objects import Recorded, cycle_of, no_app, protocol_of


def test_a_status_line_is_there_for_each_status() -> None:
    """Bytes, with the end of the line."""
    assert STATUS_LINE[200] == b"HTTP/1.1 200 OK\r\n"
    assert STATUS_LINE[431].startswith(b"HTTP/1.1 431 ")
    assert STATUS_LINE[499] == b"HTTP/1.1 499 \r\n"  # a status of our own


def test_a_connection_is_the_servers_until_it_is_lost() -> None:
    """A shutdown ends those that are in its set, and waits until that is empty."""

    async def scenario() -> None:
        protocol, transport = protocol_of(asyncio.get_running_loop()), Recorded()
        protocol.connection_made(transport)
        assert protocol.connections == {protocol} == protocol.server_state.connections
        assert protocol.transport is transport
        protocol.flow.pause_writing()
        protocol.parser = None  # type: ignore[assignment] # as ours does
        protocol.connection_lost(None)
        assert protocol.connections == set()
        assert transport.closed
        assert not protocol.flow.write_paused  # or what waits to write would wait for ever

    asyncio.run(scenario())


def test_a_task_of_a_request_is_the_servers_until_it_ends() -> None:
    """A shutdown waits for those that are in its set."""

    async def scenario() -> None:
        protocol, seen = protocol_of(asyncio.get_running_loop()), asyncio.Event()

        async def app(_scope: object, _receive: object, _send: object) -> None:
            seen.set()
            await asyncio.sleep(0)

        protocol._start_asgi_task(cycle_of(Recorded()), app)
        [task] = protocol.server_state.tasks
        await seen.wait()
        await asyncio.wait([task])
        await asyncio.sleep(0)
        assert protocol.server_state.tasks == set()

    asyncio.run(scenario())


START: Any = {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"1")]}
BODY: Any = {"type": "http.response.body", "body": b"x"}


@pytest.mark.parametrize("keep_alive", [True, False])
def test_a_cycle_writes_and_closes_as_keep_alive_says(*, keep_alive: bool) -> None:
    """At each moment: ours says False for the head and True for the rest, and ends the connection itself."""

    async def scenario() -> None:
        transport = Recorded()
        cycle = cycle_of(transport, keep_alive=keep_alive)
        await cycle.send(START)
        assert cycle.response_started
        head = b"HTTP/1.1 200 OK\r\ndate: today\r\ncontent-length: 1\r\n"
        closing = b"" if keep_alive else b"connection: close\r\n"
        assert transport.written == head + closing + b"\r\n"
        cycle.keep_alive = not keep_alive
        await cycle.send(BODY)
        assert transport.written.endswith(b"x|")  # and calls `on_response`
        assert cycle.response_complete
        assert transport.closed == keep_alive

    asyncio.run(scenario())


def test_a_cycle_gives_the_body_and_then_the_end() -> None:
    """It asks for the body first, lets the client send on, waits for the event, and forgets what it gave."""

    async def scenario() -> None:
        transport = Recorded()
        cycle = cycle_of(transport, waits=True)
        cycle.flow.pause_reading()
        reading = asyncio.create_task(cycle.receive())
        await asyncio.sleep(0)
        assert transport.written == b"HTTP/1.1 100 Continue\r\n\r\n"
        assert not cycle.waiting_for_100_continue
        assert transport.reading
        cycle.body += b"a part"
        cycle.message_event.set()
        assert await reading == {"type": "http.request", "body": b"a part", "more_body": True}
        assert cycle.body == b""
        cycle.disconnected = True
        assert await cycle.receive() == {"type": "http.disconnect"}
        await cycle.send(START)  # to nobody
        assert not cycle.response_started

    asyncio.run(scenario())


def test_the_default_headers_are_a_new_list_each_second() -> None:
    """Ours writes them once for each list."""

    async def scenario() -> None:
        server = Server(Config(no_app, lifespan="off", log_config=None))
        await server.on_tick(0)
        first = server.server_state.default_headers
        await server.on_tick(10)
        assert first[0][0] == b"date"
        assert server.server_state.default_headers is not first

    asyncio.run(scenario())
