"""Encodes predictions as JSON or npy."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from itertools import repeat
from typing import Protocol

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from app.api.payloads.field_encoder import NpyFieldsEncoder
from app.api.payloads.media_types import JSON, NPY, NPY_FIELDS, response_type
from app.api.payloads.subsets import SubsetTexts
from app.contract import Contract
from app.inference.predictions import Batch, Prediction, Predictions
from app.inference.trust import warning_kinds


class Encoder(Protocol):
    """Encodes predictions in one media type."""

    @property
    def media_type(self) -> str:
        """Its media type."""
        ...

    def __call__(self, prediction: Prediction) -> bytes:
        """The body of a response."""
        ...


class Encoders:
    """The encoders of every media type that the service writes, for one model.

    Attributes:
        json: the default.
        npy: probabilities alone.
        npy_fields: all fields.
    """

    def __init__(self, contract: Contract) -> None:
        self.json = JsonEncoder(
            model=contract.name,
            version=contract.version,
            labels=[label.name for label in contract.labels],
            warnings=[asdict(kind) for kind in warning_kinds(contract.trust, contract.input.channels)],
        )
        self.npy = NpyEncoder()
        self.npy_fields = NpyFieldsEncoder(contract)
        self._encoders: dict[str, Encoder] = {JSON: self.json, NPY: self.npy, NPY_FIELDS: self.npy_fields}

    def for_accept(self, accept: str | None) -> Encoder:
        """The encoder for the value of an Accept header."""
        return self._encoders[response_type(accept)]


class JsonEncoder:
    """Writes `app.client.schemas.PredictResponse` documents, for one model.

    Everything but the numbers is formatted once. A probability is the shortest text that reads back as the
    same float32: `0.1`, not the 0.10000000149011612 that it is as a float64.

    Args:
        model: its name.
        version: its version.
        labels: of the classes, in the order of the columns.
        warnings: each kind's document, in the order of the columns.
    """

    media_type = JSON

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

    def __call__(self, prediction: Prediction) -> bytes:
        """The body of a response."""
        return self._document(self.texts(prediction))

    def with_neighbours(self, prediction: Prediction, neighbours: Sequence[str]) -> bytes:
        """The body of a response, with the JSON list of each series' neighbours."""
        texts = zip(self.texts(prediction), neighbours, strict=True)
        return self._document([f'{text[:-1]},"neighbours":{each}}}' for text, each in texts])

    def texts(self, prediction: Prediction) -> list[str]:
        """The JSON object of each series; that of a batch is encoded once for all of its requests."""
        if prediction.own is None and prediction.abstained is None:
            batch, rows = prediction.batch_slice
            return batch.once(self._batch_texts)[rows]
        return self.series_texts(prediction.predictions, abstained=prediction.abstained)

    def document(self, predictions: Predictions) -> bytes:
        """The body of a response with these predictions."""
        return self._document(self.series_texts(predictions))

    def series_texts(
        self, predictions: Predictions, *, abstained: NDArray[np.bool_] | None = None
    ) -> list[str]:
        """The JSON of each of n series.

        Args:
            predictions: of n series; finite for those whose text is used.
            abstained: `bool[n]`, which series get no label.
        """
        probabilities = predictions.probabilities
        winners = probabilities.argmax(axis=1)
        if abstained is not None:
            winners[abstained] = self._classes
        # str of a numpy scalar is the shortest text that round-trips, and valid JSON for finite numbers.
        numbers = map(str, probabilities.ravel())
        columns: list[Iterable[object]] = [numbers] * self._classes
        templates = self._bare
        if predictions.label_sets is not None and predictions.ood_scores is not None:
            templates = self._trusted
            columns += [self._label_sets(predictions.label_sets), predictions.ood_scores.tolist()]
        if predictions.warnings is not None and predictions.warnings.any():
            columns.append(self._warnings(predictions.warnings))
        else:
            columns.append(repeat("[]", len(probabilities)))
        series = zip(*columns, strict=True)
        return [templates[winner] % values for winner, values in zip(winners.tolist(), series, strict=True)]

    def _document(self, texts: Iterable[str]) -> bytes:
        return f"{self._head}{','.join(texts)}]}}".encode()

    def _batch_texts(self, batch: Batch) -> list[str]:
        return self.series_texts(batch.predictions)


class NpyEncoder:
    """Writes probabilities `float32[n, classes]` as a .npy file, format 1.0, little-endian, C order."""

    media_type = NPY

    def __call__(self, prediction: Prediction) -> bytes:
        """The body of a response; a series without a label gets NaN."""
        probabilities = prediction.predictions.probabilities
        if prediction.abstained is not None:
            probabilities = np.where(prediction.abstained[:, np.newaxis], np.float32(np.nan), probabilities)
        file = io.BytesIO()
        npy.write_array(file, np.ascontiguousarray(probabilities, "<f4"), version=(1, 0), allow_pickle=False)
        return file.getvalue()


def _literal(text: str) -> str:
    return text.replace("%", "%%")
