"""Trends over time."""

from __future__ import annotations

import numpy as np
import pytest

from qa.chaos.oracle import Outcome, Verdict
from qa.chaos.request_log import RequestLog
from qa.chaos.trend import BLOCKS, fifth, slope


def test_a_slope_is_found_under_noise_with_an_honest_error() -> None:
    """Of a line of 30 MB/hour with noise that clings, the slope is right to a few standard errors."""
    draw = np.random.default_rng(5)
    times = np.linspace(0, 0.5, 1800)
    noise = np.convolve(draw.normal(0, 1, 1800 + 19), np.ones(20) / 20, "valid")
    found = slope(times.tolist(), (400 + 30 * times + noise).tolist())
    assert 0 < found.error < 2
    assert found.value == pytest.approx(30, abs=4 * found.error)


def test_a_level_line_has_no_slope() -> None:
    """What does not grow is not said to."""
    found = slope([float(i) for i in range(100)], [7.0] * 100)
    assert found.value == pytest.approx(0, abs=1e-9)


def test_too_few_samples_have_no_slope() -> None:
    """A run too short to say is told."""
    few = [1.0] * (BLOCKS - 1)
    with pytest.raises(ValueError, match="samples"):
        slope(few, few)


def test_a_fifth_has_its_own_latencies() -> None:
    """Latencies are of the requests sent in that fifth, of one kind."""
    request_log = RequestLog()
    for index in range(50):
        for kind in ("a", "b"):
            entry = request_log.add(kind, port=1)
            request_log.finish(entry, Verdict(Outcome.ANSWERED))
            entry.sent = float(index)
            entry.ended = index + (0.01 if index < 40 else 0.05) * (1 if kind == "a" else 9)
    early, late = (fifth(request_log, number, start=0, end=50, kind="a") for number in (1, 4))
    assert early.p50 == pytest.approx(10)
    assert late.p50 == late.p99 == pytest.approx(50)
