"""A TCP proxy in front of a store, whose faults tests switch on and off."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from qa.harness.http_client import HOST

# Bytes from the store to what the client gets of them; None ends the connection.
Fault = Callable[[bytes], bytes | None]


class FaultyProxy:
    """Passes connections on; `fault` changes what the store sends.

    Attributes:
        fault: is applied to all connections at once; None passes everything on.
        is_silent: nothing is passed on, and connections stay open.
        sent: bytes that clients got so far.
        connections: that were accepted so far.
    """

    def __init__(self, upstream: int) -> None:
        self.fault: Fault | None = None
        self.is_silent = False
        self.sent = 0
        self.connections = 0
        self._upstream = upstream
        self._listener = socket.create_server((HOST, 0))
        self._sockets: list[socket.socket] = []
        self.url = f"http://{HOST}:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """End all connections and refuse others."""
        for each in (self._listener, *self._sockets):
            with suppress(OSError):  # closed already
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                store = socket.create_connection((HOST, self._upstream))
                self._sockets += (client, store)
                self.connections += 1
                for source, target, is_answer in ((client, store, False), (store, client, True)):
                    threading.Thread(target=self._pump, args=(source, target, is_answer), daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket, is_answer: bool) -> None:
        with suppress(OSError):
            while piece := source.recv(16384):
                if self.is_silent:
                    continue
                changed = self.fault(piece) if is_answer and self.fault else piece
                if changed is None:
                    break
                target.sendall(changed)
                self.sent += len(changed) if is_answer else 0
        for each in (source, target):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)


@contextmanager
def faulty_proxy(upstream: int) -> Iterator[FaultyProxy]:
    """A proxy to a port of this machine."""
    proxy = FaultyProxy(upstream)
    try:
        yield proxy
    finally:
        proxy.close()


def cut_after(size: int, *, times: int) -> Fault:
    """A fault that ends a connection after so many bytes in all, as often as `times`."""
    left, ends = size, times

    def fault(piece: bytes) -> bytes | None:
        nonlocal left, ends
        if ends == 0:
            return piece
        left -= len(piece)
        if left > 0:
            return piece
        left, ends = size, ends - 1
        return None

    return fault


def answer(status: str, body: str) -> Fault:
    """A fault that replaces each response."""
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/xml\r\nContent-Length: {len(body)}\r\n\r\n"
    return lambda _: (head + body).encode()
