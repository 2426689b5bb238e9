"""BentoML: adaptive batching. Arrays are JSON: it refuses its binary format, pickle, from clients."""

from __future__ import annotations

import json

import numpy as np

from benchmarks.peers.bodies import Array, Form
from benchmarks.peers.processes import Launch
from benchmarks.peers.servers.base import Peer, Place
from qa.harness.messages import Response


class BentoML(Peer):
    """`bentoml serve` on its application."""

    key = "bentoml"
    title = "BentoML"
    packages = ("bentoml==1.4.40",)
    forms = (Form.JSON,)
    health = "/readyz"

    def launch(self, place: Place) -> Launch:
        """Workers are a setting of the service; telemetry is off."""
        application = "benchmarks.peers.apps.bentoml_app:Forda"
        command = [self.python(place), "-m", "bentoml", "serve", application]
        options = ["--host", "127.0.0.1", "--port", str(place.port)]
        variables = {
            **self.variables(place),
            "BENTOML_DO_NOT_TRACK": "true",
            "BENTOML_HOME": str(place.scratch / "bentoml"),
        }
        return Launch([*command, *options], variables, place.scratch)

    def read(self, answer: Response) -> Array:
        """Parse the response, which is only an array."""
        return np.array(json.loads(answer.body), np.float32)
