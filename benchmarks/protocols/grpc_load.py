"""A closed loop over gRPC: so many callers, each with one request at a time, in a process of its own.

`wrk` speaks no HTTP/2. This client is Python and takes more of a core than the server: a ratio of two servers
is closer to 1 than the servers are.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from pathlib import Path

import grpc.aio
import uvloop

METHOD = "/inference.GRPCInferenceService/ModelInfer"
# More than one, so that connections spread over the workers of a server.
CHANNELS = 8


async def load(port: int, message: bytes, *, callers: int, seconds: float) -> dict[str, float]:
    """Requests a second, and how many failed."""
    options = [("grpc.use_local_subchannel_pool", 1)]
    channels = [
        grpc.aio.insecure_channel(f"127.0.0.1:{port}", options) for _ in range(min(CHANNELS, callers))
    ]
    answered = failed = 0
    end = time.perf_counter() + seconds

    async def call(number: int) -> None:
        nonlocal answered, failed
        channel = channels[number % len(channels)]
        ask: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(METHOD)
        while time.perf_counter() < end:
            try:
                await ask(message)
                answered += 1
            except grpc.aio.AioRpcError:
                failed += 1

    started = time.perf_counter()
    await asyncio.gather(*(call(number) for number in range(callers)))
    spent = time.perf_counter() - started
    await asyncio.gather(*(channel.close() for channel in channels))
    return {"rate": answered / spent, "failed": failed}


def main() -> int:
    """Print the result as a line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--message", type=Path, required=True, help="a serialized ModelInferRequest")
    parser.add_argument("--callers", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=3.0)
    given = parser.parse_args()
    found = uvloop.run(
        load(given.port, given.message.read_bytes(), callers=given.callers, seconds=given.seconds)
    )
    print(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
