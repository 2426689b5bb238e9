"""What is compared, and under which loads."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

# As in BALANCE of deploy/haproxy.cfg.
ALGORITHMS = ("roundrobin", "leastconn", "random(2)")
SMALL, LARGE = 1, 256  # series a request


@dataclass(frozen=True, slots=True)
class Scenario:
    """A load.

    Attributes:
        key: its name in records.
        title: of its table.
        is_mixed: whether some requests are large.
        is_slow: whether one replica is throttled.
    """

    key: str
    title: str
    is_mixed: bool
    is_slow: bool


SCENARIOS = (
    Scenario("mixed", "Uneven requests, equal replicas", is_mixed=True, is_slow=False),
    Scenario("slow", "Equal requests, one slow replica", is_mixed=False, is_slow=True),
    Scenario("mixed-slow", "Uneven requests, one slow replica", is_mixed=True, is_slow=True),
)


@dataclass(frozen=True, slots=True)
class Plan:
    """The plan of a run.

    Attributes:
        artifact: the version folder that all replicas serve.
        rounds: number of repetitions.
        seconds: duration of each load.
        rate: requests per second of all loads.
        large: share of large requests in mixed loads.
        share: of the time that a slow replica runs.
        logs: folder of the processes' logs.
    """

    artifact: Path
    rounds: int
    seconds: float
    rate: float
    large: float
    share: float
    logs: Path

    @property
    def minutes(self) -> float:
        """Estimated duration."""
        return self.rounds * len(SCENARIOS) * len(ALGORITHMS) * (self.seconds + 2.5) / 60
