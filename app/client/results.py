"""The predictions of any number of series, a column for each field."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any, NamedTuple, overload

import numpy as np
from numpy.typing import NDArray

from app.client.errors import ClientError
from app.client.schemas import InputWarning, ModelDescription, Prediction

Records = NDArray[np.void]


class Answer(NamedTuple):
    """The response to one request.

    Attributes:
        records: structured array `[n]`.
        version: of the model that made them.
    """

    records: Records
    version: int


class Predictions(Sequence[Prediction]):
    """Predictions for n series, in their order. A series takes about 16 bytes with two classes.

    As a sequence, its items are `Prediction`s, and a slice is a `Predictions`.

    Args:
        answers: to the requests, in order.
        model: that made them.
        abstain: give a series no label where its label set does not hold exactly one.

    Attributes:
        classes: the labels, in the order of the columns of `probabilities` and `label_sets`.
        warning_kinds: the kind of warning of each bit of `warnings`, by the value of the bit.
        versions: of the model; more than one if the server changed it in between.
    """

    def __init__(self, answers: Sequence[Answer], model: ModelDescription, *, abstain: bool = False) -> None:
        none = np.empty(0, dtype_of(model))
        self._records: Records = np.concatenate([none, *(answer.records for answer in answers)])
        self._model, self._abstain = model, abstain
        self.classes = tuple(model.npy_fields.classes)
        self.versions = tuple(dict.fromkeys(answer.version for answer in answers))
        self.warning_kinds = {1 << kind.bit: kind for kind in model.npy_fields.warnings}

    @classmethod
    def joined(cls, parts: Sequence[Predictions]) -> Predictions:
        """The predictions of several parts of one call, at least one, in order."""
        whole = parts[0][:0]
        whole._records = np.concatenate([part._records for part in parts])  # noqa: SLF001 - of this class
        whole.versions = tuple(dict.fromkeys(version for part in parts for version in part.versions))
        return whole

    @property
    def labels(self) -> NDArray[np.object_]:
        """The most probable class of each series, `object[n]`; None without exactly one, with `abstain`."""
        classes: NDArray[np.object_] = np.array(self.classes, np.object_)
        labels: NDArray[np.object_] = classes[self.probabilities.argmax(axis=1)]
        if self._abstain and self.label_sets is not None:
            labels[self.label_sets.sum(axis=1) != 1] = None
        return labels

    @property
    def probabilities(self) -> NDArray[np.float32]:
        """The probability of each class, `float32[n, classes]`; rows sum to 1."""
        return self._records["probabilities"]

    @property
    def label_sets(self) -> NDArray[np.bool_] | None:
        """Whether each class is in the label set, `bool[n, classes]`; None if the model has none."""
        return self._column("label_set")

    @property
    def ood_scores(self) -> NDArray[np.float32] | None:
        """How unlike the training data each series is, `float32[n]`, 0 to 1; None if the model has none."""
        return self._column("ood_score")

    @property
    def warnings(self) -> NDArray[np.uint16]:
        """Reasons to doubt each prediction, `uint16[n]`: a sum of bits, which `warning_kinds` explains."""
        return self._records["warnings"]

    def to_frame(self) -> Any:
        """A DataFrame of pandas, or else of Polars, with the columns of `to_arrow`.

        Raises:
            ClientError: neither is installed.
        """
        columns = self._columns()
        if find_spec("pandas") is not None:
            return import_module("pandas").DataFrame(columns)
        if find_spec("polars") is not None:
            lists = {name: each.tolist() if each.dtype == object else each for name, each in columns.items()}
            return import_module("polars").DataFrame(lists)
        raise ClientError("to_frame needs pandas or Polars: pip install pandas")

    def to_arrow(self) -> Any:
        """A table of pyarrow: `label`, `probability_…` a class, `label_set`, `ood_score`, `warnings` (codes).

        Raises:
            ClientError: pyarrow is not installed.
        """
        if find_spec("pyarrow") is None:
            raise ClientError("to_arrow needs pyarrow: pip install pyarrow")
        arrow = import_module("pyarrow")
        types = {"label": arrow.string(), "label_set": arrow.list_(arrow.string())}
        types["warnings"] = types["label_set"]
        return arrow.table(
            {name: arrow.array(each, type=types.get(name)) for name, each in self._columns().items()}
        )

    def _columns(self) -> dict[str, NDArray[Any]]:
        columns: dict[str, NDArray[Any]] = {"label": self.labels}
        for place, name in enumerate(self.classes):
            columns[f"probability_{name}"] = np.ascontiguousarray(self.probabilities[:, place])
        if self.label_sets is not None and self.ood_scores is not None:
            columns["label_set"] = _lists(self.label_sets, self.classes)
            columns["ood_score"] = np.ascontiguousarray(self.ood_scores)
        bits = np.array(list(self.warning_kinds), np.uint16)
        codes = [kind.code for kind in self.warning_kinds.values()]
        columns["warnings"] = _lists((self.warnings[:, np.newaxis] & bits) != 0, codes)
        return columns

    def _column(self, name: str) -> NDArray[Any] | None:
        return self._records[name] if name in (self._records.dtype.names or ()) else None

    def __len__(self) -> int:
        """The number of series."""
        return len(self._records)

    @overload
    def __getitem__(self, place: int) -> Prediction: ...
    @overload
    def __getitem__(self, place: slice) -> Predictions: ...
    def __getitem__(self, place: int | slice) -> Prediction | Predictions:
        """The prediction of one series, or the predictions of a slice."""
        if isinstance(place, slice):
            part = Predictions([], self._model, abstain=self._abstain)
            part._records, part.versions = self._records[place], self.versions
            return part
        (prediction,) = self._predictions(self._records[[place]])
        return prediction

    def __iter__(self) -> Iterator[Prediction]:
        """The prediction of each series."""
        for start in range(0, len(self), 1024):
            yield from self._predictions(self._records[start : start + 1024])

    def _predictions(self, records: Records) -> Iterator[Prediction]:
        """Predictions as the JSON response has them: probabilities by the shortest text, scores rounded."""
        kinds = [
            (bit, InputWarning(code=kind.code, message=kind.message, remedy=kind.remedy))
            for bit, kind in self.warning_kinds.items()
        ]
        for record in records:
            texts = map(str, record["probabilities"])
            probabilities = dict(zip(self.classes, map(float, texts), strict=True))
            label: str | None = self.classes[int(record["probabilities"].argmax())]
            label_set = score = None
            if "label_set" in record.dtype.names:
                chosen = zip(self.classes, record["label_set"].tolist(), strict=True)
                label_set = [name for name, is_in in chosen if is_in]
                score = round(float(record["ood_score"]), 4)
                if self._abstain and len(label_set) != 1:
                    label = None
            bits = int(record["warnings"])
            yield Prediction(
                label=label,
                probabilities=probabilities,
                label_set=label_set,
                ood_score=score,
                warnings=[warning for bit, warning in kinds if bits & bit],
            )


def dtype_of(model: ModelDescription) -> np.dtype[np.void]:
    """The structured dtype of the model's predictions."""
    return np.dtype([(field.name, field.dtype, tuple(field.shape)) for field in model.npy_fields.fields])


def _lists(chosen: NDArray[np.bool_], names: Sequence[str]) -> NDArray[np.object_]:
    """For each row of `bool[n, names]` the list of chosen names, `object[n]`; equal lists are shared."""
    patterns, places = np.unique(chosen, axis=0, return_inverse=True)
    lists = np.empty(len(patterns), np.object_)
    for place, pattern in enumerate(patterns.tolist()):
        lists[place] = [name for name, is_in in zip(names, pattern, strict=True) if is_in]
    return lists[places.reshape(-1)]
