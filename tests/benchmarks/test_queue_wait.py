"""`benchmarks.queue_wait`: the table."""

from __future__ import annotations

from benchmarks.queue_wait import SHARES, Figures, table


def test_the_table_has_a_row_for_each_load() -> None:
    """Milliseconds, cores and percent, as median and range over servers."""
    rounds = [[Figures(wait, 0.5, 0.25) for _ in SHARES] for wait in (0.001, 0.003, 0.002)]
    head, _, *rows = table(rounds).splitlines()
    assert head == "| load, of the peak | mean wait, ms | CPU use, cores | refused, % |"
    assert len(rows) == len(SHARES)
    assert rows[0] == "| 0.25 | 2.0 (1.0-3.0) | 0.50 (0.50-0.50) | 25 (25-25) |"
