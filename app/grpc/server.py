"""The gRPC server of a worker, in its event loop: it listens for itself, and stops in step with HTTP."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Any, TypeAlias

import grpc

from app.errors import CannotListen
from app.system.address import resolve

# Of one connection; further calls wait at the client.
_MAX_STREAMS = 1024
# At the stop, new calls are refused until none has come for so long, and at most for so long.
_QUIET_SECONDS, _MOST_REFUSING_SECONDS = 0.1, 1.0

log = logging.getLogger(__name__)

# Generic only for type checkers.
Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"


class GrpcServer:
    """Serves until it is stopped.

    grpc.aio takes no listening socket, so the workers cannot share one. Each binds GRPC_PORT for itself with
    SO_REUSEPORT, and the kernel spreads connections over them by a hash of their addresses: of 8, 16, 32
    and 64 connections, one of two workers got 5, 7, 16 and 38. A connection stays with its worker, and a
    client has one for all of its calls; so few clients keep few workers busy.

    Args:
        methods: handlers by their names with the service: `grpc.health.v1.Health/Check`.
        host: as in `app.system.address.resolve`.
        port: 0 for any free port.
        max_message_bytes: of a request, as sent and decompressed.
        max_connections: to this worker; 0 for no limit.

    Attributes:
        stopping: set when it begins to stop; new calls are refused then, and streams end.
        port: where it listens, once it has started.
    """

    def __init__(
        self,
        methods: Mapping[str, Handler],
        *,
        stopping: asyncio.Event,
        host: str,
        port: int,
        max_message_bytes: int,
        max_connections: int,
    ) -> None:
        self.stopping = stopping
        self.port = port
        self._methods = _Methods(methods)
        self._host = host
        self._options = [
            ("grpc.so_reuseport", 1),
            ("grpc.max_receive_message_length", max_message_bytes),
            ("grpc.max_send_message_length", -1),
            ("grpc.max_concurrent_streams", _MAX_STREAMS),
            # Clients may ping as often as they like: by default a server ends the connections of those that
            # ping each second, as Triton's clients can be configured to.
            ("grpc.http2.max_ping_strikes", 0),
        ]
        if max_connections:
            self._options.append(("grpc.max_allowed_incoming_connections", max_connections))
        self._server: grpc.aio.Server | None = None
        self._ending: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Listen and answer calls.

        Raises:
            CannotListen: the port cannot be bound.
        """
        host, *_ = resolve(self._host, self.port).value
        server = grpc.aio.server(options=self._options)
        server.add_generic_rpc_handlers((self._methods,))
        try:
            self.port = server.add_insecure_port(
                f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"
            )
        except RuntimeError as error:
            raise CannotListen(
                f"GRPC_PORT={self.port}: cannot listen at HOST={self._host!r}: {error}"
            ) from error
        self._server = server
        await server.start()
        log.info("gRPC: listening on %s, port %d", host, self.port)

    def begin_stop(self, *, grace: float) -> None:
        """Refuse new calls, and end the connections once their calls are done.

        Args:
            grace: seconds after which the remaining calls are cancelled.
        """
        self.stopping.set()
        if self._server is not None and self._ending is None:
            self._ending = asyncio.create_task(self._end(self._server, grace))

    async def stop(self, *, grace: float) -> None:
        """Stop, if that has not begun, and wait until all calls have ended; `grace` as in `begin_stop`."""
        self.begin_stop(grace=grace)
        if self._ending is not None:
            await self._ending

    async def _end(self, server: grpc.aio.Server, grace: float) -> None:
        """Stop the library's server once no new calls come.

        It hands over one call at a time, and cancels those that still wait for that: without an answer
        that would make their clients try another server.
        """
        loop = asyncio.get_running_loop()
        began = loop.time()
        while loop.time() - began < min(_MOST_REFUSING_SECONDS, grace):
            count = self._methods.count
            await asyncio.sleep(_QUIET_SECONDS)
            if self._methods.count == count:
                break
        await server.stop(max(0.0, began + grace - loop.time()))


class _Methods(grpc.GenericRpcHandler):
    """Finds the handler of a method; the library answers UNIMPLEMENTED where there is none.

    Attributes:
        count: number of calls so far.
    """

    def __init__(self, methods: Mapping[str, Handler]) -> None:
        self._by_path = {f"/{name}": handler for name, handler in methods.items()}
        self.count = 0

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Handler | None:
        """The handler of a call."""
        self.count += 1
        return self._by_path.get(handler_call_details.method)
