"""Tables and targets from made-up figures."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.peers import plots, report, targets
from benchmarks.peers.plan import BIG_BINARY, MAIN, ONE
from benchmarks.peers.records import Record, Results, read_results, spread


@pytest.fixture
def results() -> Results:
    """Two rounds on a machine that got twice as fast in between; BentoML did not start."""
    found = Results({"machine": "a machine", "packages": {"triton": {"nvidia-pytriton": "9.9"}}})
    for number, speed in enumerate((1, 2)):
        for key, rate in (("ours", 2000), ("ours-2", 3000), ("triton", 1000), ("naive", 10)):
            latencies = {"p50": 2.0 / speed, "p90": 3.0, "p99": 4.0, "p999": 5.0, "failed": 0}
            found.records += [
                Record(key, MAIN.key, number, {"rate": speed * rate, **latencies}),
                Record(key, ONE.key, number, {"rate": 500.0, **latencies, "p50": 0.9}),
                Record(key, BIG_BINARY.key, number, {"rate": speed * rate / 256, **latencies}),
                Record(key, "start", number, {"ready_s": 1.0, "idle_mb": 180, "difference": 1e-6}),
            ]
        found.records.append(Record("engine", "bare", number, {"ms_1": 0.2, "rate_256": speed * 2100.0}))
    found.failures["bentoml"] = ["not ready within 90 s"]
    return found


def row(results: Results, measure: str) -> tuple[str, ...]:
    """The target's row that starts with some words."""
    return next(target.row(results) for target in targets.TARGETS if target.measure.startswith(measure))


def test_ratios_are_taken_within_a_round(results: Results) -> None:
    """A machine that changes its speed between rounds does not blur them."""
    _, goal, reached, met = row(results, "requests/s, one series as JSON, 32 connections, over Triton")
    assert goal == "at least 1.50 times"
    assert reached == "3.00 (3.00-3.00) times"
    assert met == "yes"
    assert row(results, "the same with one worker, over Triton")[2] == "2.00 (2.00-2.00) times"


def test_what_was_not_measured_is_neither_met_nor_missed(results: Results) -> None:
    """There is no figure, and none is made up."""
    assert row(results, "requests/s, one series as JSON, 32 connections, over mosec")[2:] == (
        "not measured",
        "-",
    )


def test_a_target_that_was_missed_says_so(results: Results) -> None:
    """One connection takes 0.7 ms longer than the engine; half a millisecond is wanted."""
    assert row(results, "one connection")[2:] == ("0.70 (0.70-0.70) ms", "no")


def test_series_are_compared_with_series(results: Results) -> None:
    """256 a request against the engine's own rate."""
    assert row(results, "series/s, 256 a request, binary: one worker over the bare")[2].startswith("0.95")


def test_the_report_names_every_server_and_why_one_is_missing(results: Results) -> None:
    """Versions, settings, and the reason of a failure."""
    text = report.write(results, pictures=("throughput.png",))
    assert "| Triton | nvidia-pytriton 9.9 | workers=" in text
    assert "**not ready within 90 s**" in text
    assert "![throughput](throughput.png)" in text
    assert "| Triton, 32 conn. | 1,500 (1,000-2,000) |" in text
    assert "Constant rate" not in text


def test_all_rows_of_a_table_are_of_one_width(results: Results) -> None:
    """Markdown drops cells that have no head."""
    for block in report.write(results).split("\n\n"):
        if block.startswith("|"):
            assert len({line.count("|") for line in block.splitlines()}) == 1


def test_results_survive_a_file(results: Results, tmp_path: Path) -> None:
    """A report can be written anew later."""
    results.save(tmp_path / "results.json")
    assert report.write(read_results(tmp_path / "results.json")) == report.write(results)


def test_pictures_are_drawn_from_what_there_is(results: Results, tmp_path: Path) -> None:
    """No constant rate was measured, so there is one picture."""
    assert plots.draw(results, tmp_path) == ("throughput.png",)
    assert (tmp_path / "throughput.png").stat().st_size > 1000


def test_spreads() -> None:
    """Median and range; a lone figure has none."""
    assert spread([3, 1, 2], ".0f") == "2 (1-3)"
    assert spread([1.5], ".1f") == "1.5"
    assert spread([], ".1f") == "-"
