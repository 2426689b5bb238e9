"""Parses and writes bodies for servers without their own format: JSON by orjson, or a .npy file.

The first byte tells them apart.
"""

from __future__ import annotations

import io

import numpy as np
import orjson

from benchmarks.peers.apps.joining import Array

NPY = b"\x93"


def read(body: bytes) -> Array:
    """Series `float32[n, length]`."""
    if body[:1] == NPY:
        return np.load(io.BytesIO(body), allow_pickle=False)  # type: ignore[no-any-return]
    return np.array(orjson.loads(body)["instances"], np.float32)


def write(probabilities: Array, *, binary: bool) -> bytes:
    """Probabilities `float32[n, classes]` in the format of the request."""
    if not binary:
        text: bytes = orjson.dumps({"probabilities": probabilities}, option=orjson.OPT_SERIALIZE_NUMPY)
        return text
    file = io.BytesIO()
    np.save(file, probabilities)
    return file.getvalue()
