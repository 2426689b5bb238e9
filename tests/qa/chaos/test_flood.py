"""The flood's connections are what they say."""

from __future__ import annotations

import asyncio

from qa.chaos.flood import KINDS, Flood
from qa.chaos.workload import Workload
from qa.harness.http_client import HOST


def test_each_kind_of_connection_misbehaves_in_its_way(workload: Workload) -> None:
    """Of one of each kind, nothing comes, a part of a head, half a body, a reset, and a whole request."""
    request = workload.json(1).raw("flood")
    seen: list[tuple[int, str]] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received = 0
        try:
            async with asyncio.timeout(1.0):
                while data := await reader.read(10_000):
                    received += len(data)
            end = "closed"
        except TimeoutError:
            end = "held"
        except ConnectionError:
            end = "reset"
        seen.append((received, end))
        writer.close()

    async def scenario() -> int:
        async with await asyncio.start_server(serve, HOST, 0) as server:
            flood = Flood(server.sockets[0].getsockname()[1], request, rate=1000.0)
            dripping = asyncio.create_task(flood.drip(every=0.05))
            await flood.open(len(KINDS))
            while len(seen) < len(KINDS):
                await asyncio.sleep(0.01)
            dripping.cancel()
            flood.close()
        return flood.opened

    assert asyncio.run(scenario()) == len(KINDS)
    ends = sorted(end for _, end in seen)
    assert ends == ["closed", "held", "held", "held", "reset"]
    assert (len(request), "closed") in seen
    silent, slow, half = sorted(received for received, end in seen if end == "held")
    assert silent == 0
    assert 0 < slow < request.index(b"\r\n\r\n") < half < len(request)
