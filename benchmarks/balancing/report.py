"""The results as Markdown."""

from __future__ import annotations

from benchmarks.balancing.plan import ALGORITHMS, LARGE, SCENARIOS, SMALL, Scenario
from benchmarks.peers.records import Results, spread
from benchmarks.peers.tables import Column, measured, table

REFERENCE = ALGORITHMS[0]


def write(results: Results) -> str:
    """A table for each scenario, and one that compares the algorithms within each round."""
    facts = "\n".join(f"* {name}: {text}" for name, text in results.about.items() if isinstance(text, str))
    sections = [facts, "Median of the rounds (min-max)."]
    for scenario in SCENARIOS:
        rows = [(algorithm, algorithm, scenario.key) for algorithm in ALGORITHMS]
        body = measured(results, rows, _columns(scenario), "algorithm")
        if body:
            sections += [f"### {scenario.title}", body]
    sections += [
        f"### p99 of all requests over {REFERENCE}'s of the same round, and rounds with the lowest p99",
        _comparison(results),
    ]
    sections += [f"* {key}: {reason}" for key, reasons in results.failures.items() for reason in reasons]
    return "\n\n".join(sections) + "\n"


def rounds_won(results: Results, measure: str) -> dict[str, int]:
    """For each algorithm, in how many rounds it had the lowest p99 of all requests."""
    p99 = {algorithm: results.values(algorithm, measure, "p99") for algorithm in ALGORITHMS}
    complete = set.intersection(*(set(values) for values in p99.values()))
    best = [min(ALGORITHMS, key=lambda algorithm: p99[algorithm][number]) for number in complete]
    return {algorithm: best.count(algorithm) for algorithm in ALGORITHMS}


def _columns(scenario: Scenario) -> list[Column]:
    columns = [Column("requests/s", "rate", ",.0f"), Column("p50 ms", "p50", ".1f")]
    columns.append(Column("p99 ms", "p99", ".1f"))
    for size in (SMALL, LARGE) if scenario.is_mixed else ():
        columns.append(Column(f"p50 ms, {size} series", f"p50_{size}", ".1f"))
        columns.append(Column(f"p99 ms, {size} series", f"p99_{size}", ".1f"))
    columns.append(Column("failed", "failed", ".0f"))
    second = "slow" if scenario.is_slow else "second"
    return [*columns, Column(f"to the {second} replica, %", "second_percent", ".0f")]


def _comparison(results: Results) -> str:
    won = {scenario.key: rounds_won(results, scenario.key) for scenario in SCENARIOS}
    rows = []
    for algorithm in ALGORITHMS:
        cells = [algorithm]
        for scenario in SCENARIOS:
            ratios = results.ratios(scenario.key, "p99", algorithm, REFERENCE)
            cells += [spread(ratios, ".2f"), str(won[scenario.key][algorithm])]
        rows.append(cells)
    heads = [head for scenario in SCENARIOS for head in (scenario.title, "lowest")]
    return table(["algorithm", *heads], rows)
