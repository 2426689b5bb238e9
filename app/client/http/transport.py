"""httpx's transport with connections that keep an early response, and that end at an age.

A server may refuse a request before it has read the body, and close the connection. httpx reads nothing while
it sends, and loses that response if sending fails. These connections read while they send: a response that
comes early ends the sending, and is what the caller gets.
"""

from __future__ import annotations

import asyncio
import os
import random
import socket
import ssl
import time
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, cast

import httpcore
import httpx

# Bytes of a response that are kept unread before the server has to wait.
_HIGH_WATER = 1024 * 1024
# Less than this is sent with what follows it, or when a response is awaited.
_HEAD_BYTES = 16 * 1024

# A connection is not used again after these seconds: in all, more or less a tenth, so that the load spreads
# over the replicas that there are by then; unused, before the client knows the server's own timeout; unused,
# whatever that is, because proxies have timeouts of their own.
MAX_AGE = 180.0
FIRST_IDLE_SECONDS = 2.0
MAX_IDLE_SECONDS = 30.0
IDLE_SHARE = 0.8  # of the server's timeout


class ClientTransport(httpx.AsyncHTTPTransport):
    """A pool of connections to one server.

    Args:
        verify: certificates to trust; False if TLS is not used.
        proxy: to the server.
    """

    def __init__(
        self,
        *,
        verify: ssl.SSLContext | bool,
        proxy: httpx.Proxy | None,
    ) -> None:
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
        super().__init__(verify=verify, proxy=proxy, limits=limits, trust_env=False)
        self._network = _Network()
        # httpcore's pools take it as an argument, httpx' transport does not pass one on.
        self._pool._network_backend = self._network  # noqa: SLF001

    def set_keep_alive_timeout(self, seconds: float) -> None:
        """Do not use a connection again that the server, or a proxy before it, may be about to close."""
        self._network.idle_seconds = min(IDLE_SHARE * seconds, MAX_IDLE_SECONDS)


