"""The options of a stream, from its head."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from starlette.datastructures import QueryParams

from app.api import parameters
from app.api.headers import CONTENT_ENCODING, RequestHead
from app.api.payloads.wording import shown, shown_value
from app.api.stream.values import Float32Reader, LinesReader, ValueReader
from app.errors import ContractViolation, UnsupportedMediaType
from app.series.spec import SeriesSpec

NDJSON = "application/x-ndjson"
BINARY = "application/octet-stream"
_READERS: dict[str, type[LinesReader] | type[Float32Reader]] = {NDJSON: LinesReader, BINARY: Float32Reader}
_STRIDE = "stride"
_WHOLE_NUMBER = re.compile(r"[1-9][0-9]{0,8}")

# OpenAPI description.
STRIDE: dict[str, Any] = {
    "name": _STRIDE,
    "in": "query",
    "required": False,
    "schema": {"type": "integer", "minimum": 1},
    "description": (
        "Time steps from the start of a window to the start of the next one, at most the length of a window. "
        "The default is that length: windows that do not overlap."
    ),
}


class StreamOptions(NamedTuple):
    """Options of one stream.

    Attributes:
        timeout: seconds to wait for more of the body, and for the prediction of each window.
        stride: time steps from window to window; None for the length of a window.
        version: of the model; None for the one that serves.
        abstain: whether a window without exactly one label in its label set gets no label.
        media_type: of the body.
    """

    timeout: float
    stride: int | None
    version: int | None
    abstain: bool
    media_type: str

    def reader(self, spec: SeriesSpec) -> ValueReader:
        """Reads the values of the body."""
        return _READERS[self.media_type](spec)

    def stride_for(self, spec: SeriesSpec) -> int:
        """The stride for a model.

        Raises:
            ContractViolation: it is longer than a window.
        """
        if self.stride is None:
            return spec.length
        if self.stride > spec.length:
            raise ContractViolation(
                [(_STRIDE, f"{self.stride} is longer than a window; send 1 to {spec.length}")]
            )
        return self.stride


def read_options(head: RequestHead, *, max_timeout: float) -> StreamOptions:
    """The options in a request's head.

    Raises:
        PayloadError: one is invalid.
    """
    media_type = _media_type(head)
    query = QueryParams(head.query)
    return StreamOptions(
        timeout=parameters.timeout_of(head, most=max_timeout),
        stride=_stride_of(query),
        version=parameters.version_of(query),
        abstain=parameters.abstain_of(query),
        media_type=media_type,
    )


def _media_type(head: RequestHead) -> str:
    media_type = (parameters.content_type_of(head) or NDJSON).partition(";")[0].strip().lower()
    if media_type not in _READERS:
        raise UnsupportedMediaType(
            f"media type {shown(media_type)} is not supported; send {NDJSON} (a number on each line) or "
            f"{BINARY} (raw little-endian float32)"
        )
    encoding = head.joined(CONTENT_ENCODING)
    if encoding is not None and encoding.strip().lower() not in {"", "identity"}:
        raise UnsupportedMediaType(
            f"Content-Encoding {shown(encoding)} is not supported here; send the recording uncompressed"
        )
    return media_type


def _stride_of(query: QueryParams) -> int | None:
    value = parameters.only_value(query, _STRIDE)
    if value is None:
        return None
    if not _WHOLE_NUMBER.fullmatch(value):
        raise ContractViolation([(_STRIDE, f"expected a whole number from 1, got {shown_value(value)}")])
    return int(value)
