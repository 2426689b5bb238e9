"""`benchmarks.memory`: settings and the table."""

from __future__ import annotations

from app.settings import Settings
from benchmarks.memory import settings, table


def test_the_settings_are_those_of_a_replica() -> None:
    """All variables of the base but the address, without comments."""
    own = settings()
    assert {name.lower() for name in own} <= set(Settings.model_fields) - {"host", "port"}
    assert own["WORKERS"] == "1"


def test_the_table_has_a_row_for_each_load() -> None:
    """MiB, as median and range over servers."""
    rounds = [{"ready": size * 2**20, "flood": 2 * size * 2**20} for size in (100, 120, 101)]
    assert table(rounds).splitlines() == [
        "| load | peak, MiB |",
        "|---|---|",
        "| ready | 101 (100-120) |",
        "| flood | 202 (200-240) |",
    ]
