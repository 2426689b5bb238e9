"""Answers: exact bytes, shortest numbers, any label."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from app.api.payloads import JsonEncoder, NpyEncoder
from app.client.schemas import PredictResponse
from app.inference.predictions import Batch, BatchSlice, Prediction, Predictions


def prediction(*said: Any, abstained: NDArray[np.bool_] | None = None) -> Prediction:
    """What a client gets of whose series, all of a batch, this is said."""
    batch = Batch(lambda: Predictions(*said), [len(said[0])])
    return Prediction(BatchSlice(batch, slice(0, len(said[0]))), None, abstained, 0.0, 0.0, len(said[0]))


def encoder(**options: Any) -> Callable[..., bytes]:
    """What writes a whole answer, given what is said of its series."""
    encode = JsonEncoder(**options)
    return lambda *said, **how: encode(prediction(*said, **how))


def encode_npy(sent: NDArray[np.float32], *, abstained: NDArray[np.bool_] | None = None) -> bytes:
    """The npy answer for these probabilities."""
    return NpyEncoder()(prediction(sent, abstained=abstained))


KINDS = [{"code": code, "message": f"{code} 100 %", "remedy": '"do"'} for code in ("flat", "clipped", "é")]
ENCODE = encoder(model="forda", version=3, labels=["-1", "1"], warnings=KINDS)
NO_TRUST: dict[str, Any] = {"label_set": None, "ood_score": None, "warnings": []}


def rows(*values: list[float]) -> NDArray[np.float32]:
    """Probabilities, a row each."""
    return np.array(values, np.float32)


def test_an_answer_is_written_to_the_byte() -> None:
    """The answer names model and version, and each series' best label with all probabilities, in order."""
    assert ENCODE(rows([0.75, 0.25], [0.1, 0.9])) == (
        b'{"model":"forda","version":3,"predictions":['
        b'{"label":"-1","probabilities":{"-1":0.75,"1":0.25},"label_set":null,"ood_score":null,"warnings":[]},'
        b'{"label":"1","probabilities":{"-1":0.1,"1":0.9},"label_set":null,"ood_score":null,"warnings":[]}]}'
    )


def test_an_answer_with_trust_is_written_to_the_byte() -> None:
    """The set of each series by label, its score in four decimals, and its warnings in words."""
    content = ENCODE(
        rows([0.75, 0.25], [0.4, 0.6]),
        np.array([[True, False], [True, True]]),
        np.array([1 / 3, 1.0], np.float32),
        np.array([[False, False, False], [True, False, False]]),
    )
    assert content == (
        b'{"model":"forda","version":3,"predictions":['
        b'{"label":"-1","probabilities":{"-1":0.75,"1":0.25},'
        b'"label_set":["-1"],"ood_score":0.3333,"warnings":[]},'
        b'{"label":"1","probabilities":{"-1":0.4,"1":0.6},'
        b'"label_set":["-1","1"],"ood_score":1.0000,'
        b'"warnings":[{"code": "flat", "message": "flat 100 %", "remedy": "\\"do\\""}]}]}'
    )


@dataclass(frozen=True)
class Trusted:
    """Everything that is said of a few series of a model with three labels and three kinds of warnings."""

    probabilities: NDArray[np.float32]
    label_sets: NDArray[np.bool_]
    ood_scores: NDArray[np.float32]
    warnings: NDArray[np.bool_]
    abstained: NDArray[np.bool_] | None


@st.composite
def trusted(draw: st.DrawFn) -> Trusted:
    """Any of that."""
    count = draw(st.integers(1, 6))
    flags = arrays.arrays(np.bool_, (count, 3))
    unit = st.floats(0, 1, width=32)
    return Trusted(
        probabilities=draw(arrays.arrays(np.float32, (count, 3), elements=unit)),
        label_sets=draw(flags),
        ood_scores=draw(arrays.arrays(np.float32, count, elements=unit)),
        warnings=draw(flags),
        abstained=draw(st.none() | arrays.arrays(np.bool_, count)),
    )


@given(trusted())
def test_an_answer_is_the_plain_document(said: Trusted) -> None:
    """Read back, it is what a dictionary of all of it would be, whatever is in it."""
    names = ["-1", '"%s"', "é"]
    encode = encoder(model="m", version=1, labels=names, warnings=KINDS)
    content = encode(
        said.probabilities, said.label_sets, said.ood_scores, said.warnings, abstained=said.abstained
    )
    answer = json.loads(content)
    abstained = np.zeros(len(said.ood_scores), np.bool_) if said.abstained is None else said.abstained
    assert answer["predictions"] == [
        {
            "label": None if abstained[i] else names[int(row.argmax())],
            "probabilities": {name: float(str(value)) for name, value in zip(names, row, strict=True)},
            "label_set": [name for name, chosen in zip(names, said.label_sets[i], strict=True) if chosen],
            "ood_score": round(float(said.ood_scores[i]), 4),
            "warnings": [kind for kind, given in zip(KINDS, said.warnings[i], strict=True) if given],
        }
        for i, row in enumerate(said.probabilities)
    ]
    assert PredictResponse.model_validate_json(content)


