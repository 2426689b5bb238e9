"""`app.api.dialects.v1.codec`: the fast reader takes what the reader of all bodies takes, and no more."""

from __future__ import annotations

import json
import random
from codecs import BOM_UTF8

import numpy as np
import pytest

from app.api.dialects.base import PredictOptions
from app.api.dialects.v1.body import BodyReader, Form
from app.api.dialects.v1.codec import V1Codec
from app.contract import Artifact, InputSpec
from app.errors import PayloadError
from app.series.spec import SeriesSpec

MOST = 2
NUMBERS = ("1", "-0.25", "1e3", "16777215", "-0", "0.1")
ODDITIES = (
    "16777216",
    "16777216.5",
    "1e39",
    "NaN",
    "null",
    '"1"',
    "[1]",
    "{}",
    "[]",
    "",
    "1e400",
    "18446744073709551616",
)
HEADS = (
    "",
    "",
    "",
    '"signature_name": "serving_default", ',
    '"signature_name":"",',
    '"x": 1, ',
    '"signature_name": "x", ',
)
TAILS = ("", "", "", ', "signature_name": ""', ', "x": [1]', ', "instances": 1', "}")
FIELDS = {
    "predict": ("instances", "instances", "inputs", "examples"),
    "classify": ("examples", "examples", "inputs"),
}


def codec_of(artifact: Artifact, spec: SeriesSpec) -> V1Codec:
    """The codec for series of a shape."""
    shape = {"length": spec.length, "channels": spec.channels, "invariant_to_offset_and_scale": False}
    own = InputSpec(name="series", **shape)
    return V1Codec(artifact.contract.model_copy(update={"input": own}), max_instances=MOST)


def a_list(chance: random.Random, items: list[str]) -> str:
    """A list of items, now and then with one too many or too few."""
    if chance.random() < 0.05:
        items = items[1:]
    if items and chance.random() < 0.05:
        items = [*items, items[0]]
    return f"[{chance.choice((',', ' , ')).join(items)}]"


def a_body(chance: random.Random, spec: SeriesSpec, method: str) -> bytes:
    """A body that is nearly right."""
    odd = chance.random() < 0.4

    def number() -> str:
        return chance.choice(ODDITIES if odd and chance.random() < 0.1 else NUMBERS)

    def series() -> str:
        if spec.channels == 1 or chance.random() < 0.1:
            return a_list(chance, [number() for _ in range(spec.length)])
        return a_list(
            chance, [a_list(chance, [number() for _ in range(spec.channels)]) for _ in range(spec.length)]
        )

    def flat() -> str:
        return a_list(chance, [number() for _ in range(spec.values)])

    field = chance.choice(FIELDS[method])
    items = [flat() if field == "examples" else series() for _ in range(chance.choice((1, 2, 2, 2, 3)))]
    form = chance.random()
    if form < 0.3 or field == "examples":
        items = [f'{{"series": {each}}}' if chance.random() < 0.95 else each for each in items]
    value = f"[{', '.join(items)}]"
    if form > (0.95 if field == "examples" else 0.7):
        value = f'{{"series": {value}}}'
    return f'{{{chance.choice(HEADS)}"{field}":{value}{chance.choice(TAILS)}}}'.encode()


@pytest.mark.parametrize("method", ["predict", "classify"])
@pytest.mark.parametrize("spec", [SeriesSpec(3, is_invariant=False), SeriesSpec(2, 2, is_invariant=False)])
def test_what_is_read_fast_is_what_is_read_at_length(
    artifact: Artifact, spec: SeriesSpec, method: str
) -> None:
    """The same form and the same numbers to the last bit; a body that would be refused is never taken."""
    chance = random.Random(f"{method} {spec}")  # noqa: S311 - repeatable
    codec, read = codec_of(artifact, spec), BodyReader(spec, max_instances=MOST)
    taken = refused = 0
    for _ in range(4000):
        body = a_body(chance, spec, method)
        try:
            form, values = read(body, method)
        except PayloadError:
            assert codec._plain(body, method) is None, body
            refused += 1
            continue
        if (fast := codec._plain(body, method)) is not None:
            assert fast[0] is form
            np.testing.assert_array_equal(fast[1], values)
            taken += 1
    assert taken > 100
    assert refused > 100


