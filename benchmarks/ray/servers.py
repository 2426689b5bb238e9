"""What is measured: the server with two workers, and on Ray with two replicas."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from benchmarks.peers.processes import Launch, Running
from benchmarks.peers.servers.base import ROOT, Place
from benchmarks.peers.servers.ours import Ours
from qa.harness.ray import LOG_SETTINGS, START_SECONDS, command, replicas_of
from qa.harness.server import free_port


class TwoWorkers(Ours):
    """`python -m app serve`."""

    key: ClassVar[str] = "server"
    title: ClassVar[str] = "this server, two workers"

    def __init__(self) -> None:
        super().__init__({"workers": 2, "pin_workers": "false"})

    def processes(self, process: Running) -> list[int]:
        """The process ids of those that compute."""
        return process.workers


class TwoReplicas(TwoWorkers):
    """`python -m deploy.ray.local`, with Ray Serve's own proxy."""

    key: ClassVar[str] = "ray"
    title: ClassVar[str] = "Ray Serve, two replicas"
    seconds: ClassVar[float] = START_SECONDS

    def processes(self, process: Running) -> list[int]:
        """The process ids of the replicas."""
        return replicas_of(process)

    def launch(self, place: Place) -> Launch:
        """Settings are environment variables; so are those of Ray."""
        own = {**LOG_SETTINGS, **self.variables(place), "ARTIFACT": str(place.model), "PORT": str(place.port)}
        return Launch(
            command(str(place.scratch), "min_replicas=2", "max_replicas=2", "num_cpus=0.5"),
            {**own, **self.of_ray()},
            ROOT,
        )

    def of_ray(self) -> Mapping[str, str]:
        """Variables of Ray alone."""
        return {}


class BehindHaproxy(TwoReplicas):
    """The same with Ray Serve's HAProxy, which passes requests to the replicas' own ports."""

    key: ClassVar[str] = "ray-haproxy"
    title: ClassVar[str] = "Ray Serve, two replicas, RAY_SERVE_ENABLE_HA_PROXY=1"

    def of_ray(self) -> Mapping[str, str]:
        """A free port for HAProxy's metrics: it does not start if 9101 is taken."""
        return {
            "RAY_SERVE_ENABLE_HA_PROXY": "1",
            "RAY_SERVE_HAPROXY_METRICS_PORT": str(free_port()),
            "RAY_SERVE_HAPROXY_STATS_PORT": str(free_port()),
        }


SERVERS: tuple[type[TwoWorkers], ...] = (TwoWorkers, TwoReplicas, BehindHaproxy)
