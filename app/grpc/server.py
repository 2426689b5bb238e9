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

log = logging.getLogger(__name__)

# Generic only for type checkers.
Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"


class GrpcServer:
    """Serves until it is stopped.

    grpc.aio takes no listening socket, so the workers cannot share one. Each binds GRPC_PORT for itself with
    SO_REUSEPORT, and the kernel spreads connections over them.

    Args:
        methods: handlers by their names with the service: `grpc.health.v1.Health/Check`.
        host: as in `app.system.address.resolve`.
        port: 0 for any free port.
        max_message_bytes: of a request, as sent and decompressed.
        max_connections: to this worker; 0 for no limit.

    Attributes:
        stopping: set when it begins to stop; streams end then.
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
            # ping each second, as Triton's clients can be told to.
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
        """Accept no more calls, and end the connections once their calls are done.

        Args:
            grace: seconds after which the remaining calls are cancelled.
        """
        self.stopping.set()
        if self._server is not None and self._ending is None:
            self._ending = asyncio.create_task(self._server.stop(grace))

    async def stop(self, *, grace: float) -> None:
        """Stop, if that has not begun, and wait until all calls have ended; `grace` as in `begin_stop`."""
        self.begin_stop(grace=grace)
        if self._ending is not None:
            await self._ending


class _Methods(grpc.GenericRpcHandler):
    """Finds the handler of a method; the library answers UNIMPLEMENTED where there is none."""

    def __init__(self, methods: Mapping[str, Handler]) -> None:
        self._by_path = {f"/{name}": handler for name, handler in methods.items()}

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Handler | None:
        """The handler of a call."""
        return self._by_path.get(handler_call_details.method)
