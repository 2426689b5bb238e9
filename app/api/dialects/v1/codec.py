"""Bodies to series, and predictions to bodies, for one version of the model."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.api.dialects.base import Codec, Encoded, PredictOptions, encoded
from app.api.dialects.v1.addresses import CLASSIFY, PREDICT
from app.api.dialects.v1.answers import Answers
from app.api.dialects.v1.body import SIGNATURE_FIELD, SIGNATURES, BodyReader, Form
from app.api.dialects.v1.numbers import MOST_INTEGER
from app.api.dialects.v1.signature import INPUT
from app.api.payloads import JSON, to_finite_float32
from app.api.payloads.plain_json import read_plain
from app.contract import Contract
from app.inference.predictions import Prediction, Series
from app.series.spec import SeriesSpec

# How the forms of a plain body begin. A wrong guess costs time alone: `read_plain` looks for itself.
_START = re.compile(
    rb'\{\s*+(?:"signature_name"\s*+:\s*+"[a-z_]*+"\s*+,\s*+)?"(instances|inputs|examples)"\s*+:\s*+((?:\[\s*+)?\{)?'
)


class _Plain(NamedTuple):
    """Where a plain body of a form has its series: see `read_plain`."""

    form: Form
    path: tuple[str, ...]
    item: str | None = None


# By method, name of the field, and how its value begins: with an object, or with a list of objects.
_PLAIN = {
    (PREDICT, b"instances", b""): _Plain(Form.ROWS, ("instances",)),
    (PREDICT, b"instances", b"["): _Plain(Form.ROWS, ("instances",), INPUT),
    (PREDICT, b"inputs", b""): _Plain(Form.COLUMNS, ("inputs",)),
    (PREDICT, b"inputs", b"{"): _Plain(Form.COLUMNS, ("inputs", INPUT)),
    (CLASSIFY, b"examples", b"["): _Plain(Form.EXAMPLES, ("examples",), INPUT),
}
_CONSTANTS = {SIGNATURE_FIELD: SIGNATURES}


@dataclass(slots=True)
class V1Decoded:
    """The series of a request, and its form, which is that of the response, too.

    Attributes:
        series: `float32[n, *SeriesSpec.shape]`, read-only.
        coarse: as in `Decoded`.
        form: of the body.
    """

    series: Series
    coarse: NDArray[np.bool_] | None
    form: Form


class V1Codec(Codec):
    """JSON for one version, with 1 to `max_instances` series in a request."""

    def __init__(self, contract: Contract, *, max_instances: int) -> None:
        self._spec = contract.input.spec
        self._flat = SeriesSpec(self._spec.values)
        self._max_instances = max_instances
        self._read = BodyReader(self._spec, max_instances=max_instances)
        answers = Answers(contract)
        self._answers = {
            Form.ROWS: answers.rows,
            Form.COLUMNS: answers.columns,
            Form.EXAMPLES: answers.results,
        }

    def decode(self, body: bytes, options: PredictOptions) -> V1Decoded:
        """The series of a body; raises as `BodyReader` does."""
        # As the server's own protocol: RFC 8259, 8.1.
        body = body.removeprefix(codecs.BOM_UTF8)
        method: str = options.other
        form, values = self._plain(body, method) or self._read(body, method)
        found = to_finite_float32(values, is_invariant=self._spec.is_invariant)
        found.series.setflags(write=False)
        return V1Decoded(found.series, found.coarse, form)

    def encode(self, prediction: Prediction, _options: PredictOptions, decoded: V1Decoded) -> Encoded:  # type: ignore[override]
        """The response, in the form of the request."""
        return encoded(self._answers[decoded.form](prediction), JSON)

    def _plain(self, body: bytes, method: str) -> tuple[Form, NDArray[np.float64]] | None:
        """The form and the numbers of a plain body; None for any other."""
        start = _START.match(body)
        plain = start and _PLAIN.get((method, start[1], (start[2] or b"")[:1]))
        if not plain:
            return None
        form, path, item = plain
        spec, most = self._flat if form is Form.EXAMPLES else self._spec, self._max_instances
        values = read_plain(body, spec, max_instances=most, path=path, item=item, constants=_CONSTANTS)
        # Integers beyond the limit are refused, decimal numbers are not: the buffer has both as doubles.
        if values is None or not _are_within(values, MOST_INTEGER):
            return None
        return form, values.reshape(-1, *self._spec.shape)


def _are_within(values: NDArray[np.float64], most: int) -> bool:
    """Whether no value is larger than a limit, or smaller than its negative."""
    # The sum of squares takes a fifth of the time, and nearly always settles it.
    return bool(np.vdot(values, values) <= most * most or (values.max() <= most and values.min() >= -most))
