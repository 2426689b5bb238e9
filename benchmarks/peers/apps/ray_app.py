"""Ray Serve: replicas behind a proxy, `@serve.batch` in each.

Settings: WORKERS (replicas), MAX_BATCH (requests), WAIT_MS (to fill a batch), PORT.
"""

import os
import signal

import ray
from ray import serve
from starlette.requests import Request
from starlette.responses import Response

from benchmarks.peers.apps import wire
from benchmarks.peers.apps.joining import Array, run_together
from benchmarks.peers.model import Model


class Forda:
    """The model as a deployment."""

    def __init__(self) -> None:
        self.model = Model()

    @serve.batch(
        max_batch_size=int(os.environ["MAX_BATCH"]),
        batch_wait_timeout_s=float(os.environ["WAIT_MS"]) / 1000,
    )
    async def predict(self, requests: list[Array]) -> list[Array]:
        """Class probabilities of several requests' series."""
        return run_together(self.model, requests)

    async def __call__(self, request: Request) -> Response:
        """Probabilities in the format of the request."""
        body = await request.body()
        binary = body[:1] == wire.NPY
        answer = await self.predict(wire.read(body))
        media_type = "application/x-npy" if binary else "application/json"
        return Response(wire.write(answer, binary=binary), media_type=media_type)


if __name__ == "__main__":
    ray.init(include_dashboard=False, num_cpus=2, log_to_driver=False, object_store_memory=200_000_000)
    serve.start(http_options={"host": "127.0.0.1", "port": int(os.environ["PORT"])})
    deployment = serve.deployment(
        Forda,
        num_replicas=int(os.environ["WORKERS"]),
        max_ongoing_requests=1024,
        ray_actor_options={"num_cpus": 0.1},
    )
    serve.run(deployment.bind(), route_prefix="/predict")
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    serve.shutdown()
    ray.shutdown()
