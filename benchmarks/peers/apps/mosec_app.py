"""mosec: an HTTP server in Rust, and worker processes that get whole batches.

Settings: WORKERS (processes), MAX_BATCH (requests), WAIT_MS (to fill a batch).
"""

import os
from typing import Any

from mosec import Server, Worker

from benchmarks.peers.apps import wire
from benchmarks.peers.apps.joining import Array, run_together
from benchmarks.peers.model import Model


class Inference(Worker):
    """Decodes bodies, runs the graph once for each batch, and encodes bodies."""

    def __init__(self) -> None:
        self.model = Model()

    def deserialize(self, data: bytes) -> tuple[Array, bool]:
        """A request's series, and whether it was binary."""
        return wire.read(data), data[:1] == wire.NPY

    def forward(self, data: Any) -> Any:
        """Results of a batch of requests; a single result if batches have one request."""
        requests = data if isinstance(data, list) else [data]
        answers = run_together(self.model, [series for series, _ in requests])
        together = [(answer, binary) for answer, (_, binary) in zip(answers, requests, strict=True)]
        return together if isinstance(data, list) else together[0]

    def serialize(self, data: tuple[Array, bool]) -> bytes:
        """A response's body."""
        return wire.write(data[0], binary=data[1])


if __name__ == "__main__":
    server = Server()
    server.append_worker(
        Inference,
        num=int(os.environ["WORKERS"]),
        max_batch_size=int(os.environ["MAX_BATCH"]),
        max_wait_time=int(os.environ["WAIT_MS"]),
    )
    server.run()
