"""Connections of the client: early responses, and connections that are not used again."""

from __future__ import annotations

import asyncio
import gc
import shutil
import socket
import ssl
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest

from app.client import RequestRefused, ServerUnavailable
from app.client.http import transport
from app.client.http.sending import Outgoing, RetryPolicy, Server, send
from app.client.http.transport import ClientTransport
from qa.harness.server import ServerProcess

Asked = tuple[str, str, bytes]  # method, path and body of a request
PROBLEM = (
    b'{"type": "/problems/x", "title": "Too large", "status": 413, "detail": "at most 5", "request_id": "a"}'
)
REFUSAL = (
    b"HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Type: application/problem+json\r\n"
    b"Content-Length: %d\r\n\r\n%b" % (len(PROBLEM), PROBLEM)
)
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
GET: Asked = ("GET", "/", b"")
LARGE: Asked = ("POST", "/predict", bytes(64 * 1024 * 1024))
POLICY = RetryPolicy(timeout=30, attempts=1, attempt_timeout=30)


def ask(url: str, *requests: Asked, verify: ssl.SSLContext | bool = False) -> list[httpx.Response]:
    """The responses to requests, one after the other on one pool."""

    async def run() -> list[httpx.Response]:
        pool = ClientTransport(verify=verify, proxy=None)
        server = Server(pool, httpx.URL(url), {})
        try:
            return [
                await send(server, Outgoing(method, server.at(path), {}, content), POLICY)
                for method, path, content in requests
            ]
        finally:
            await pool.aclose()

    return asyncio.run(run())


@contextmanager
def listening(serve: Callable[[socket.socket], None]) -> Iterator[str]:
    """The URL of a server that handles each connection so, one after the other."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    serve(connection)

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(timeout=30)


def refuse_and_reset(connection: socket.socket) -> None:
    """Refuse after the head, and reset the connection while the client sends."""
    connection.recv(1000)
    connection.sendall(REFUSAL)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def test_a_refusal_is_reported_although_the_connection_is_reset() -> None:
    """The server reads nothing of the body, as a proxy does that knows its limit."""
    for _ in range(10):
        with (
            listening(refuse_and_reset) as url,
            pytest.raises(RequestRefused, match="Too large: at most 5"),
        ):
            ask(url, LARGE)


def test_a_refusal_of_the_server_is_reported(server: ServerProcess) -> None:
    """Before it has the body, of which it would read nothing more."""
    with pytest.raises(RequestRefused, match="bytes") as info:
        ask(server.url, LARGE)
    assert info.value.problem is not None
    assert info.value.problem.status == 413


@pytest.mark.parametrize(
    ("name", "value"), [("MAX_AGE", 0.0), ("FIRST_IDLE_SECONDS", 0.0), ("MAX_AGE", 60.0)]
)
def test_a_connection_is_not_used_when_it_is_old(
    monkeypatch: pytest.MonkeyPatch, name: str, value: float
) -> None:
    """The next request opens another one; a young connection is used again."""
    monkeypatch.setattr(transport, name, value)
    connections = 0

    def serve(connection: socket.socket) -> None:
        nonlocal connections
        connections += 1
        while connection.recv(1000):
            connection.sendall(OK)

    with listening(serve) as url:
        ask(url, *[GET] * 3)
    assert connections == (1 if value else 3)


def test_a_connection_is_retired_before_the_servers_timeout() -> None:
    """By a margin, and after half a minute whatever the server says: proxies have timeouts of their own."""
    pool = ClientTransport(verify=False, proxy=None)
    for keep_alive, idle in ((5.0, 4.0), (75.0, 30.0)):
        pool.set_keep_alive_timeout(keep_alive)
        assert pool._network.idle_seconds == idle
    asyncio.run(pool.aclose())


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ssl.SSLContext]:
    """A certificate, and the context of a server that has it."""
    if shutil.which("openssl") is None:
        pytest.skip("needs openssl to make a certificate")
    tmp_path = tmp_path_factory.mktemp("tls")
    key, certificate = tmp_path / "key", tmp_path / "certificate"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=127.0.0.1"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(command, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return certificate, context


def test_tls_is_spoken_where_the_url_says_so(certificate: tuple[Path, ssl.SSLContext]) -> None:
    """And a certificate that is not trusted is an error with the URL."""
    file, context = certificate

    def serve(connection: socket.socket) -> None:
        with suppress(OSError), context.wrap_socket(connection, server_side=True) as encrypted:
            while encrypted.recv(100_000):
                encrypted.sendall(OK)

    trusting = ssl.create_default_context(cafile=str(file))
    with listening(serve) as url:
        secure = url.replace("http:", "https:")
        assert [each.text for each in ask(secure, GET, GET, verify=trusting)] == ["ok", "ok"]
        with pytest.raises(ServerUnavailable, match=f"{secure}/: .*CERTIFICATE_VERIFY_FAILED"):
            ask(secure, GET, verify=ssl.create_default_context())


def test_a_server_that_does_not_end_tls_leaves_nothing_open(
    monkeypatch: pytest.MonkeyPatch, certificate: tuple[Path, ssl.SSLContext]
) -> None:
    """The connection is closed before the event loop ends."""
    file, context = certificate
    is_over = threading.Event()
    unclosed: list[str] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda found: unclosed.append(str(found.exc_value)))

    def serve(connection: socket.socket) -> None:
        with suppress(OSError), context.wrap_socket(connection, server_side=True) as encrypted:
            encrypted.recv(100_000)
            encrypted.sendall(OK)
            is_over.wait(30)

    with listening(serve) as url:
        secure = url.replace("http:", "https:")
        assert ask(secure, GET, verify=ssl.create_default_context(cafile=str(file)))[0].text == "ok"
        is_over.set()
    gc.collect()
    assert unclosed == []
