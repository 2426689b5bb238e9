"""What every perturbation offers, and the way from series to channels and back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]


class Edges(NamedTuple):
    """Where the regions along one axis start and end, in order; neighbours may overlap.

    Attributes:
        starts: `float64[k]`, in time steps or in cycles per sample.
        ends: `float64[k]`, exclusive, in the same unit.
    """

    starts: Values
    ends: Values


class Perturbation(ABC):
    """Changes regions of a series, in all of its channels.

    Attributes:
        name: of the perturbation, as in a contract.
        shape: numbers of regions: `(windows,)`, `(bands,)`, or `(bands, windows)` for cells. Regions are
            numbered in this order, so that those of one band, which share most of the work, are neighbours.
        time: edges of the windows; None if it has none.
        frequency: edges of the bands; None if it has none.
    """

    name: ClassVar[str]
    shape: tuple[int, ...]
    time: Edges | None = None
    frequency: Edges | None = None

    @property
    def regions(self) -> int:
        """The number of regions."""
        return int(np.prod(self.shape))

    def __call__(self, series: NDArray[np.float32], chosen: NDArray[np.bool_]) -> NDArray[np.float32]:
        """Make variants of one series.

        Args:
            series: `float32[*SeriesSpec.shape]`, finite.
            chosen: `bool[m, regions]`, the regions to change in each variant.

        Returns:
            The variants, `float32[m, *SeriesSpec.shape]`.
        """
        channels = np.atleast_2d(series.T).astype(np.float64)
        changed = self._change(channels, chosen)
        if series.ndim == 1:
            return changed[:, 0].astype(np.float32)
        return np.ascontiguousarray(changed.transpose(0, 2, 1), np.float32)

    @abstractmethod
    def _change(self, channels: Values, chosen: NDArray[np.bool_]) -> Values:
        """Variants `float64[m, channels, length]` of a series `float64[channels, length]`."""
