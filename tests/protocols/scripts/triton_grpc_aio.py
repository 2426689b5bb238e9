"""tritonclient over gRPC for asyncio."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import tritonclient.grpc.aio

from tests.protocols.scripts.observe import Observation, Target, failure, run
from tests.protocols.scripts.triton import Blocking, Triton, over, read
from tests.protocols.scripts.triton_grpc import GRPC


def stream(triton: Triton) -> Observation:
    """Three requests on a stream, of which the second is wrong."""
    blocking, target = triton.client, triton.target

    async def requests() -> AsyncIterator[dict[str, Any]]:
        for model in (target.model, "nothing", target.model):
            yield {"model_name": model, "inputs": [triton.input(target.series(1))], "request_id": model}

    async def ask() -> list[Any]:
        answers = blocking.client.stream_infer(requests(), headers=dict(target.headers) or None)
        return [failure(error) if error else read(result) async for result, error in answers]

    return blocking.loop.run_until_complete(ask())


def connect(target: Target) -> Triton:
    """The client, on a loop of its own."""
    client = Blocking(lambda: tritonclient.grpc.aio.InferenceServerClient(target.grpc))
    return Triton(tritonclient.grpc.aio, client, target)


if __name__ == "__main__":
    run(over({**GRPC, "stream": stream}, connect))
