"""The output tensors of the Open Inference Protocol, from predictions.

| name | datatype, shape | what |
|---|---|---|
| `probabilities` | FP32 `[n, classes]` | in the order of the contract's labels |
| `label` | BYTES `[n]` | the most probable label |
| `label_set` | BOOL `[n, classes]` | which labels are in the label set; only of models with trust |
| `ood_score` | FP32 `[n]` | out-of-distribution score; only of models with trust |

With `classification` k, `probabilities` becomes BYTES `[n, min(k, classes)]`: `score:index:label`, the most
probable first. Nothing here depends on JSON or HTTP.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from app.api.dialects.v2.model.inputs import TensorSpec
from app.api.payloads.wording import shown
from app.contract import Contract
from app.errors import ContractViolation
from app.inference.predictions import Batch, BatchSlice

PROBABILITIES, LABEL, LABEL_SET, OOD_SCORE = "probabilities", "label", "label_set", "ood_score"


class Requested(NamedTuple):
    """An output that a request names.

    Attributes:
        name: of the output.
        classification: number of classes to list for each series; 0 for the plain tensor.
    """

    name: str
    classification: int = 0


class ModelOutputs:
    """The outputs of one version of a model.

    Args:
        contract: of the version.

    Attributes:
        specs: of all outputs, in the model's order.
        labels: of the classes, in order.
    """

    def __init__(self, contract: Contract) -> None:
        classes = contract.classes
        specs = [TensorSpec(PROBABILITIES, "FP32", (-1, classes)), TensorSpec(LABEL, "BYTES", (-1,))]
        if contract.trust is not None:
            specs += [TensorSpec(LABEL_SET, "BOOL", (-1, classes)), TensorSpec(OOD_SCORE, "FP32", (-1,))]
        self.specs = tuple(specs)
        self.labels = tuple(label.name for label in contract.labels)
        self._label_elements = [_element(label) for label in self.labels]
        self._all = tuple(Requested(spec.name) for spec in specs)
        self._by_name = {spec.name: spec for spec in specs}

    def choose(self, requested: Sequence[Requested]) -> tuple[Requested, ...]:
        """The outputs to answer: those requested, each once, in the model's order; all if none is.

        Raises:
            ContractViolation: the model has no such output, or none that can be classified.
        """
        if not requested:
            return self._all
        for index, each in enumerate(requested):
            self._check(each, f"outputs[{index}]")
        last = {each.name: each for each in requested}
        return tuple(last[spec.name] for spec in self.specs if spec.name in last)

    def head(self, requested: Requested, count: int) -> TensorSpec:
        """Name, datatype and shape of an output for `count` series."""
        spec = self._by_name[requested.name]
        if requested.classification:
            return TensorSpec(spec.name, "BYTES", (count, min(requested.classification, len(self.labels))))
        return spec._replace(shape=(count, *spec.shape[1:]))

    def raw(self, requested: Requested, part: BatchSlice) -> bytes:
        """An output in the binary form: little-endian, C order; BYTES with the length before each element."""
        if requested.classification:
            texts = self.classified(part, requested.classification)
            return b"".join(_element(text) for series in texts for text in series)
        predictions = part.batch.predictions
        if requested.name == LABEL:
            elements = self._label_elements
            return b"".join([elements[winner] for winner in part.batch.once(winners)[part.rows]])
        if requested.name == LABEL_SET and predictions.label_sets is not None:
            return predictions.label_sets[part.rows].tobytes()
        if requested.name == OOD_SCORE and predictions.ood_scores is not None:
            return predictions.ood_scores[part.rows].astype("<f4", copy=False).tobytes()
        return predictions.probabilities[part.rows].astype("<f4", copy=False).tobytes()

    def classified(self, part: BatchSlice, count: int) -> list[list[str]]:
        """`score:index:label` of the `count` most probable classes of each series, the best first."""
        probabilities = part.predictions.probabilities
        # Stable: of equal scores, the class with the smaller index comes first.
        order = np.argsort(-probabilities, axis=1, kind="stable")[:, :count]
        scores = np.take_along_axis(probabilities, order, axis=1)
        return [
            [f"{score:f}:{index}:{self.labels[index]}" for score, index in zip(*each, strict=True)]
            for each in zip(scores.tolist(), order.tolist(), strict=True)
        ]

    def _check(self, requested: Requested, at: str) -> None:
        name = requested.name
        if name not in self._by_name:
            known = _listed(spec.name for spec in self.specs)
            raise ContractViolation(
                [(f"{at}.name", f"{shown(name)!r} is no output of the model; it has {known}")]
            )
        if requested.classification < 0:
            message = f"{requested.classification}; send 0 or a number of classes"
            raise ContractViolation([(f"{at}.parameters.classification", message)])
        if requested.classification and name != PROBABILITIES:
            message = f"{name!r} has no scores of classes; ask for it with {PROBABILITIES!r}"
            raise ContractViolation([(f"{at}.parameters.classification", message)])


def winners(batch: Batch) -> list[int]:
    """The index of the most probable class of each series of a batch; for `Batch.once`."""
    found: list[int] = batch.predictions.probabilities.argmax(axis=1).tolist()
    return found


def _element(text: str) -> bytes:
    """An element of a BYTES tensor in the binary form."""
    data = text.encode()
    return len(data).to_bytes(4, "little") + data


def _listed(names: Iterable[str]) -> str:
    return ", ".join(repr(name) for name in names)
