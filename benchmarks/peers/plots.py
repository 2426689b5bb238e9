"""Plots of the results: throughput with its range, and latencies at a constant rate."""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Any

from benchmarks.peers.plan import BIG_BINARY, BIG_JSON, MAIN, Load
from benchmarks.peers.records import Results
from benchmarks.peers.servers import ALL

OURS, OTHERS = "#1b6ca8", "#b8b8b8"
PANELS = (
    (MAIN, "one series as JSON, 32 connections: requests/s"),
    (BIG_JSON, "256 series as JSON, 32 connections: series/s"),
    (BIG_BINARY, "256 series as binary, 32 connections: series/s"),
)
PERCENTILES = (("p50", "50"), ("p90", "90"), ("p99", "99"), ("p999", "99.9"))


def draw(results: Results, folder: Path) -> tuple[str, ...]:
    """Write the plots that have data; return their file names."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    pictures = []
    panels = [(load, title) for load, title in PANELS if _bars(results, load)]
    if panels:
        figure, axes = plt.subplots(len(panels), 1, figsize=(8, 3 * len(panels)), squeeze=False)
        for (load, title), row in zip(panels, axes, strict=True):
            _throughput(row[0], _bars(results, load), title)
        pictures.append(_save(figure, folder / "throughput.png"))
        plt.close(figure)
    if any(results.values(peer.key, "steady", "p50") for peer in ALL):
        figure, axis = plt.subplots(figsize=(8, 4.5))
        _latency(axis, results)
        pictures.append(_save(figure, folder / "latency.png"))
        plt.close(figure)
    return tuple(pictures)


def _bars(results: Results, load: Load) -> list[tuple[str, str, list[float]]]:
    """Key, title and a rate for each round, of every server that was measured."""
    return [
        (
            peer.key,
            peer.title,
            [load.series * rate for rate in results.values(peer.key, load.key, "rate").values()],
        )
        for peer in ALL
        if results.values(peer.key, load.key, "rate")
    ]


def _throughput(axis: Any, bars: list[tuple[str, str, list[float]]], title: str) -> None:
    for place, (key, _, rates) in enumerate(reversed(bars)):
        median = statistics.median(rates)
        spread = [[median - min(rates)], [max(rates) - median]]
        axis.barh(place, median, xerr=spread, color=OURS if key.startswith("ours") else OTHERS, capsize=3)
        axis.text(max(rates), place, f"  {median:,.0f}", va="center", fontsize=8)
    axis.set_yticks(range(len(bars)), [name for _, name, _ in reversed(bars)], fontsize=8)
    axis.margins(x=0.15)
    axis.set_title(title, fontsize=10)
    axis.spines[["top", "right"]].set_visible(False)


def _latency(axis: Any, results: Results) -> None:
    for peer in ALL:
        values = [list(results.values(peer.key, "steady", name).values()) for name, _ in PERCENTILES]
        if not values[0]:
            continue
        middle = [statistics.median(found) for found in values]
        line = axis.plot(range(len(middle)), middle, marker="o", label=peer.title)[0]
        low, high = [min(found) for found in values], [max(found) for found in values]
        axis.fill_between(range(len(middle)), low, high, color=line.get_color(), alpha=0.15)
    rate = results.median("triton", "steady", "rate") or 0
    axis.set_xticks(range(len(PERCENTILES)), [f"p{name}" for _, name in PERCENTILES])
    axis.set_yscale("log")
    axis.set_ylabel("ms from when it was due")
    axis.set_title(f"one series as JSON at a constant {rate:,.0f} requests/s", fontsize=10)
    axis.spines[["top", "right"]].set_visible(False)
    axis.legend(fontsize=8)


def _save(figure: Any, path: Path) -> str:
    figure.tight_layout()
    figure.savefig(path, dpi=120)
    return path.name
