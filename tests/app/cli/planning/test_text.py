"""Forecasts as text."""

from __future__ import annotations

from typing import Any

import yaml

from app.cli.planning.forecast import forecast
from app.cli.planning.text import LIMIT_GIB, Demand, assumptions, forecast_text
from tests.app.cli.planning.records import record
from tests.conftest import ROOT


def text_of(*, price: float | None = None, **changed: Any) -> str:
    """The text for 1,500 requests/s of one series within 13 ms."""
    demand = Demand(**{"rate": 1500.0, "series": 1, "body": "json", "p99_ms": 13.0, **changed}, price=price)
    found = forecast(record(), rate=demand.rate, series=demand.series, body="json", p99_ms=demand.p99_ms)
    return forecast_text(demand, found, record())


def test_the_figures_come_first() -> None:
    """For all replicas, the spare one too."""
    assert text_of().splitlines()[:6] == [
        "1,500 requests/s of 1 series within a p99 of 13 ms: 3 replicas, of which 2 suffice and 1 is spare",
        "  cores   3, of which 1.2 are busy",
        "  memory  0.6 GB resident, limits of 3 GiB",
        "  p99     6 ms; 13 ms while one replica is lost",
        "  cost    3 core-hours an hour; --price gives amounts",
        "assumptions:",
    ]


def test_a_price_gives_amounts_and_its_own_assumption() -> None:
    """3 cores at 0.05: 0.15 an hour, for 5.4 million requests."""
    text = text_of(price=0.05)
    assert "  cost    0.15 an hour, 109.50 a month (730 hours), 0.0278 per million requests\n" in text
    assert "  - cost: cores only" in text
    assert "  - cost: " not in text_of()


def test_every_assumption_is_printed() -> None:
    """Where the figures come from, and what is interpolated."""
    text = text_of(series=6, rate=100.0, p99_ms=200.0)
    for words in ("a machine", "a command, today, model forda/4; three rounds", "one worker", "200 MB after"):
        assert words in text
    assert "size: between 1 and 11 series" in text
    assert "not more than the highest measured load" in text
    assert "size: " not in text_of()
    assert "highest measured" not in text_of()
    demand = Demand(1.0, 1, "json", 13.0, None)
    found = forecast(record(), rate=1, series=1, body="json", p99_ms=13)
    assert all("\n" not in line for line in assumptions(demand, found, record()))


def test_the_memory_limit_is_that_of_the_shipped_replicas() -> None:
    """Of docker-compose.yml."""
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]
    assert services["replica-1"]["mem_limit"] == f"{LIMIT_GIB}g"
