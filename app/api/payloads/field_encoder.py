"""Encodes all fields of predictions as a structured array: `Accept: application/x-npy; fields=all`."""

from __future__ import annotations

import io
import json
from dataclasses import asdict
from hashlib import sha256
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from app.api.payloads.media_types import NPY_FIELDS
from app.client.schemas import NpyField, NpyFields, WarningBit
from app.contract import Contract
from app.inference.predictions import Batch, Prediction, Predictions
from app.inference.trust import warning_kinds

_FIELDS = {
    "probabilities": "The probability of each class.",
    "label_set": "Whether each class is in the label set.",
    "ood_score": "How unlike the training data the series is, from 0 to 1.",
    "warnings": "The sum of the values of its bits: one for each reason to doubt the prediction.",
}


class NpyFieldsEncoder:
    """Writes a structured array `[n]` as a .npy file, format 1.0, packed, little-endian.

    A model without label sets and out-of-distribution scores has no fields for them. The label is no field:
    it is the most probable class. With `abstain`, a series without exactly one label in its label set has
    none. `GET /model` describes the fields as `npy_fields`, and the bits of `warnings`.

    Args:
        contract: of one version.

    Attributes:
        dtype: of the array.
        media_type: with the version and the layout, which are no fields either.
    """

    def __init__(self, contract: Contract) -> None:
        described = npy_fields(contract)
        self.dtype = np.dtype([(each.name, each.dtype, tuple(each.shape)) for each in described.fields])
        self.media_type = f"{NPY_FIELDS}; version={contract.version}; layout={described.layout}"

    def __call__(self, prediction: Prediction) -> bytes:
        """The body of a response."""
        if prediction.own is None:
            batch, rows = prediction.batch_slice
            records = batch.once(self._batch_records)[rows]
        else:
            records = self._records(prediction.own)
        file = io.BytesIO()
        npy.write_array(file, records, version=(1, 0), allow_pickle=False)
        return file.getvalue()

    def _batch_records(self, batch: Batch) -> NDArray[Any]:
        return self._records(batch.predictions)

    def _records(self, predictions: Predictions) -> NDArray[Any]:
        records = np.zeros(len(predictions), self.dtype)
        records["probabilities"] = predictions.probabilities
        if predictions.label_sets is not None and predictions.ood_scores is not None:
            records["label_set"] = predictions.label_sets
            records["ood_score"] = predictions.ood_scores
        if predictions.warnings is not None:
            bits = np.uint16(1) << np.arange(predictions.warnings.shape[1], dtype=np.uint16)
            records["warnings"] = predictions.warnings @ bits
        return records


def npy_fields(contract: Contract) -> NpyFields:
    """The description of the structured array, for one version."""
    fields = [_field("probabilities", "<f4", contract.classes)]
    if contract.trust is not None:
        fields += [_field("label_set", "|b1", contract.classes), _field("ood_score", "<f4")]
    fields.append(_field("warnings", "<u2"))
    classes = [label.name for label in contract.labels]
    kinds = warning_kinds(contract.trust, contract.input.channels)
    meaning = [[field.name for field in fields], classes, [kind.code for kind in kinds]]
    return NpyFields(
        layout=sha256(json.dumps(meaning).encode()).hexdigest()[:8],
        fields=fields,
        classes=classes,
        warnings=[WarningBit(bit=bit, **asdict(kind)) for bit, kind in enumerate(kinds)],
    )


def _field(name: str, dtype: str, *shape: int) -> NpyField:
    return NpyField(name=name, dtype=dtype, shape=list(shape), description=_FIELDS[name])
