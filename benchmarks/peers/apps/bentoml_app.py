"""BentoML: adaptive batching over a typed NumPy input.

Run as `bentoml serve benchmarks.peers.apps.bentoml_app:Forda`.

Settings: WORKERS (processes), MAX_BATCH (series), WAIT_MS (target latency of its dispatcher).
"""

import os
from typing import Annotated

import bentoml
import numpy as np
from bentoml.validators import DType

from benchmarks.peers.model import Model

Array = Annotated[np.ndarray, DType("float32")]


@bentoml.service(workers=int(os.environ["WORKERS"]), traffic={"timeout": 120, "max_concurrency": 100_000})
class Forda:
    """The model as a service."""

    def __init__(self) -> None:
        self.model = Model()

    @bentoml.api(
        batchable=True,
        max_batch_size=int(os.environ["MAX_BATCH"]),
        max_latency_ms=int(os.environ["WAIT_MS"]),
    )
    def predict(self, instances: Array) -> Array:
        """Class probabilities of a batch."""
        return self.model(np.ascontiguousarray(instances, np.float32))
