"""A small server that answers as it is told to, well or badly: what the client must not be fooled by."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qa.chaos.workload import JSON, Workload
from qa.harness.http_client import HOST

PROBLEM = "application/problem+json"


class Reply(NamedTuple):
    """What is sent for a request; the connection is closed after it if it says so."""

    content: bytes
    closes: bool = False


# Makes a reply from the number of a request, from 0, its id and its body.
Behaviour = Callable[[int, str, bytes], Reply | None]


@asynccontextmanager
async def misbehaving(behaviour: Behaviour) -> AsyncIterator[int]:
    """A server that behaves like that; its port. A reply of None is never sent."""
    numbers = iter(range(1_000_000))

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                headers = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if line)
                body = await reader.readexactly(int(headers["Content-Length"]))
                reply = behaviour(next(numbers), headers["X-Request-Id"], body)
                if reply is not None:
                    writer.write(reply.content)
                    await writer.drain()
                    if reply.closes:
                        break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client has hung up
        finally:
            writer.close()

    server = await asyncio.start_server(serve, HOST, 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


def http(status: int, request_id: str, body: bytes, media_type: str = JSON, extra: str = "") -> bytes:
    """An answer, whole and in order."""
    head = f"HTTP/1.1 {status} X\r\nContent-Type: {media_type}\r\nContent-Length: {len(body)}\r\n"
    return f"{head}X-Request-Id: {request_id}\r\n{extra}\r\n".encode() + body


def predictions(workload: Workload, probabilities: NDArray[np.float32]) -> bytes:
    """The document that says so."""
    rows = [
        {"probabilities": dict(zip(workload.labels, map(float, row), strict=True))} for row in probabilities
    ]
    return json.dumps({"predictions": rows}).encode()


def problem(status: int, request_id: str) -> bytes:
    """The problem document of a status."""
    return json.dumps({"status": status, "request_id": request_id, "detail": "on purpose"}).encode()
