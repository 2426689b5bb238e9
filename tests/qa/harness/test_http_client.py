"""The client that waits, against small servers on real sockets."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from qa.harness.http_client import HOST, RESET, BrokenResponse, HttpClient, NoResponse, exchange
from qa.harness.messages import get
from qa.harness.server import free_port

WHOLE = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
REQUEST = get("/")


@contextmanager
def serving(behaviour: Callable[[socket.socket], None]) -> Iterator[int]:
    """A server that treats its one connection like that, and then closes it; its port."""
    with socket.create_server((HOST, 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                behaviour(connection)

        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        thread.join(timeout=60)
        assert not thread.is_alive()


def replying(data: bytes) -> Callable[[socket.socket], None]:
    """A server that reads a request and sends something."""

    def reply(connection: socket.socket) -> None:
        connection.recv(len(REQUEST))
        connection.sendall(data)

    return reply


def test_responses_are_read_one_by_one_and_to_the_end() -> None:
    """Those that came together, too."""
    with serving(replying(WHOLE * 3)) as port, HttpClient(f"http://{HOST}:{port}") as client:
        assert client.ask(REQUEST).body == b"hi"
        assert client.read().status == 200
        assert [response.body for response in client.read_to_the_end()] == [b"hi"]
        with pytest.raises(NoResponse):
            client.read()


@pytest.mark.parametrize(
    ("data", "error"),
    [(b"", NoResponse), (WHOLE[:-1], BrokenResponse), (b"220 mail.example ESMTP\r\n", BrokenResponse)],
    ids=["nothing", "half a response", "no HTTP"],
)
def test_no_response_and_a_broken_one_are_different_errors(data: bytes, error: type[Exception]) -> None:
    """By one request, and by what is left on the connection."""
    with serving(replying(data)) as port, pytest.raises(error):
        exchange(port, REQUEST)
    with serving(replying(WHOLE + data)) as port, HttpClient(port) as client:
        client.send(REQUEST)
        if data:
            with pytest.raises(BrokenResponse):
                client.read_to_the_end()
        else:
            assert len(client.read_to_the_end()) == 1


def test_a_reset_is_an_end() -> None:
    """As of a server that has not read all that was sent."""

    def reset(connection: socket.socket) -> None:
        connection.recv(1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)

    with serving(reset) as port, pytest.raises(NoResponse):
        exchange(port, REQUEST)


def test_silence_is_a_timeout() -> None:
    """Which is neither an end nor a broken response."""
    ended = threading.Event()

    def wait(_: socket.socket) -> None:
        ended.wait(60)

    with serving(wait) as port:
        with pytest.raises(TimeoutError):
            exchange(port, REQUEST, seconds=0.1)
        ended.set()


def test_what_is_sent_in_parts_arrives_with_its_end() -> None:
    """A half close is seen by the server, whose response still comes."""

    def count(connection: socket.socket) -> None:
        received = b"".join(iter(lambda: connection.recv(100), b""))
        connection.sendall(WHOLE.replace(b"hi", received))

    with serving(count) as port:
        assert exchange(port, iter([b"o", b"k"]), half_close=True).body == b"ok"


def test_a_client_can_end_with_a_reset_and_has_the_requested_address() -> None:
    """The server sees both."""
    seen: list[object] = []

    def look(connection: socket.socket) -> None:
        seen.append(connection.getpeername()[0])
        connection.sendall(WHOLE)
        with pytest.raises(ConnectionResetError):
            connection.recv(1)

    with serving(look) as port:
        client = HttpClient(port, source="127.0.0.2")
        assert client.read().status == 200
        client.reset()
    assert seen == ["127.0.0.2"]


def test_a_port_without_a_listener_is_an_error() -> None:
    """At once, when connecting."""
    with pytest.raises(ConnectionRefusedError):
        HttpClient(free_port())
