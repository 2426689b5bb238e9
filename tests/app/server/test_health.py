"""`app.server.health`: which server is asked, and what is said of one that is not ready."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.server.health import health
from app.server.listener import bind, listen
from qa.harness.server import free_port

READY = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
NOT_READY = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 20\r\n\r\n<html>\r\nnot yet\r\n...\n"


def own_link_local() -> str | None:
    """A link-local address of this machine with its interface; None if there is none."""
    try:
        lines = Path("/proc/net/if_inet6").read_text().splitlines()
    except OSError:
        return None
    for digits, _, _, scope, _, name in map(str.split, lines):
        if scope == "20":
            return ":".join(digits[i : i + 4] for i in range(0, 32, 4)) + f"%{name}"
    return None


@contextmanager
def answering(host: str, answer: bytes = READY) -> Iterator[tuple[int, list[bytes]]]:
    """A server of one connection at a host: its port, and the request that it gets."""
    got: list[bytes] = []

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            got.append(connection.recv(65536))
            connection.sendall(answer)

    with bind(host, 0) as listener:
        listen(listener)
        listener.settimeout(60)
        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1], got
        thread.join()


def asked(monkeypatch: pytest.MonkeyPatch, *, host: str, port: object) -> int:
    """The exit code of the health command."""
    monkeypatch.setenv("HOST", host)
    monkeypatch.setenv("PORT", str(port))
    return health()


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.0.0.2", "0.0.0.0", "localhost", "::", "[::]", "::1", "[::1]", "LINK-LOCAL"]
)
def test_health_connects_to_the_address_of_the_server(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    """For every kind of HOST."""
    if ":" in host and not socket.has_dualstack_ipv6():
        pytest.skip("this system has no IPv6")
    if host == "LINK-LOCAL" and (host := own_link_local() or "") == "":
        pytest.skip("this machine has no link-local address")
    with answering(host) as (port, got):
        assert asked(monkeypatch, host=host, port=port) == 0
    assert got[0].startswith(b"GET /readyz HTTP/1.1\r\nHost: localhost:")


def test_an_empty_host_means_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """As for the server."""
    with answering("127.0.0.1") as (port, _):
        assert asked(monkeypatch, host="", port=port) == 0


def test_a_response_other_than_200_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever gives it: another server's page has many."""
    with answering("127.0.0.1", NOT_READY) as (port, _):
        assert asked(monkeypatch, host="127.0.0.1", port=port) == 1
    assert capsys.readouterr().err == f"HOST=127.0.0.1, PORT={port}: /readyz: 503 <html> not yet ...\n"


@pytest.mark.parametrize(
    ("host", "port", "why"),
    [
        ("127.0.0.1", "0", "the system chooses the port"),
        ("127.0.0.1", "65536", "not a port; set PORT to a number from 1 to 65535"),
        ("127.0.0.1", "-1", "not a port; set PORT to a number from 1 to 65535"),
        ("127.0.0.1", "http", "invalid literal"),
        ("nowhere.invalid", "80", ""),
        ("a..b", "80", "idna"),
        ("no\nwhere", "80", ""),
    ],
)
def test_an_invalid_address_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], host: str, port: str, why: str
) -> None:
    """And no trace, whatever the environment says."""
    assert asked(monkeypatch, host=host, port=port) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert why in line


def test_a_refused_connection_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With HOST and PORT."""
    port = free_port()
    assert asked(monkeypatch, host="0.0.0.0", port=port) == 1
    assert capsys.readouterr().err.startswith(f"HOST=0.0.0.0, PORT={port}: /readyz: ")
