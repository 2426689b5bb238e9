"""Rounds: all scenarios, in each of them all algorithms, one after the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack, nullcontext

import numpy as np

from app.contract import open_artifact
from benchmarks import fleet
from benchmarks.balancing.plan import ALGORITHMS, LARGE, SCENARIOS, SMALL, Plan, Scenario
from benchmarks.peers import steady
from benchmarks.peers.bodies import Request, instances, npy
from benchmarks.peers.errors import PeerError
from benchmarks.peers.measure import log
from benchmarks.peers.processes import Running
from benchmarks.peers.records import Record, Results
from benchmarks.peers.schedule import Outcome, Schedule, poisson_schedule
from qa.harness.server import ServerProcess

WARM_UP = 1.0  # seconds that are not counted
# The latency of a failed request, after which clients give up. Without it, failures would lower percentiles.
FAILED_SECONDS = 10.0
PREDICTIONS = 'timeseries_http_requests_total{protocol="native",route="/predict"'


def run(plan: Plan, results: Results) -> None:
    """All rounds. A load whose client fails is recorded, and the others go on.

    Raises:
        HarnessError: a program is missing.
        PeerError: a replica does not start.
    """
    requests = make_requests(plan)
    with ExitStack() as stack:
        replicas = stack.enter_context(fleet.replicas(2, artifact=plan.artifact, logs=plan.logs))
        balancers = {
            algorithm: stack.enter_context(
                fleet.balancer(replicas, log=plan.logs / f"haproxy-{number}.log", BALANCE=algorithm)
            )
            for number, algorithm in enumerate(ALGORITHMS)
        }
        for number in range(plan.rounds):
            for scenario in SCENARIOS:
                for algorithm in in_turn(ALGORITHMS, number):
                    try:
                        values = _load(plan, scenario, number, requests, balancers[algorithm], replicas)
                    except PeerError as error:
                        results.failures.setdefault(algorithm, []).append(f"{scenario.key}: {error}")
                        continue
                    results.records.append(Record(algorithm, scenario.key, number, values))
                    log(f"round {number + 1}: {scenario.key}: {algorithm}: p99 {values['p99']:.1f} ms")


def make_requests(plan: Plan) -> tuple[Request, Request]:
    """A small request as JSON and a large one as npy, which fits into the balancer's buffer."""
    golden = open_artifact(plan.artifact).golden.series
    large = np.resize(golden, (LARGE, *golden.shape[1:]))
    return instances("/predict", golden[:SMALL]), npy("/predict", large)


def in_turn(names: Sequence[str], number: int) -> list[str]:
    """The names of a round, each of them first once in as many rounds."""
    first = number % len(names)
    return [*names[first:], *names[:first]]


def _load(
    plan: Plan,
    scenario: Scenario,
    number: int,
    requests: Sequence[Request],
    balancer: ServerProcess,
    replicas: Sequence[Running],
) -> dict[str, float]:
    """One load through one balancer. Its arrivals depend on the round alone."""
    large = plan.large if scenario.is_mixed else 0.0
    schedule = poisson_schedule(plan.rate, WARM_UP + plan.seconds, shares=(1 - large, large), seed=number)
    before = [replica.metric(PREDICTIONS) for replica in replicas]
    with fleet.throttled(replicas[1], share=plan.share) if scenario.is_slow else nullcontext():
        outcome = steady.send(balancer.port, requests, schedule)
    served = [replica.metric(PREDICTIONS) - count for replica, count in zip(replicas, before, strict=True)]
    second = served[1] / sum(served) if sum(served) else float("nan")
    return {**evaluate(outcome, schedule, seconds=plan.seconds), "second_percent": 100 * second}


def evaluate(outcome: Outcome, schedule: Schedule, *, seconds: float) -> Mapping[str, float]:
    """The figures of a load after its warm-up; latencies in milliseconds from when a request was due.

    Returns:
        `rate`: requests/s that got a prediction. `failed`: requests that did not. `p50`, `p99`: of all
        requests, `FAILED_SECONDS` for one that failed; with `_1` and `_256` of those of that size, if there
        are any. `late_p99`: how late the client sent.

    Raises:
        PeerError: no request got a prediction.
    """
    counted = outcome.intended >= WARM_UP
    good = counted & outcome.answered
    if not good.any():
        raise PeerError("no request got a prediction")
    found = {"rate": float(np.sum(good)) / seconds, "failed": float(np.sum(counted & ~outcome.answered))}
    latency = np.where(outcome.answered, outcome.latency, FAILED_SECONDS)
    small, large = schedule.kinds == 0, schedule.kinds == 1
    for name, chosen in {"": counted, f"_{SMALL}": counted & small, f"_{LARGE}": counted & large}.items():
        if chosen.any():
            p50, p99 = 1e3 * np.quantile(latency[chosen], [0.5, 0.99])
            found |= {f"p50{name}": float(p50), f"p99{name}": float(p99)}
    late = (outcome.sent - outcome.intended)[counted & np.isfinite(outcome.sent)]
    return {**found, "late_p99": 1e3 * float(np.quantile(late, 0.99))}
