"""Encodes all fields of predictions as a structured array: `Accept: application/x-npy; fields=all`."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from app.api.payloads.media_types import NPY_FIELDS
from app.contract import Contract
from app.inference.predictions import Batch, Prediction, Predictions


class NpyFieldsEncoder:
    """Writes a structured array `[n]` as a .npy file, format 1.0, packed, little-endian.

    A model without label sets and out-of-distribution scores has no fields for them. The label is no field:
    it is the most probable class. With `abstain`, a series without exactly one label in its label set has
    none. `GET /model` describes the fields as `npy_fields`, and the bits of `warnings`.

    Args:
        contract: of one version.

    Attributes:
        dtype: of the array.
        media_type: with the version, which is no field either.
    """

    def __init__(self, contract: Contract) -> None:
        self.dtype = fields_dtype(contract)
        self.media_type = f"{NPY_FIELDS}; version={contract.version}"

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


def fields_dtype(contract: Contract) -> np.dtype[np.void]:
    """The structured dtype of a version's predictions."""
    fields: list[tuple[str, str] | tuple[str, str, tuple[int, ...]]]
    fields = [("probabilities", "<f4", (contract.classes,))]
    if contract.trust is not None:
        fields += [("label_set", "|b1", (contract.classes,)), ("ood_score", "<f4")]
    return np.dtype([*fields, ("warnings", "<u2")])