def test_a_probability_is_as_short_as_a_float32_can_be() -> None:
    """Numbers carry the digits of a float32, not those of the float64 that it converts to."""
    content = ENCODE(rows([1 / 3, 2 / 3], [1e-7, 1.0]))
    assert b'"-1":0.33333334,"1":0.6666667' in content
    assert b'"-1":1e-07,"1":1.0' in content


probabilities = arrays.arrays(
    np.float32,
    st.tuples(st.integers(1, 6), st.just(3)),
    elements=st.floats(0, 1, width=32) | st.floats(width=32, allow_nan=False, allow_infinity=False),
)
labels = st.lists(st.text(min_size=1, max_size=10), min_size=3, max_size=3, unique=True)


@given(probabilities, labels, st.text(min_size=1, max_size=10))
def test_every_answer_reads_back_as_the_same_float32s(
    sent: NDArray[np.float32], names: list[str], model: str
) -> None:
    """Any answer is valid by the schema and gives back labels, winners and numbers to the bit."""
    encode = encoder(model=model, version=1, labels=names)
    answer = PredictResponse.model_validate_json(encode(sent))
    assert answer.model == model
    read = np.array([list(one.probabilities.values()) for one in answer.predictions], np.float32)
    assert read.tobytes() == sent.tobytes()
    assert [list(one.probabilities) for one in answer.predictions] == [names] * len(sent)
    assert [one.label for one in answer.predictions] == [names[best] for best in sent.argmax(axis=1)]


@given(st.floats(0, 1, width=32))
def test_no_shorter_number_would_read_back_the_same(value: float) -> None:
    """A number has as few digits as any that reads back as the same float32."""
    content = encoder(model="m", version=1, labels=["a"])(rows([value]))
    document = json.loads(content, parse_float=Decimal)
    written = document["predictions"][0]["probabilities"]["a"].normalize().as_tuple().digits
    needed = next(digits for digits in range(1, 10) if np.float32(f"{value:.{digits - 1}e}") == value)
    assert len(written) <= needed


@pytest.mark.parametrize("name", ['"', "\\", "a\nb", "%s", "100 %", "{}", "é", "</script>", "\u2028"])
def test_any_label_is_escaped(name: str) -> None:
    """Labels and names with characters that JSON or a template might trip over come back as they were."""
    content = encoder(model=name, version=1, labels=[name, "b"])(rows([0.75, 0.25]))
    assert json.loads(content) == {
        "model": name,
        "version": 1,
        "predictions": [{"label": name, "probabilities": {name: 0.75, "b": 0.25}, **NO_TRUST}],
    }


def test_arrays_in_other_layouts_are_written_in_row_order() -> None:
    """A transposed or sliced array is written by its rows, not by its memory."""
    sent = rows([0.75, 0.25], [0.1, 0.9])
    assert ENCODE(np.asfortranarray(sent)) == ENCODE(sent)
    assert ENCODE(np.repeat(sent, 2, axis=0)[::2]) == ENCODE(sent)


@given(trusted())
def test_npy_answers_of_abstained_series_are_nan(said: Trusted) -> None:
    """A row without a label has no probabilities either; the others and the array are as they were."""
    before = said.probabilities.copy()
    read = np.load(io.BytesIO(encode_npy(said.probabilities, abstained=said.abstained)), allow_pickle=False)
    abstained = np.zeros(len(before), np.bool_) if said.abstained is None else said.abstained
    assert read.dtype == np.dtype("<f4")
    assert np.isnan(read[abstained]).all()
    np.testing.assert_array_equal(read[~abstained], before[~abstained])
    np.testing.assert_array_equal(said.probabilities, before)


@given(probabilities)
def test_npy_answers_read_back_the_same(sent: NDArray[np.float32]) -> None:
    """An npy answer is format 1.0, little-endian float32, and loads as what was sent."""
    content = encode_npy(np.asfortranarray(sent))
    assert content.startswith(b"\x93NUMPY\x01\x00")
    read = np.load(io.BytesIO(content), allow_pickle=False)
    assert read.dtype == np.dtype("<f4")
    assert read.flags.c_contiguous
    assert read.tobytes() == sent.tobytes()
