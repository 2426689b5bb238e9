"""LitServe: FastAPI in front, a queue, and worker processes that batch.

Settings: WORKERS, FRONTS (HTTP processes), MAX_BATCH (requests), WAIT_MS (to fill a batch), FAST_QUEUE
(responses over ZeroMQ), PORT, and DECODE: `dict`, as documented, parses JSON in front and sends Python lists
through the queue; `bytes` sends the body.
"""

import os
from typing import Annotated, Any

import litserve
import numpy as np
from fastapi import Body, Response

from benchmarks.peers.apps import wire
from benchmarks.peers.apps.joining import Array, run_together
from benchmarks.peers.model import Model


class _Api(litserve.LitAPI):
    """Base of both decoders."""

    def setup(self, device: str) -> None:  # noqa: ARG002 - there is only the CPU
        """Load the model in each worker."""
        self.model = Model()

    def batch(self, inputs: list[Any]) -> list[Any]:
        """Requests may have several series, so they are joined in `predict`."""
        return inputs

    def predict(self, requests: list[tuple[Array, bool]]) -> list[tuple[Array, bool]]:
        """One call for the batch."""
        answers = run_together(self.model, [series for series, _ in requests])
        return [(answer, binary) for answer, (_, binary) in zip(answers, requests, strict=True)]

    def unbatch(self, output: list[Any]) -> list[Any]:
        """Return the list: it has one result for each request."""
        return output


class DictApi(_Api):
    """JSON only, as Python lists."""

    def decode_request(self, request: dict) -> tuple[Array, bool]:  # type: ignore[type-arg]
        """Series of a parsed body."""
        return np.array(request["instances"], np.float32), False

    def encode_response(self, output: tuple[Array, bool]) -> dict:  # type: ignore[type-arg]
        """Probabilities; LitServe writes the JSON."""
        return {"probabilities": output[0].tolist()}


class BytesApi(_Api):
    """JSON or npy, parsed in the worker. FastAPI passes bytes on only if their type is not JSON."""

    def decode_request(self, request: Annotated[bytes, Body()]) -> tuple[Array, bool]:
        """Series of an unparsed body."""
        return wire.read(request), request[:1] == wire.NPY

    def encode_response(self, output: tuple[Array, bool]) -> Response:
        """Probabilities in the format of the request."""
        media_type = "application/x-npy" if output[1] else "application/json"
        return Response(wire.write(output[0], binary=output[1]), media_type=media_type)


if __name__ == "__main__":
    api = {"dict": DictApi, "bytes": BytesApi}[os.environ["DECODE"]](
        max_batch_size=int(os.environ["MAX_BATCH"]), batch_timeout=float(os.environ["WAIT_MS"]) / 1000
    )
    server = litserve.LitServer(
        api,
        accelerator="cpu",
        workers_per_device=int(os.environ["WORKERS"]),
        timeout=120,
        fast_queue=bool(int(os.environ["FAST_QUEUE"])),
    )
    server.run(
        host="127.0.0.1",
        port=int(os.environ["PORT"]),
        num_api_servers=int(os.environ["FRONTS"]),
        generate_client_file=False,
        log_level="error",
    )
