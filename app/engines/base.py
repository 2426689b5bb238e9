"""What every engine is: one blocking call on a padded batch, made from an artifact.

An engine is called from one thread at a time. It imports its runtime when it is made, so that nothing
else pays for it.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class Engine(Protocol):
    """A loaded model on a runtime.

    Attributes:
        name: the runtime and the graph it runs, for people: `"openvino 2026.4.1 (sealed graph, CPU)"`.
        batch_sizes: the numbers of rows that `predict` accepts, ascending; others are padded up to one.
    """

    name: str
    batch_sizes: tuple[int, ...]

    def predict(self, series: NDArray[np.float32]) -> NDArray[np.float32]:
        """Probabilities `float32[n, classes]` of series `float32[n, length]`; n is one of `batch_sizes`."""
        ...


def batch_sizes_up_to(max_rows: int) -> tuple[int, ...]:
    """The batch sizes an engine is compiled for: powers of two below `max_rows`, and `max_rows`.

    A runtime compiles or tunes for each shape it meets (XLA, OpenVINO), so few sizes, warmed before
    traffic, beat exact ones; padding computes at most twice the rows.
    """
    sizes = [1]
    while sizes[-1] < max_rows:
        sizes.append(min(sizes[-1] * 2, max_rows))
    return tuple(sizes)
