"""A replica that misbehaves on demand: a server of the standard library that keeps what it gets."""

from __future__ import annotations

import threading
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

# What it does instead of answering with a status.
HANG, CUT = "hang", "cut"


class Upstream:
    """Ready at `/readyz`; every other request gets one and the same treatment.

    Args:
        behaviour: a status to answer with; `HANG` for no answer until the end; `CUT` to close the connection.

    Attributes:
        behaviour: may be changed at any time.
        heads: the headers of each request that was not a health check, in order.
    """

    def __init__(self, behaviour: int | str = 200) -> None:
        self.behaviour = behaviour
        self.heads: list[Message] = []
        self._closing = threading.Event()
        self._server = _Server(self)
        self.address = f"127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever)

    def __enter__(self) -> Upstream:
        """Start to accept connections."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop, and let go of requests that hang."""
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def wait_for_close(self) -> None:
        """Return when the upstream is closed."""
        self._closing.wait()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False  # connections are kept alive by the balancer
    request_queue_size = 128

    def __init__(self, upstream: Upstream) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.upstream = upstream

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: the balancer closes the connection of each health check."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        """Treat a request."""
        upstream = self.server.upstream
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        behaviour: int | str = 200
        if self.path != "/readyz":
            upstream.heads.append(self.headers)
            behaviour = upstream.behaviour
        if isinstance(behaviour, int):
            self.send_response(behaviour)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.close_connection = True
        if behaviour == HANG:
            upstream.wait_for_close()

    do_POST = do_GET  # noqa: N815 - the name that is looked up

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name that is overridden
        """Write nothing to the tests' output."""
