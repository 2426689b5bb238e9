"""The table of Ray Serve, from made-up figures."""

from __future__ import annotations

from benchmarks.peers.records import Record, Results
from benchmarks.ray.__main__ import KILL, LOADS, name, report
from benchmarks.ray.killed import Outcome
from benchmarks.ray.servers import SERVERS


def test_the_report_compares_servers_within_a_round() -> None:
    """Rates are over the server's of the same round, whose machine may be faster than that of another."""
    results = Results({"machine": "a machine"})
    for number, speed in enumerate((1, 2)):
        for place, server in enumerate(SERVERS):
            rate = speed * 1000 / 10**place
            for load in LOADS:
                values = {"rate": rate, "p50": 1.0, "p99": 2.0, "cpu_ms": 0.5}
                results.records.append(Record(server.key, name(*load), number, values))
    text = report(results)
    assert "| 32 conn., 1 series | 1.000 (1.000-1.000) | 0.100 (0.100-0.100) | 0.010 (0.010-0.010) |" in text
    assert "1,500 (1,000-2,000)" in text


def test_every_response_but_200_is_a_loss_of_the_plain_client() -> None:
    """Also those without a status."""
    seen = Outcome(answered=9, again=2)
    seen.plain.update({"200": 95, "503": 3, "lost": 2})
    results = Results({}, [Record("ray", KILL, 0, seen.values())])
    assert "| Ray Serve, two replicas | 100 | 5 | 2 | 9 | 2 | 0 |" in report(results)
