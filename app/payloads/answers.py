"""Probabilities to bytes of each media type. It knows labels and arrays, not how they were computed."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from app.errors import EngineError


class PredictionEncoder:
    """Writes JSON answers, `app.schemas.PredictResponse` documents, for one model.

    Everything but the numbers is formatted once. A number is the shortest text that reads back as the
    same float32: `0.1`, not the 0.10000000149011612 that it is as a float64.
    """

    def __init__(self, *, model: str, version: int, labels: Sequence[str]) -> None:
        self._head = f'{{"model":{json.dumps(model)},"version":{version},"predictions":['
        names = [json.dumps(label) for label in labels]
        scores = ",".join(f"{name.replace('%', '%%')}:%s" for name in names)
        # One template for each label that can win.
        self._rows = [f'{{"label":{name.replace("%", "%%")},"probabilities":{{{scores}}}}}' for name in names]

    def __call__(self, probabilities: NDArray[np.float32]) -> bytes:
        """The answer for `float32[n, classes]`, the columns in the order of the labels.

        Raises:
            EngineError: a probability is not finite.
        """
        _check_finite(probabilities)
        winners = probabilities.argmax(axis=1).tolist()
        # str of a numpy scalar is the shortest text that round-trips, and valid JSON for finite numbers.
        numbers = map(str, probabilities.ravel())
        series = zip(*[numbers] * len(self._rows), strict=True)
        rows = [self._rows[winner] % texts for winner, texts in zip(winners, series, strict=True)]
        return f"{self._head}{','.join(rows)}]}}".encode()


def encode_npy(probabilities: NDArray[np.float32]) -> bytes:
    """`float32[n, classes]` as a .npy file, format 1.0, little-endian, C order.

    Raises:
        EngineError: a probability is not finite.
    """
    _check_finite(probabilities)
    file = io.BytesIO()
    npy.write_array(file, np.ascontiguousarray(probabilities, "<f4"), version=(1, 0), allow_pickle=False)
    return file.getvalue()


def _check_finite(probabilities: NDArray[np.float32]) -> None:
    finite = np.isfinite(probabilities)
    if not finite.all():
        row, column = np.argwhere(~finite)[0].tolist()
        raise EngineError(f"the engine gave a probability that is not finite (series {row}, class {column})")
