"""Predictions to bytes of each media type. It knows labels and arrays, not how they were computed."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import repeat

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from app.api.payloads.subsets import SubsetTexts
from app.errors import EngineError


class PredictionEncoder:
    """Writes JSON answers, `app.client.schemas.PredictResponse` documents, for one model.

    Everything but the numbers is formatted once. A probability is the shortest text that reads back as the
    same float32: `0.1`, not the 0.10000000149011612 that it is as a float64.

    Args:
        model: its name.
        version: its version.
        labels: of the classes, in the order of the columns.
        warnings: each kind's document, in the order of the columns.
    """

    def __init__(
        self, *, model: str, version: int, labels: Sequence[str], warnings: Sequence[Mapping[str, str]] = ()
    ) -> None:
        self._head = f'{{"model":{json.dumps(model)},"version":{version},"predictions":['
        names = [json.dumps(label) for label in labels]
        self._label_sets = SubsetTexts(names)
        self._warnings = SubsetTexts([json.dumps(dict(kind)) for kind in warnings])
        self._classes = len(names)
        scores = ",".join(f"{_literal(name)}:%s" for name in names)
        # One template for each label that can win, and a last one for series without a label.
        heads = [f'{{"label":{_literal(name)},"probabilities":{{{scores}}}' for name in (*names, "null")]
        self._bare = [f'{head},"label_set":null,"ood_score":null,"warnings":%s}}' for head in heads]
        self._trusted = [f'{head},"label_set":%s,"ood_score":%.4f,"warnings":%s}}' for head in heads]

    def document(self, rows: Iterable[str]) -> bytes:
        """The answer for series whose texts `rows` has written."""
        return f"{self._head}{','.join(rows)}]}}".encode()

    def rows(
        self,
        probabilities: NDArray[np.float32],
        label_sets: NDArray[np.bool_] | None = None,
        ood_scores: NDArray[np.float32] | None = None,
        warnings: NDArray[np.bool_] | None = None,
        *,
        abstained: NDArray[np.bool_] | None = None,
    ) -> list[str]:
        """The text for each of n series.

        Args:
            probabilities: `float32[n, classes]`.
            label_sets: `bool[n, classes]`; None for a model without them.
            ood_scores: `float32[n]`; None where there are no label sets.
            warnings: `bool[n, kinds]`, where the last kinds may be left out; None if there are none.
            abstained: `bool[n]`, which series get no label.

        Raises:
            EngineError: a probability or a score is not finite.
        """
        _check_finite(probabilities)
        winners = probabilities.argmax(axis=1)
        if abstained is not None:
            winners[abstained] = self._classes
        # str of a numpy scalar is the shortest text that round-trips, and valid JSON for finite numbers.
        numbers = map(str, probabilities.ravel())
        columns: list[Iterable[object]] = [numbers] * self._classes
        templates = self._bare
        if label_sets is not None and ood_scores is not None:
            _check_scores(ood_scores)
            templates = self._trusted
            columns += [self._label_sets(label_sets), ood_scores.tolist()]
        if warnings is not None and warnings.any():
            columns.append(self._warnings(warnings))
        else:
            columns.append(repeat("[]", len(probabilities)))
        series = zip(*columns, strict=True)
        return [templates[winner] % values for winner, values in zip(winners.tolist(), series, strict=True)]


def encode_npy(probabilities: NDArray[np.float32], *, abstained: NDArray[np.bool_] | None = None) -> bytes:
    """`float32[n, classes]` as a .npy file, format 1.0, little-endian, C order.

    Args:
        probabilities: `float32[n, classes]`.
        abstained: `bool[n]`, which series' probabilities are NaN instead.

    Raises:
        EngineError: a probability is not finite.
    """
    _check_finite(probabilities)
    if abstained is not None:
        probabilities = np.where(abstained[:, np.newaxis], np.float32(np.nan), probabilities)
    file = io.BytesIO()
    npy.write_array(file, np.ascontiguousarray(probabilities, "<f4"), version=(1, 0), allow_pickle=False)
    return file.getvalue()


def _literal(text: str) -> str:
    return text.replace("%", "%%")


def _check_finite(probabilities: NDArray[np.float32]) -> None:
    finite = np.isfinite(probabilities)
    if not finite.all():
        row, column = np.argwhere(~finite)[0].tolist()
        raise EngineError(f"the engine gave a probability that is not finite (series {row}, class {column})")


def _check_scores(ood_scores: NDArray[np.float32]) -> None:
    finite = np.isfinite(ood_scores)
    if not finite.all():
        raise EngineError(f"the engine gave a novelty that is not a number (series {int(finite.argmin())})")
