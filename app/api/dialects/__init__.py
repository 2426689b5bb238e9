"""The wire protocols that the server speaks."""

from __future__ import annotations

from app.api.dialects.base import Codec, Decoded, Dialect, Encoded, Limits, PredictOptions, encoded
from app.api.dialects.native import Native

__all__ = ["Codec", "Decoded", "Dialect", "Encoded", "Limits", "PredictOptions", "all_dialects", "encoded"]


def all_dialects() -> tuple[Dialect, ...]:
    """Every wire protocol, the server's own last: each path belongs to the first whose prefix it has."""
    return (Native(),)
