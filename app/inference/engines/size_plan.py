"""Plans which compiled sizes a batch runs as, from the costs of a call and of padded rows.

Most of the cost of a call is a cold start: the graph's code and weights are no longer in the CPU's caches. So
a second call of the same graph costs little, and one of another graph much.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

# The cost of a call beside its rows, and the extra cost of the first call of each size, in rows. Read from
# the output of `make bench` for batches with and without other work between them (see benchmarks/README.md);
# the latter is rounded up, so that fewer graphs are in use.
CALL_IN_ROWS = 2.0
START_IN_ROWS = 3.2


class _Plan(NamedTuple):
    """Calls and their cost; sorts by cost, then by number of calls."""

    cost: float
    calls: int
    sizes: tuple[int, ...]

    def after(self, size: int) -> _Plan:
        """This plan with another call."""
        return _Plan(self.cost + size + CALL_IN_ROWS, self.calls + 1, (size, *self.sizes))


_NOTHING = _Plan(0.0, 0, ())
_NEVER = _Plan(math.inf, 0, ())


class SizePlan:
    """The cheapest calls for every number of rows.

    Args:
        sizes: row counts of the compiled graphs, ascending from 1.
    """

    def __init__(self, sizes: Sequence[int]) -> None:
        self._largest = sizes[-1]
        plans = [_NOTHING, *[_NEVER] * (self._largest - 1)]  # for each number of rows
        for size in sizes:
            plans = _with_another_size(plans, size)
        self._calls = [plan.sizes for plan in plans]

    def __call__(self, rows: int) -> tuple[int, ...]:
        """The sizes of the calls for so many rows, in order; only the last may be padded."""
        full, rest = divmod(rows, self._largest)
        return (self._largest,) * full + self._calls[rest]


def _with_another_size(plans: Sequence[_Plan], size: int) -> list[_Plan]:
    """The best plans with one more size, larger than the sizes so far: its calls come first."""
    with_it: list[_Plan] = [_NEVER]
    for rows in range(1, len(plans)):
        rest = max(0, rows - size)
        with_it.append(min(with_it[rest], plans[rest]).after(size))
    return [
        min(plan, other._replace(cost=other.cost + START_IN_ROWS))
        for plan, other in zip(plans, with_it, strict=True)
    ]
