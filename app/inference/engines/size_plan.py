"""Which compiled sizes a batch runs as. A call costs time of its own, and so does a row that is only padding.

Most of what a call costs is a cold start: the graph's code and weights are not in the processor's caches,
where other work was done since. So another call of the same graph costs little, one of another graph much.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

# What a call costs beside its rows, and the first one of each size on top of that, in rows. They are read off
# what `make bench` prints for batches with nothing and with other work between them (benchmarks/README.md has
# it), the first one rounded up, so that fewer graphs are in use.
CALL_IN_ROWS = 2.0
START_IN_ROWS = 3.2


class _Plan(NamedTuple):
    """Calls and what they cost; of equal costs the fewest calls are less."""

    cost: float
    calls: int
    sizes: tuple[int, ...]

    def after(self, size: int) -> _Plan:
        """The same after another call."""
        return _Plan(self.cost + size + CALL_IN_ROWS, self.calls + 1, (size, *self.sizes))


_NOTHING = _Plan(0.0, 0, ())
_NEVER = _Plan(math.inf, 0, ())


class Calls:
    """The cheapest calls for every number of rows.

    Args:
        sizes: how many rows a call can take, ascending from 1.
    """

    def __init__(self, sizes: Sequence[int]) -> None:
        self._largest = sizes[-1]
        plans = [_NOTHING, *[_NEVER] * (self._largest - 1)]  # for each number of rows, without any size
        for size in sizes:
            plans = _with_another_size(plans, size)
        self._calls = [plan.sizes for plan in plans]

    def __call__(self, rows: int) -> tuple[int, ...]:
        """The sizes that so many rows run as, in turn; only the last may have room to spare."""
        full, rest = divmod(rows, self._largest)
        return (self._largest,) * full + self._calls[rest]


def _with_another_size(plans: Sequence[_Plan], size: int) -> list[_Plan]:
    """The best plans of all, from the best without a size, which is larger than theirs: it comes first."""
    with_it: list[_Plan] = [_NEVER]
    for rows in range(1, len(plans)):
        rest = max(0, rows - size)
        with_it.append(min(with_it[rest], plans[rest]).after(size))
    return [
        min(plan, other._replace(cost=other.cost + START_IN_ROWS))
        for plan, other in zip(plans, with_it, strict=True)
    ]
