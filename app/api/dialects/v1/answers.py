"""Predictions as the bodies of responses: rows, columns, and classes with scores.

A number is the shortest text that reads back as the same float32; it always has a point or an exponent, so
that clients do not take it for an integer.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import NamedTuple

from app.api.dialects.v1.signature import LABEL, LABEL_SET, OOD_SCORE, PROBABILITIES
from app.api.payloads.subsets import FlagTexts
from app.contract import Contract
from app.inference.predictions import Batch, Prediction, Predictions


class _Columns(NamedTuple):
    """The JSON of each output of n series; the last two are None without trust."""

    probabilities: list[str]
    labels: list[str]
    label_sets: list[str] | None
    ood_scores: list[str] | None


class Answers:
    """Writes predictions of one model. The text of a batch is written once for all of its requests."""

    def __init__(self, contract: Contract) -> None:
        self._labels = [json.dumps(label.name) for label in contract.labels]
        self._classes = classes = len(self._labels)
        self._label_sets = FlagTexts(classes)
        self._numbers = f"[{','.join(['%s'] * classes)}]"
        trust = f',"{LABEL_SET}":%s,"{OOD_SCORE}":%s' if contract.trust else ""
        # One template for each label that can win.
        self._rows = [
            f'{{"{PROBABILITIES}":{self._numbers},"{LABEL}":{_literal(label)}{trust}}}'
            for label in self._labels
        ]
        self._classified = f"[{','.join(f'[{_literal(label)},%s]' for label in self._labels)}]"

    def rows(self, prediction: Prediction) -> bytes:
        """`{"predictions": [...]}`, an object for each series."""
        batch, part = prediction.batch_slice
        return _listed("predictions", batch.once(self._batch_rows)[part])

    def columns(self, prediction: Prediction) -> bytes:
        """`{"outputs": {...}}`, a list for each output."""
        batch, part = prediction.batch_slice
        names = (PROBABILITIES, LABEL, LABEL_SET, OOD_SCORE)
        texts = zip(names, batch.once(self._batch_columns), strict=True)
        lists = (f'"{name}":[{",".join(column[part])}]' for name, column in texts if column is not None)
        return f'{{"outputs":{{{",".join(lists)}}}}}'.encode()

    def results(self, prediction: Prediction) -> bytes:
        """`{"results": [...]}`, label and probability of each class for each series."""
        batch, part = prediction.batch_slice
        return _listed("results", batch.once(self._batch_results)[part])

    def row_texts(self, predictions: Predictions) -> list[str]:
        """The object of each of n series."""
        columns: list[Iterable[str]] = [map(str, predictions.probabilities.ravel())] * self._classes
        columns += self._trust_texts(predictions)
        winners = predictions.probabilities.argmax(axis=1).tolist()
        return [self._rows[i] % values for i, values in zip(winners, zip(*columns, strict=True), strict=True)]

    def _trust_texts(self, predictions: Predictions) -> list[list[str]]:
        if predictions.label_sets is None or predictions.ood_scores is None:
            return []
        return [self._label_sets(predictions.label_sets), list(map(str, predictions.ood_scores))]

    def _batch_rows(self, batch: Batch) -> list[str]:
        return self.row_texts(batch.predictions)

    def _batch_columns(self, batch: Batch) -> _Columns:
        predictions = batch.predictions
        winners = predictions.probabilities.argmax(axis=1).tolist()
        label_sets, ood_scores = self._trust_texts(predictions) or (None, None)
        probabilities = self._by_class(predictions, self._numbers)
        return _Columns(probabilities, [self._labels[i] for i in winners], label_sets, ood_scores)

    def _batch_results(self, batch: Batch) -> list[str]:
        return self._by_class(batch.predictions, self._classified)

    def _by_class(self, predictions: Predictions, template: str) -> list[str]:
        """A template filled with the probabilities of each series."""
        numbers = map(str, predictions.probabilities.ravel())
        return [template % values for values in zip(*[numbers] * self._classes, strict=True)]


def _listed(name: str, texts: Iterable[str]) -> bytes:
    return f'{{"{name}":[{",".join(texts)}]}}'.encode()


def _literal(text: str) -> str:
    return text.replace("%", "%%")
