"""V2 requests: JSON, JSON before binary data, and raw data; valid, nearly valid, or with wrong lengths."""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random
from typing import Any

import numpy as np

from qa.fuzz.cases import LARGE, MAX_BYTES, SMALL, Case, Size, count, rows, size
from qa.fuzz.mutations import Mutator
from qa.fuzz.numbers import EDGES, NOT_JSON, float32, number

# The name of the input tensor in the committed model's contract.
INPUT = "series"
# The datatypes that are read, with what NumPy calls them.
DATATYPES = {
    "FP16": "<f2", "FP32": "<f4", "FP64": "<f8", "INT8": "|i1", "INT16": "<i2", "INT32": "<i4",
    "INT64": "<i8", "UINT8": "|u1", "UINT16": "<u2", "UINT32": "<u4", "UINT64": "<u8",
}  # fmt: skip
_OTHER_DATATYPES = ("BYTES", "BOOL", "BF16", "fp32", "FP32 ", "", "FP128", "TYPE_FP32", 4, None, ["FP32"])
_OUTPUTS = ("probabilities", "label", "label_set", "ood_score", "nothing", "", "\x00", 7, None)
# Sizes whose product, or whose product with the size of an element, wraps at 32 or 64 bits.
_OVERFLOWS = (
    2**16,
    2**31 - 1,
    2**31,
    2**32,
    2**32 + 1,
    2**61,
    2**62,
    2**63 - 1,
    2**63,
    2**64 - 1,
    2**64,
    2**70,
)
_ODD_SIZES: tuple[Any, ...] = (-1, 0, 1, -(2**63), 2.0, 1e3, "2", True, None, [2], {})
_COUNTS: tuple[Any, ...] = (0, 1, 2, 3, -1, 2**31, 2**32, 2**63 - 1, 2**63, 2**64, 1.0, "1", True, None, [])
_ODD_VALUES: tuple[Any, ...] = (None, True, "1", [1], [[1]], {}, 2**64, -(2**70))
_FRAGMENTS = (
    *(bytes([one]) for one in b'[]{}:,"\\ \n\t\x00\x1f\x7f\x80\xff-+.eE0'), b"null", b"true", b"[[", b"]]",
    b'"inputs":', b'"shape":[', b'"data":[', b'"datatype":"FP32"', b'"binary_data_size":', b'"parameters":{',
    b'"outputs":[', b'"classification":', b'"shared_memory_region":"x"', b"\\ud83d", b"\xc0\x80",
    b"4294967296", b"18446744073709551616", *(bytes([length, 0, 0, 0]) for length in (0, 1, 255)),
    b"\xff\xff\xff\xff", b"\xff\xff\xff\x7f", np.float32("nan").tobytes(), np.float32("inf").tobytes(),
    *(text.encode() for text in (*EDGES[::4], *NOT_JSON[::4]) if text),
)  # fmt: skip
mutate = Mutator(_FRAGMENTS)


def case(rng: Random) -> Case:
    """One request: in half of the cases with bytes of it changed, or another header length."""
    if not rng.getrandbits(9):
        body, length = rng.choice(_MANY)(rng)
        return Case(body[:MAX_BYTES], LARGE, head=length)
    of = LARGE if not rng.getrandbits(6) else size(rng)
    body, length = request(rng, of, odd=bool(rng.getrandbits(1)))
    if not rng.getrandbits(1):
        if rng.getrandbits(1):
            body = mutate(rng, body, request(rng, of, odd=True)[0])
        else:
            length = _wrong_length(rng, length, len(body))
    return Case(body[:MAX_BYTES], of, head=length)


def request(rng: Random, of: Size, *, odd: bool) -> tuple[bytes, str]:
    """A body and the value of Inference-Header-Content-Length; empty where all is JSON.

    Args:
        rng: chooses.
        of: size of the model.
        odd: whether parts of it may be wrong.
    """
    form = rng.randrange(8)
    if form == 0:
        return rng.randbytes(4 * (count(rng, of.length) if odd else of.length)), "0"
    document, data = _document(rng, of, odd=odd, is_binary=form > 3)
    text = json.dumps(document).encode()
    return (text + data, str(len(text))) if form > 3 else (text, "")