class _Network(httpcore.AsyncNetworkBackend):
    """Opens connections on asyncio's event loop."""

    def __init__(self) -> None:
        self.idle_seconds = FIRST_IDLE_SECONDS

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Open a TCP connection."""
        loop = asyncio.get_running_loop()
        local = None if local_address is None else (local_address, 0)
        try:
            async with asyncio.timeout(timeout):
                transport, protocol = await loop.create_connection(_Received, host, port, local_addr=local)
        except TimeoutError as error:
            raise httpcore.ConnectTimeout(f"no connection within {timeout:g} s") from error
        except OSError as error:
            raise httpcore.ConnectError(_reason(error)) from error
        for option in socket_options or ():
            transport.get_extra_info("socket").setsockopt(*option)
        return _Stream(transport, protocol, self)

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)


class _Received(asyncio.Protocol):
    """What was received on a connection, also after its end."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.has_ended = self.is_lost = self.is_writing = False
        self.error: Exception | None = None
        self.transport: asyncio.Transport | None = None
        self._changed: asyncio.Future[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.transport.set_write_buffer_limits(high=0)  # `is_writing` until all is written

    def data_received(self, data: bytes) -> None:
        self.data += data
        if len(self.data) > _HIGH_WATER and self.transport is not None:
            self.transport.pause_reading()
        self._change()

    def eof_received(self) -> None:
        self.has_ended = True
        self._change()

    def connection_lost(self, exc: Exception | None) -> None:
        self.has_ended = self.is_lost = True
        self.error = exc
        if exc is not None and self.transport is not None:
            self.data += _left_unread(self.transport)
        self._change()

    def pause_writing(self) -> None:
        self.is_writing = True

    def resume_writing(self) -> None:
        self.is_writing = False
        self._change()

    async def change(self, timeout: float | None) -> None:
        """Wait until something has changed; raises TimeoutError."""
        self._changed = asyncio.get_running_loop().create_future()
        async with asyncio.timeout(timeout):
            await self._changed

    def _change(self) -> None:
        if self._changed is not None and not self._changed.done():
            self._changed.set_result(None)


def _left_unread(transport: asyncio.Transport) -> bytes:
    """What the system still holds of a connection that could not be written to: asyncio would drop it.

    Only of one without TLS: what is left of another one is encrypted.
    """
    if transport.get_extra_info("ssl_object") is not None:
        return b""
    parts: list[bytes] = []
    with suppress(OSError), socket.socket(fileno=os.dup(transport.get_extra_info("socket").fileno())) as own:
        own.setblocking(False)
        while part := own.recv(_HIGH_WATER):
            parts.append(part)
    return b"".join(parts)


class _Stream(httpcore.AsyncNetworkStream):
    """One connection."""

    def __init__(self, transport: asyncio.Transport, received: _Received, network: _Network) -> None:
        self._transport, self._received, self._network = transport, received, network
        self._head = b""  # not sent yet
        self._last_used = time.monotonic()
        self._old_from = self._last_used + MAX_AGE * random.uniform(0.9, 1.1)  # noqa: S311 - spreads load

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """What was received; nothing at the end."""
        received = self._received
        self._send(b"")
        while not received.data and not received.has_ended:
            try:
                await received.change(timeout)
            except TimeoutError as error:
                raise httpcore.ReadTimeout(f"no response within {timeout:g} s") from error
        data = bytes(received.data[:max_bytes])
        del received.data[:max_bytes]
        self._last_used = time.monotonic()
        if data:
            if not received.is_lost and len(received.data) <= _HIGH_WATER:
                self._transport.resume_reading()
            return data
        if received.error is not None:
            raise httpcore.ReadError(str(received.error)) from received.error
        return b""

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send all of it, unless the response comes before. httpcore then reads that, and closes."""
        received = self._received
        if len(buffer) < _HEAD_BYTES:
            self._head += buffer
            return
        self._send(buffer)
        while received.is_writing and not received.is_lost:
            if received.data:
                raise httpcore.WriteError("the server has responded before the end of the request")
            try:
                await received.change(timeout)
            except TimeoutError as error:
                raise httpcore.WriteTimeout(f"the server did not read for {timeout:g} s") from error
        if received.is_lost:
            raise httpcore.WriteError(str(received.error or "the connection was closed"))

    def _send(self, buffer: bytes) -> None:
        """Send the head and the body together: a server then wakes once for both."""
        data, self._head = self._head + buffer, b""
        if data and not self._received.is_lost:
            self._transport.write(data)

    async def aclose(self) -> None:
        """Close the connection; what is still to be sent is dropped.

        Without TLS's closing handshake: it takes a round trip, and the event loop may end before that. A
        response has its own length, so that it cannot be cut off unnoticed.
        """
        if self._received.is_writing or self._transport.get_extra_info("ssl_object") is not None:
            self._transport.abort()
        else:
            self._transport.close()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """The same connection, encrypted."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(timeout):
                transport = await loop.start_tls(
                    self._transport, self._received, ssl_context, server_hostname=server_hostname
                )
        except TimeoutError as error:
            self._transport.abort()
            raise httpcore.ConnectTimeout(f"no TLS handshake within {timeout:g} s") from error
        except OSError as error:  # ssl.SSLError is one
            self._transport.abort()
            raise httpcore.ConnectError(str(error)) from error
        if transport is None:
            raise httpcore.ConnectError("the connection was closed during the TLS handshake")
        self._received.connection_made(transport)
        return _Stream(transport, self._received, self._network)

    def get_extra_info(self, info: str) -> Any:
        """`is_readable` of an idle connection: whether it must not be used again."""
        if info == "is_readable":
            received, now = self._received, time.monotonic()
            is_expired = now >= min(self._old_from, self._last_used + self._network.idle_seconds)
            return bool(received.data) or received.has_ended or is_expired
        names = {"client_addr": "sockname", "server_addr": "peername"}
        return self._transport.get_extra_info(names.get(info, info))


def _reason(error: OSError) -> str:
    """Why there is no connection. asyncio's own text of a refused one names the address a second time."""
    if isinstance(error, ConnectionError) and error.errno is not None:
        return f"[Errno {error.errno}] {os.strerror(error.errno)}"
    return str(error)
