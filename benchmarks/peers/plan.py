"""The loads of a run, and their duration."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from benchmarks.peers.bodies import Form


@dataclass(frozen=True, slots=True)
class Load:
    """A closed loop: requests of `series` series on `connections` connections."""

    form: Form
    series: int
    connections: int

    @property
    def key(self) -> str:
        """Its name in records and on the command line."""
        return f"{self.form.lower()}-{self.series}x{self.connections}"


CONNECTIONS = (1, 32, 256)
BODIES = ((Form.JSON, 1), (Form.JSON, 32), (Form.BINARY, 32), (Form.JSON, 256), (Form.BINARY, 256))
# 256 connections with 256 series each would have 65,536 series in flight: only waiting would be measured.
LOADS = tuple(
    Load(form, series, connections)
    for form, series in BODIES
    for connections in CONNECTIONS
    if series * connections < 65536
)
MAIN = Load(Form.JSON, 1, 32)
ONE = Load(Form.JSON, 1, 1)
BIG_JSON = Load(Form.JSON, 256, 32)
BIG_BINARY = Load(Form.BINARY, 256, 32)


@dataclass(frozen=True, slots=True)
class Plan:
    """The plan of a run.

    Attributes:
        peers: keys of servers, in the order of a round.
        loads: on each server, in this order.
        rounds: number of repetitions.
        seconds: duration of each load.
        extras: whether to measure the constant rate and the overload, too.
        model: the artifact's version folder, absolute.
        environments: the folder of the virtual environments.
        scratch: for logs and temporary files.
    """

    peers: tuple[str, ...]
    loads: tuple[Load, ...]
    rounds: int
    seconds: float
    extras: bool
    model: Path
    environments: Path
    scratch: Path

    @property
    def minutes(self) -> float:
        """Estimated duration once everything is installed."""
        start = 12.0  # seconds for a server to start, be checked and stop
        turn = start + len(self.loads) * (self.seconds + 2)
        extras = 8 * (start + 3 * self.seconds + 4) if self.extras else 0
        return self.rounds * (len(self.peers) * turn + extras) / 60
