"""The decoders of the V1 and V2 protocols, for a model of any size, and their oracles."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from app.api.dialects import Codec, PredictOptions
from app.api.dialects.v1 import V1
from app.api.dialects.v2 import V2
from app.api.dialects.v2.codec import BodyForm
from app.contract import Contract, open_artifact
from app.errors import PayloadError
from qa.fuzz.cases import Case, Size
from qa.fuzz.dialect_references import Expected, expected_v1, expected_v2
from qa.fuzz.oracles import broken_promise, wording
from qa.harness.process import ROOT

_TIMEOUT = 10.0


def decode_v2(case: Case) -> NDArray[np.float32]:
    """The series of a V2 request; raises a `PayloadError` if there are none."""
    form = BodyForm(int(case.head) if case.head else None)
    return _codecs(case.size)[1].decode(case.body, PredictOptions(_TIMEOUT, other=form)).series


def decode_v1(case: Case) -> NDArray[np.float32]:
    """The series of a V1 request; raises a `PayloadError` if there are none."""
    return _codecs(case.size)[0].decode(case.body, PredictOptions(_TIMEOUT, other=case.head)).series


def check_v2(case: Case) -> str | None:
    """The violation of a V2 request; None without one."""
    return _check(case, decode_v2, expected_v2(case))


def check_v1(case: Case) -> str | None:
    """The violation of a V1 request; None without one."""
    return _check(case, decode_v1, expected_v1(case))


def _check(case: Case, decode: Callable[[Case], NDArray[np.float32]], expected: Expected) -> str | None:
    try:
        series = decode(case)
    except PayloadError as error:
        is_wrong = expected.is_plain and expected.series is not None
        return f"a valid body is refused: {error}" if is_wrong else wording(error)
    return broken_promise(series, case, expected.series)


@lru_cache
def _codecs(size: Size) -> tuple[Codec, Codec]:
    """Of V1 and of V2."""
    contract = _contract()
    changes = {"length": size.length, "channels": 1, "invariant_to_offset_and_scale": False}
    resized = contract.model_copy(update={"input": contract.input.model_copy(update=changes)})
    most = size.max_instances
    return V1().codec(resized, max_instances=most), V2().codec(resized, max_instances=most)


@lru_cache(maxsize=1)
def _contract() -> Contract:
    return open_artifact(ROOT / "model_artifacts" / "forda").contract
