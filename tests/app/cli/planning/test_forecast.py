"""Forecasts from a made-up record."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.cli.planning.forecast import forecast, loads_of
from app.cli.planning.record import RecordError
from tests.app.cli.planning.records import record

RECORD = record()


def test_a_latency_between_two_loads_is_interpolated() -> None:
    """Medians of the rounds: 6 ms at 500 requests/s, 20 ms at 1,000. So 13 ms at 750, and one is spare."""
    found = forecast(RECORD, rate=1500, series=1, body="json", p99_ms=13)
    assert found.limit == pytest.approx(750)
    assert (found.needed, found.replicas, found.sizes) == (2, 3, (1,))
    assert found.p99_ms == pytest.approx(6)
    assert found.degraded_p99_ms == pytest.approx(13)
    assert found.busy_cores == pytest.approx(3 * 0.4)
    assert not found.is_highest


def test_no_replica_gets_more_than_the_highest_measured_load() -> None:
    """Whatever the latency may be: beyond that nothing is known."""
    found = forecast(RECORD, rate=3000, series=1, body="npy", p99_ms=1000)
    assert (found.limit, found.is_highest, found.replicas) == (1000, True, 4)


def test_a_low_rate_needs_one_replica_and_a_spare_one() -> None:
    """Below the lowest measured load, the latency is that of this load."""
    found = forecast(RECORD, rate=0.5, series=1, body="json", p99_ms=5)
    assert (found.needed, found.replicas, found.p99_ms) == (1, 2, 2)
    assert found.busy_cores < 0.001


def test_a_size_between_two_measured_ones_is_interpolated() -> None:
    """Half-way between 1 and 11 series: 1 ms and 10 ms of a replica's time, so 5.5 ms for each request."""
    found = forecast(RECORD, rate=100, series=6, body="json", p99_ms=30)
    assert found.sizes == (1, 11)
    assert found.limit == pytest.approx(1000 / 5.5)
    # At half of that, 6 ms and 20 ms.
    assert loads_of(RECORD, body="json", series=6).p99_at(500 / 5.5) == pytest.approx(13)


@pytest.mark.parametrize("series", [1, 11])
def test_a_measured_size_is_not_interpolated(series: int) -> None:
    """Its own loads are used."""
    loads = loads_of(RECORD, body="json", series=series)
    (curve,) = (curve for curve in RECORD.curves if (curve.body, curve.series) == ("json", series))
    assert list(loads.rates) == [point.rate for point in curve.points]


def test_a_latency_that_falls_with_the_load_counts_as_that_of_the_lower_load() -> None:
    """An outlier at a low load makes the forecast larger, never smaller."""
    (curve,) = (curve for curve in RECORD.curves if curve.series == 11)
    outlier = curve.points[0].model_copy(update={"p99_ms": [30.0]})
    changed = curve.model_copy(update={"points": [outlier, *curve.points[1:]]})
    loads = loads_of(RECORD.model_copy(update={"curves": [changed]}), body="json", series=11)
    assert list(loads.p99_ms) == [30, 30, 40]
    assert loads.limit(30) == pytest.approx(50)


@pytest.mark.parametrize(
    ("demand", "why"),
    [
        (
            {"series": 12},
            "--series 12: the record has requests of 1 to 11 series as json; measure one: .* 12$",
        ),
        ({"series": 2, "body": "npy"}, "--series 2: the record has requests of 1 to 1 series as npy"),
        ({"p99_ms": 1.5}, "--p99 1.5: not reached at the lowest measured load, 2 ms at 100 requests/s"),
    ],
)
def test_what_the_record_does_not_cover_is_refused(demand: dict[str, object], why: str) -> None:
    """In one line that has the limits of the record."""
    given_values = {"rate": 10.0, "series": 1, "body": "json", "p99_ms": 50.0, **demand}
    with pytest.raises(RecordError, match=why):
        forecast(RECORD, **given_values)  # type: ignore[arg-type]


def test_a_format_that_was_not_measured_is_refused() -> None:
    """It is named."""
    only_json = RECORD.model_copy(update={"curves": RECORD.curves[:2]})
    with pytest.raises(RecordError, match="--body npy: the record has no such requests"):
        forecast(only_json, rate=1, series=1, body="npy", p99_ms=50)


@given(
    rate=st.floats(0.01, 1e6),
    more=st.floats(1, 10),
    series=st.integers(1, 11),
    p99_ms=st.floats(10, 100),
)
def test_a_forecast_keeps_its_promise(rate: float, more: float, series: int, p99_ms: float) -> None:
    """Within the latency, also with one replica lost; more requests never need fewer replicas."""
    found = forecast(RECORD, rate=rate, series=series, body="json", p99_ms=p99_ms)
    assert rate / found.needed <= found.limit
    assert found.p99_ms <= found.degraded_p99_ms <= p99_ms * (1 + 1e-9)
    assert found.busy_cores <= found.replicas
    assert (
        forecast(RECORD, rate=more * rate, series=series, body="json", p99_ms=p99_ms).needed >= found.needed
    )
    assert (
        forecast(RECORD, rate=rate, series=series, body="json", p99_ms=more * p99_ms).needed <= found.needed
    )
