"""Which compiled sizes a batch runs as. A call costs time of its own, and so does a row that is only padding.

Fifteen rows as 8 + 4 + 2 + 1 take 40 % longer than sixteen in one call; nine as 8 + 1 take 25 % less.
"""

from __future__ import annotations

from collections.abc import Sequence

# What a call costs beside its rows, in rows: 110 to 140 µs of it where a row is 45 µs (OpenVINO, one thread,
# sums of sizes against the next larger size, for 3 to 31 rows).
CALL_IN_ROWS = 2.5


class Calls:
    """The cheapest calls for every number of rows.

    Args:
        sizes: how many rows a call can take, ascending from 1.
    """

    def __init__(self, sizes: Sequence[int]) -> None:
        self._largest = sizes[-1]
        costs = [0.0]
        self._calls: list[tuple[int, ...]] = [()]
        for rows in range(1, self._largest):
            # Of equal costs the largest call first, so that padding stands at the end.
            cost, first = min((CALL_IN_ROWS + size + costs[max(0, rows - size)], -size) for size in sizes)
            costs.append(cost)
            self._calls.append((-first, *self._calls[max(0, rows + first)]))

    def __call__(self, rows: int) -> tuple[int, ...]:
        """The sizes that so many rows run as, in turn; only the last may have room to spare."""
        full, rest = divmod(rows, self._largest)
        return (self._largest,) * full + self._calls[rest]
