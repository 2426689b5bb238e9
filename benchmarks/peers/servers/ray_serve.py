"""Ray Serve: an HTTP proxy and replicas as Ray actors."""

from __future__ import annotations

from benchmarks.peers.processes import Launch
from benchmarks.peers.servers.base import ORJSON, Peer, Place


class RayServe(Peer):
    """Its application, which starts a cluster of one machine."""

    key = "ray"
    title = "Ray Serve"
    packages = ("ray[serve]==2.60.0", ORJSON)
    health = "/-/healthz"
    seconds = 180

    def launch(self, place: Place) -> Launch:
        """Usage statistics are off."""
        variables = {
            **self.variables(place),
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_TMPDIR": str(place.scratch),
        }
        return Launch([self.python(place), "-m", "benchmarks.peers.apps.ray_app"], variables)
