"""FastAPI as in tutorials, with TensorFlow."""

from __future__ import annotations

from pathlib import Path

from benchmarks.peers.bodies import Form
from benchmarks.peers.environments import Environment
from benchmarks.peers.processes import Launch
from benchmarks.peers.servers.base import Peer, Place


class Naive(Peer):
    """One worker, the command of the tutorial."""

    key = "naive"
    title = "FastAPI, naive (TensorFlow)"
    packages = ("fastapi==0.165.0", "uvicorn==0.54.0", "keras==3.15.1", "tensorflow==2.21.0", "scipy==1.17.1")
    forms = (Form.JSON,)
    max_connections = 32  # at a few dozen requests/s, more connections only wait longer
    seconds = 180

    def environment(self, folder: Path) -> Environment:
        """Its environment, without this project's engine."""
        return Environment(folder.absolute() / self.key, self.packages)

    def launch(self, place: Place) -> Launch:
        """TensorFlow chooses its number of threads: this server is not tuned."""
        command = [self.python(place), "-m", "uvicorn", "benchmarks.peers.apps.naive_app:app"]
        variables = {**self.variables(place), "TF_CPP_MIN_LOG_LEVEL": "2"}
        del variables["OMP_NUM_THREADS"]
        options = ["--port", str(place.port), "--log-level", "warning"]
        return Launch([*command, *options], variables)
