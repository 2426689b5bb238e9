"""The media types of request and response, from `Content-Type` and `Accept`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Protocol

from app.api.payloads.json_body import JsonDecoder
from app.api.payloads.npy_body import NpyDecoder
from app.api.payloads.wording import shown
from app.errors import UnsupportedMediaType
from app.series.offset import Narrowed
from app.series.spec import SeriesSpec

JSON = "application/json"
NPY = "application/x-npy"
# Of responses alone: all fields of a prediction, not the probabilities alone.
NPY_FIELDS = f"{NPY}; fields=all"
_READ = (JSON, NPY)

# JSON is UTF-8 whatever its `charset` says (RFC 8259, 8.1 and 11), and ASCII is a part of that; these are
# IANA's names of both, and `utf8`. Not `codecs.lookup`, which imports modules by the caller's name.
_CHARSETS = frozenset(
    (
        *("utf-8", "utf8", "csutf8"),
        *("us-ascii", "ascii", "ansi_x3.4-1968", "ansi_x3.4-1986", "iso_646.irv:1991", "iso646-us"),
        *("iso-ir-6", "us", "ibm367", "cp367", "csascii"),
    )
)

# RFC 9110, 12.4.2: a weight has at most three decimals.
_WEIGHT = re.compile(r"q\s*=\s*(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)")
_ALL_FIELDS = re.compile(r'fields\s*=\s*(?:all|"all")')
# The media ranges that cover JSON, the most specific first: it alone counts (RFC 9110, 12.5.1).
_JSON_RANGES = (JSON, "application/*", "*/*")


class Decoder(Protocol):
    """Decodes bodies of one media type."""

    def __call__(self, body: bytes) -> Narrowed:
        """The body's series; raises a `PayloadError` if the body is invalid."""
        ...


class Decoders:
    """The decoders of every media type that the service reads, for one model.

    Attributes:
        max_instances: most series in a body.
    """

    def __init__(self, spec: SeriesSpec, *, max_instances: int) -> None:
        self.max_instances = max_instances
        self._decoders: dict[str, Decoder] = {
            JSON: JsonDecoder(spec, max_instances=max_instances),
            NPY: NpyDecoder(spec, max_instances=max_instances),
        }

    def for_content_type(self, content_type: str | None) -> Decoder:
        """The decoder for the value of a Content-Type header; raises as `media_type_of` does."""
        return self._decoders.get(content_type or JSON) or self._decoders[media_type_of(content_type)]


def media_type_of(content_type: str | None) -> str:
    """The media type of a body, from the value of its Content-Type header; JSON if there is none.

    Raises:
        UnsupportedMediaType: the type, or the character set of JSON, is not supported.
    """
    if content_type is None or content_type in _READ:  # nearly always: nothing to parse
        return content_type or JSON
    media_type, parameters = _parsed(content_type or JSON)
    if media_type not in _READ:
        raise UnsupportedMediaType(
            f"media type {shown(media_type)} is not supported; send {' or '.join(_READ)}"
        )
    charsets = [value for name, value in parameters if name == "charset"] if media_type == JSON else []
    if unread := [charset for charset in charsets if charset not in _CHARSETS]:
        raise UnsupportedMediaType(f"{JSON} in charset {shown(unread[0])} is not supported; send UTF-8")
    return media_type


@lru_cache(maxsize=64)  # a client sends the same value every time
def response_type(accept: str | None) -> str:
    """The media type that the value of an Accept header asks for: `JSON`, `NPY` or `NPY_FIELDS`.

    npy has to be named, and with a higher weight than JSON. JSON is the default, also where the header is
    missing, broken, or a tie. Between both kinds of npy, a tie means all fields.
    """
    weights = dict(_weighted((accept or "").lower()))
    json_weight = next((weights[name] for name in _JSON_RANGES if name in weights), 0.0)
    weight, npy = max((weights.get(name, 0.0), name) for name in (NPY, NPY_FIELDS))
    return npy if weight > json_weight else JSON


def _weighted(accept: str) -> Iterator[tuple[str, float]]:
    for item in accept.split(","):
        media_range, *parameters = (part.strip() for part in item.split(";"))
        weights = [parameter for parameter in parameters if parameter.startswith("q")]
        found = _WEIGHT.fullmatch(weights[0]) if weights else None
        if media_range == NPY and any(_ALL_FIELDS.fullmatch(parameter) for parameter in parameters):
            media_range = NPY_FIELDS
        if found or not weights:
            yield media_range, float(found[1]) if found else 1.0


def _parsed(content_type: str) -> tuple[str, list[tuple[str, str]]]:
    media_type, *parameters = (part.strip() for part in content_type.lower().split(";"))
    pairs = (parameter.partition("=") for parameter in parameters)
    return media_type, [(name.strip(), value.strip().strip('"')) for name, _, value in pairs]