def plain(rng: Random, of: Size, rows: int) -> tuple[bytes, str]:
    """What a client sends."""
    values = np.array([[rng.uniform(-4, 4) for _ in range(of.length)] for _ in range(rows)], np.float32)
    tensor = {"name": INPUT, "shape": list(values.shape), "datatype": "FP32"}
    head = json.dumps({"inputs": [{**tensor, "parameters": {"binary_data_size": values.nbytes}}]}).encode()
    return head + values.tobytes(), str(len(head))


def _document(rng: Random, of: Size, *, odd: bool, is_binary: bool) -> tuple[dict[str, Any], bytes]:
    number_of_rows = rows(rng, of)
    datatype = rng.choice(("FP32", "FP32", "FP32", *DATATYPES))
    shape: list[Any] = [number_of_rows, of.length, *([1] if not rng.randrange(4) else [])]
    values = _values(rng, datatype, number_of_rows * of.length, odd=odd)
    tensor: dict[str, Any] = {"name": INPUT, "shape": shape, "datatype": datatype}
    data = b""
    if is_binary:
        dtype = np.dtype(DATATYPES[datatype])
        with np.errstate(over="ignore"):
            data = np.array(values, np.float64 if dtype.kind == "f" else dtype).astype(dtype).tobytes()
        tensor["parameters"] = {"binary_data_size": len(data)}
    else:
        tensor["data"] = _nested(values, shape) if rng.getrandbits(1) else values
    document: dict[str, Any] = {"inputs": [tensor]}
    if rng.getrandbits(1):
        document["outputs"] = [{"name": name} for name in rng.sample(_OUTPUTS[:4], rng.randrange(4))]
    if not rng.randrange(3):
        document["id"] = rng.choice(("1", "", "\u2028", "x" * 200))
    if odd:
        for _ in range(rng.randrange(1, 4)):
            data = _bend(rng, document, tensor, data)
    return document, data


def _values(rng: Random, datatype: str, total: int, *, odd: bool) -> list[Any]:
    dtype = np.dtype(DATATYPES[datatype])
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        return [rng.choice((rng.randrange(-9, 9) % 10, limits.min, limits.max)) for _ in range(total)]
    if dtype.itemsize == 2:
        return [rng.uniform(-4, 4) for _ in range(total)]
    if total > 100:  # fewer different numbers, since there are many
        return rng.choices([rng.uniform(-4, 4) for _ in range(40)], k=total)
    make: Callable[[Random], str] = number if odd and not rng.getrandbits(2) else float32
    values = [float(text) for text in (make(rng) for _ in range(total)) if len(text) < 400]
    return (values + [0.0] * total)[:total]


def _nested(values: list[Any], shape: list[Any]) -> list[Any]:
    array = np.empty(len(values), object)
    array[:] = values
    nested: list[Any] = array.reshape(shape).tolist()
    return nested


def _bend(rng: Random, document: dict[str, Any], tensor: dict[str, Any], data: bytes) -> bytes:
    """Change one thing of a request; what follows its JSON."""
    match rng.randrange(8):
        case 0:
            data = _text_elements(rng)
            tensor["datatype"] = rng.choice(("BYTES", tensor["datatype"]))
            tensor["parameters"] = {"binary_data_size": len(data)}
        case 1:
            return data[: rng.randrange(len(data) + 1)]
        case 2:
            tensor["parameters"] = {"binary_data_size": rng.choice((len(data) + 1, *_COUNTS))}
        case 3 | 4:
            _bend_document(rng, document, tensor)
        case _:
            _bend_tensor(rng, tensor)
    return data


