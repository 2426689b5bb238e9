"""tritonclient over gRPC for threads."""

from __future__ import annotations

from collections.abc import Callable
from queue import Queue
from typing import Any

import tritonclient.grpc

from tests.protocols.scripts.observe import Observation, Target, failure, run
from tests.protocols.scripts.triton import Triton, over, read


def stream(triton: Triton) -> Observation:
    """Three requests on a stream, of which the second is wrong."""
    found: Queue[Any] = Queue()
    client, target = triton.client, triton.target
    client.start_stream(
        lambda result, error: found.put(error or result), headers=dict(target.headers) or None
    )
    for model in (target.model, "nothing", target.model):
        client.async_stream_infer(model, [triton.input(target.series(1))], request_id=model)
    answers = [found.get(timeout=60) for _ in range(3)]
    client.stop_stream()
    return [failure(each) if isinstance(each, Exception) else read(each) for each in answers]


GRPC: dict[str, Callable[[Triton], Observation]] = {
    "infer gzip": lambda t: t.infer(40, compression_algorithm="gzip"),
    "infer deflate": lambda t: t.infer(40, compression_algorithm="deflate"),
    "deadline": lambda t: t.infer(256, client_timeout=0.0005),
}


def connect(target: Target) -> Triton:
    """The client."""
    return Triton(tritonclient.grpc, tritonclient.grpc.InferenceServerClient(target.grpc), target)


if __name__ == "__main__":
    run(over({**GRPC, "stream": stream}, connect))