@pytest.mark.parametrize(
    ("template", "method", "form"),
    [
        ('{"instances": %s}', "predict", Form.ROWS),
        ('{\n  "instances" : %s\n}\n', "predict", Form.ROWS),
        ('{"signature_name": "serving_default", "instances": %s}', "predict", Form.ROWS),
        ('{"instances": %s, "signature_name": "serving_default"}', "predict", Form.ROWS),
        ('{"inputs": %s}', "predict", Form.COLUMNS),
        ('{"inputs": {"series": %s}}', "predict", Form.COLUMNS),
        ('{"signature_name": "", "inputs": {"series": %s}}', "predict", Form.COLUMNS),
    ],
)
@pytest.mark.parametrize("spec", [SeriesSpec(3), SeriesSpec(3, 2)])
def test_what_clients_send_is_read_fast(
    artifact: Artifact, template: str, method: str, form: Form, spec: SeriesSpec
) -> None:
    """Every form, with a signature and without."""
    sent = np.arange(2.0 * spec.values).reshape(2, *spec.shape)
    fast = codec_of(artifact, spec)._plain((template % json.dumps(sent.tolist())).encode(), method)
    assert fast is not None
    assert fast[0] is form
    np.testing.assert_array_equal(fast[1], sent)


@pytest.mark.parametrize(("field", "method"), [("instances", "predict"), ("examples", "classify")])
@pytest.mark.parametrize("spec", [SeriesSpec(3), SeriesSpec(3, 2)])
def test_series_with_a_name_are_read_fast(
    artifact: Artifact, field: str, method: str, spec: SeriesSpec
) -> None:
    """Rows by name, and examples."""
    sent = np.arange(2.0 * spec.values).reshape(2, *spec.shape)
    items = sent.reshape(2, -1) if method == "classify" else sent
    body = json.dumps({field: [{"series": each} for each in items.tolist()]}).encode()
    fast = codec_of(artifact, spec)._plain(body, method)
    assert fast is not None
    np.testing.assert_array_equal(fast[1], sent)


def test_one_byte_order_mark_is_ignored(artifact: Artifact) -> None:
    """As in the server's own protocol."""
    codec, options = codec_of(artifact, SeriesSpec(3)), PredictOptions(1.0, other="predict")
    decoded = codec.decode(BOM_UTF8 + b'{"instances": [[1, 2, 3]]}', options)
    np.testing.assert_array_equal(decoded.series, [[1, 2, 3]])
    assert not decoded.series.flags.writeable
    with pytest.raises(PayloadError, match="JSON Parse error: expected value at line 1 column 1"):
        codec.decode(BOM_UTF8 * 2 + b'{"instances": [[1, 2, 3]]}', options)


def test_a_large_offset_is_subtracted_before_the_values_are_rounded(artifact: Artifact) -> None:
    """Where the model is invariant to it: also beyond 24 bits, in decimal numbers."""
    own = InputSpec(name="series", length=3)
    codec = V1Codec(artifact.contract.model_copy(update={"input": own}), max_instances=MOST)
    body = b'{"instances": [[100000000.25, 100000000.5, 100000001.0]]}'
    decoded = codec.decode(body, PredictOptions(1.0, other="predict"))
    np.testing.assert_array_equal(decoded.series, [[0.0, 0.25, 0.75]])


@pytest.mark.parametrize("method", ["predict", "classify"])
def test_any_bytes_are_read_or_refused_in_one_line(artifact: Artifact, method: str) -> None:
    """Bodies with bytes changed, cut out and repeated: never another error, and finite series."""
    spec = SeriesSpec(2, 2, is_invariant=False)
    chance, codec = random.Random(method), codec_of(artifact, spec)  # noqa: S311 - repeatable
    pieces = [
        b'"',
        b"\\",
        b"\xff",
        b"\xc3\xa9",
        b"{",
        b"]",
        b",",
        b"NaN",
        b"9" * 30,
        b'"series":',
        b"\\ud800",
    ]
    options = PredictOptions(1.0, other=method)
    for _ in range(4000):
        body = bytearray(a_body(chance, spec, method))
        for _ in range(chance.choice((1, 1, 2, 5))):
            start = chance.randrange(len(body) + 1)
            body[start : start + chance.choice((0, 1, 1, 3, 20))] = chance.choice([*pieces, body[:start]])
        refusal = ""
        try:
            decoded = codec.decode(bytes(body), options)
        except PayloadError as error:
            refusal = str(error)
        else:
            assert np.isfinite(decoded.series).all()
            assert decoded.series.shape[1:] == spec.shape
        assert refusal.isprintable()
