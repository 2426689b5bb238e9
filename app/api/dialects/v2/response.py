"""The body of an inference response: JSON, or JSON and binary data behind it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from itertools import product
from typing import NamedTuple

from app.api.dialects.v2.model import outputs
from app.api.dialects.v2.model.outputs import ModelOutputs, Requested, winners
from app.contract import Contract
from app.inference.predictions import Batch, BatchSlice

# Sets of up to 8 labels are written in advance. One set of two labels is found so in 0.5 µs, by NumPy in 3.
_TABLE = 8
Texts = Callable[[Batch], list[str]]


class Plan(NamedTuple):
    """How to write the requested outputs; requests for the same ones share it.

    Attributes:
        chosen: outputs, each with whether it is binary.
        texts: if all are plain JSON, what makes the elements of each, for `Batch.once`.
        one_series: if so, the outputs of one series, with a place for the elements of each.
    """

    chosen: Sequence[tuple[Requested, bool]]
    texts: Sequence[Texts] = ()
    one_series: str | None = None


class ResponseWriter:
    """Writes the responses of one version.

    A number is the shortest text that reads back as the same float32. The texts of a batch are made once for
    all of its requests.

    Args:
        contract: of the version.
        model_outputs: of the version.
    """

    def __init__(self, contract: Contract, model_outputs: ModelOutputs) -> None:
        self._outputs = model_outputs
        self._classes = contract.classes
        self._begin = f'{{"model_name":{json.dumps(contract.name)},"model_version":"{contract.version}",'
        self._labels = [json.dumps(label) for label in model_outputs.labels]
        self._flags: dict[tuple[bool, ...], str] = {}
        if contract.classes <= _TABLE:
            self._flags = {row: _flags(row) for row in product((False, True), repeat=contract.classes)}
        # Of each output: what comes before the number of series, and after it.
        self._heads = {
            name: (
                f'{{"name":"{name}","datatype":"{datatype}","shape":[',
                "".join(f",{size}" for size in shape[1:]) + "]",
            )
            for name, datatype, shape in model_outputs.specs
        }

    def plan(self, chosen: Sequence[tuple[Requested, bool]]) -> Plan:
        """How to write the outputs of `ModelOutputs.choose`, each with whether it is binary."""
        is_plain = not any(is_binary or requested.classification for requested, is_binary in chosen)
        if not is_plain:
            return Plan(chosen)
        texts = [self._texts_of(requested.name) for requested, _ in chosen]
        heads = [f'{self._head(requested, 1)},"data":[%s]}}' for requested, _ in chosen]
        return Plan(chosen, texts, f'"outputs":[{",".join(heads)}]}}')

    def __call__(self, part: BatchSlice, plan: Plan, request_id: str | None) -> tuple[bytes, int | None]:
        """The body, and the size of its JSON; None for that if nothing is binary.

        Args:
            part: predictions of the request.
            plan: of the request.
            request_id: of the request; None if it has none.
        """
        begin = self._begin if request_id is None else f'{self._begin}"id":{json.dumps(request_id)},'
        batch, rows = part
        count = rows.stop - rows.start
        if plan.one_series is not None and count == 1:
            values = tuple([batch.once(texts)[rows.start] for texts in plan.texts])
            return f"{begin}{plan.one_series % values}".encode(), None
        tensors, binary = [], []
        for requested, is_binary in plan.chosen:
            head = self._head(requested, count)
            if is_binary:
                data = self._outputs.raw(requested, part)
                tensors.append(f'{head},"parameters":{{"binary_data_size":{len(data)}}}}}')
                binary.append(data)
            else:
                tensors.append(f'{head},"data":[{",".join(self._elements(requested, part))}]}}')
        document = f'{begin}"outputs":[{",".join(tensors)}]}}'.encode()
        return (b"".join((document, *binary)), len(document)) if binary else (document, None)

    def _head(self, requested: Requested, count: int) -> str:
        if requested.classification:
            name, datatype, shape = self._outputs.head(requested, count)
            return f'{{"name":"{name}","datatype":"{datatype}","shape":[{shape[0]},{shape[1]}]'
        before, after = self._heads[requested.name]
        return f"{before}{count}{after}"

    def _elements(self, requested: Requested, part: BatchSlice) -> list[str]:
        """The elements of each series as JSON, separated by commas."""
        if requested.classification:
            classified = self._outputs.classified(part, requested.classification)
            return [",".join(map(json.dumps, each)) for each in classified]
        return part.batch.once(self._texts_of(requested.name))[part.rows]

    def _texts_of(self, name: str) -> Texts:
        """What makes the elements of an output. Not kept: a bound method in its own object is a cycle."""
        match name:
            case outputs.PROBABILITIES:
                return self._probability_texts
            case outputs.LABEL:
                return self._label_texts
            case outputs.LABEL_SET:
                return self._label_set_texts
            case _:
                return self._ood_score_texts

    def _probability_texts(self, batch: Batch) -> list[str]:
        # str of a numpy scalar is the shortest text that round-trips, and valid JSON for finite numbers.
        numbers = map(str, batch.predictions.probabilities.ravel())
        return [",".join(each) for each in zip(*[numbers] * self._classes, strict=True)]

    def _label_texts(self, batch: Batch) -> list[str]:
        return [self._labels[winner] for winner in batch.once(winners)]

    def _label_set_texts(self, batch: Batch) -> list[str]:
        label_sets = batch.predictions.label_sets
        assert label_sets is not None  # noqa: S101 - an output of models that have them
        text_of = self._flags.__getitem__ if self._flags else _flags
        return list(map(text_of, map(tuple, label_sets.tolist())))

    def _ood_score_texts(self, batch: Batch) -> list[str]:
        scores = batch.predictions.ood_scores
        assert scores is not None  # noqa: S101 - as above
        return [str(score) for score in scores]


def _flags(row: Sequence[bool]) -> str:
    return ",".join(["true" if each else "false" for each in row])
