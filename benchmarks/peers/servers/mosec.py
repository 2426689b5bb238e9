"""mosec: HTTP in Rust, batches in Python processes."""

from __future__ import annotations

from benchmarks.peers.processes import Launch
from benchmarks.peers.servers.base import ORJSON, Peer, Place


class Mosec(Peer):
    """Its application, run as a script."""

    key = "mosec"
    title = "mosec"
    packages = ("mosec==0.9.8", ORJSON)
    path = "/inference"
    health = "/"

    def launch(self, place: Place) -> Launch:
        """The command line has the address. Requests may wait as long as the load lasts."""
        script = [self.python(place), "-m", "benchmarks.peers.apps.mosec_app"]
        options = {"address": "127.0.0.1", "port": place.port, "timeout": 120_000, "capacity": 4096}
        flags = [part for name, value in options.items() for part in (f"--{name}", str(value))]
        return Launch([*script, *flags], self.variables(place))
