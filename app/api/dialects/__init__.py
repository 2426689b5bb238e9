"""The wire protocols that the server speaks."""

from __future__ import annotations

from collections.abc import Collection

from app.api.dialects.base import (
    Codec,
    Decoded,
    Dialect,
    Encoded,
    Limits,
    PredictionProtocol,
    PredictOptions,
    ServerState,
    encoded,
    has_path,
)
from app.api.dialects.native import Native
from app.api.dialects.v1 import V1
from app.api.dialects.v2 import V2

__all__ = [
    "Codec",
    "Decoded",
    "Dialect",
    "Encoded",
    "Limits",
    "PredictOptions",
    "PredictionProtocol",
    "ServerState",
    "all_dialects",
    "enabled_dialects",
    "encoded",
    "has_path",
]


def all_dialects() -> tuple[Dialect, ...]:
    """Every wire protocol, the server's own last: each path belongs to the first whose prefix it has."""
    return (V1(), V2(), Native())


def enabled_dialects(names: Collection[str]) -> tuple[Dialect, ...]:
    """The protocols of these names. The server's own is always there: other paths and errors have its form.

    Args:
        names: of protocols. Without `native`, `POST /predict` is no route.
    """
    others = tuple(each for each in all_dialects() if each.name != Native.name and each.name in names)
    return (*others, Native(has_predictions=Native.name in names))