def _bend_tensor(rng: Random, tensor: dict[str, Any]) -> None:
    match rng.randrange(6):
        case 0:
            tensor["datatype"] = rng.choice((*DATATYPES, *_OTHER_DATATYPES))
        case 1:
            tensor["shape"] = [rng.choice((*_OVERFLOWS, *_ODD_SIZES, 5)) for _ in range(rng.randrange(5))]
        case 2 if type(shape := tensor["shape"]) is list and shape:
            shape[rng.randrange(len(shape))] = rng.choice((*_OVERFLOWS, *_ODD_SIZES))
        case 3 if isinstance(values := tensor.get("data"), list) and values:
            values[rng.randrange(len(values))] = rng.choice(_ODD_VALUES)
        case 4:
            tensor["parameters"] = rng.choice(({"shared_memory_region": "x"}, {"x": {"x": []}}, {}))
        case _:
            tensor[rng.choice((*tensor, "name"))] = rng.choice((None, 1, "", [], {}, [[]], True, "\x00"))


def _bend_document(rng: Random, document: dict[str, Any], tensor: dict[str, Any]) -> None:
    match rng.randrange(4):
        case 0:
            document["outputs"] = [_output(rng) for _ in range(rng.choice((0, 1, 2, 70)))]
        case 1:
            names = ("timeout", "binary_data_output", "priority", "sequence_id", "x")
            document["parameters"] = {rng.choice(names): rng.choice(_COUNTS)}
        case 2:
            lists: tuple[Any, ...] = ([], [tensor, tensor], tensor, None, "x", [tensor] * 70, [[tensor]])
            document["inputs"] = rng.choice(lists)
        case _:
            name = rng.choice(("id", "x", "model_name"))
            document[name] = rng.choice((None, 1, [], {"x": [[[]]]}, "\x00"))


def _output(rng: Random) -> Any:
    output: dict[str, Any] = {"name": rng.choice(_OUTPUTS)}
    if rng.getrandbits(1):
        name = rng.choice(("classification", "binary_data", "shared_memory_region"))
        output["parameters"] = {name: rng.choice(_COUNTS)}
    return output if rng.randrange(9) else rng.choice((None, [], 1, "label"))


def _text_elements(rng: Random) -> bytes:
    """Elements of BYTES, with lengths that may be wrong."""
    parts = []
    for _ in range(rng.randrange(1, 8)):
        text = rng.randbytes(rng.randrange(9))
        length = rng.choice((len(text), len(text), len(text) + 1, 0, 2**31, 2**32 - 1))
        parts.append(length.to_bytes(4, "little") + text)
    return b"".join(parts)


def _wrong_length(rng: Random, length: str, body: int) -> str:
    right = int(length or "0")
    wrong = (right - 1, right + 1, 0, 1, body, body + 1, 2 * body, 2**31, 2**63, 10**18, "")
    return str(rng.choice(wrong)).lstrip("-")


def _full(rng: Random) -> tuple[bytes, str]:
    return plain(rng, LARGE, rng.choice((255, 256, 257)))


def _deep(rng: Random) -> tuple[bytes, str]:
    depth = rng.randrange(MAX_BYTES // 8)
    shape = f'"shape":[{SMALL.max_instances},{SMALL.length}],"datatype":"FP32"'
    head = b'{"inputs":[{"name":"series",%b,"data":' % shape.encode()
    return head + b"[" * depth + b"1" + b"]" * rng.choice((depth, 0, depth - 1)) + b"}]}", ""


def _many_fields(rng: Random) -> tuple[bytes, str]:
    unit = rng.choice((b'"x":1', b'"inputs":[]', b'"parameters":{"x":1}'))
    return b"{" + b",".join([unit] * rng.randrange(MAX_BYTES // 20)) + b"}", ""


def _many_tensors(rng: Random) -> tuple[bytes, str]:
    unit = rng.choice((b"{}", b'{"name":"series"}', b"null", b"[]"))
    name = rng.choice((b"inputs", b"outputs"))
    return b'{"%b":[' % name + b",".join([unit] * rng.randrange(MAX_BYTES // 18)) + b"]}", ""


_MANY: tuple[Callable[[Random], tuple[bytes, str]], ...] = (_full, _deep, _many_fields, _many_tensors)
