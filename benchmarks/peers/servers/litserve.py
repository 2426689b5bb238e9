"""LitServe: FastAPI in front, a queue, and worker processes that batch."""

from __future__ import annotations

from benchmarks.peers.bodies import Array, Form, Request, instances, npy
from benchmarks.peers.processes import Launch
from benchmarks.peers.servers.base import ORJSON, Peer, Place
from benchmarks.peers.tuned import Settings


class LitServe(Peer):
    """Its application, run as a script."""

    key = "litserve"
    title = "LitServe"
    packages = ("litserve==0.2.19", ORJSON)

    def __init__(self, settings: Settings | None = None) -> None:
        super().__init__(settings)
        if self.settings["decode"] == "dict":
            self.forms = (Form.JSON,)

    def launch(self, place: Place) -> Launch:
        """Everything is in the application."""
        return Launch([self.python(place), "-m", "benchmarks.peers.apps.litserve_app"], self.variables(place))

    def request(self, form: Form, series: Array) -> Request:
        """FastAPI does not parse bytes whose type is not JSON."""
        media_type = "application/json" if self.settings["decode"] == "dict" else "application/octet-stream"
        if form is Form.JSON:
            return instances(self.path, series, media_type=media_type)
        return npy(self.path, series, media_type=media_type)
