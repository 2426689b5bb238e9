"""This project's server, started with its own command."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import ClassVar

import numpy as np

from benchmarks.peers.bodies import Array, read_probabilities
from benchmarks.peers.processes import Launch
from benchmarks.peers.servers.base import ROOT, Peer, Place
from qa.harness.messages import Response


class Ours(Peer):
    """`python -m app serve` in this environment."""

    key = "ours"
    title = "this server"
    packages = ()
    health = "/readyz"

    def environment(self, folder: Path) -> None:
        """It runs in this environment."""

    def launch(self, place: Place) -> Launch:
        """Settings are environment variables."""
        variables = {
            **{name.upper(): str(value) for name, value in self.settings.items()},
            "ARTIFACT": str(place.model),
            "HOST": "127.0.0.1",
            "PORT": str(place.port),
            "LOG_LEVEL": "error",
        }
        return Launch([sys.executable, "-m", "app", "serve"], variables, ROOT)

    def read(self, answer: Response) -> Array:
        """Parse its JSON, which has a class name for each probability."""
        if answer.body.startswith(b"\x93NUMPY"):
            return read_probabilities(answer.body)
        predictions = json.loads(answer.body)["predictions"]
        return np.array(
            [list(prediction["probabilities"].values()) for prediction in predictions], np.float32
        )


class OursTwoWorkers(Ours):
    """The same with two workers."""

    key: ClassVar[str] = "ours-2"
    title: ClassVar[str] = "this server, two workers"
