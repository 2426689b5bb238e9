"""A well-written FastAPI app."""

from __future__ import annotations

from benchmarks.peers.processes import Launch
from benchmarks.peers.servers.base import ORJSON, UVICORN, Peer, Place


class Baseline(Peer):
    """uvicorn with uvloop, httptools and the best number of workers."""

    key = "baseline"
    title = "FastAPI, well written"
    packages = (*UVICORN, ORJSON)

    def launch(self, place: Place) -> Launch:
        """No access log, as in production."""
        command = [self.python(place), "-m", "uvicorn", "benchmarks.peers.apps.baseline_app:app"]
        options = ["--port", str(place.port), "--workers", self.setting("workers"), "--no-access-log"]
        return Launch([*command, *options, "--log-level", "warning"], self.variables(place))
