"""The Python client of the server, and the documents that client and server exchange.

The public names are imported at first use: the server needs the documents alone, not httpx.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from app.client.async_client import AsyncClient
    from app.client.client import Client
    from app.client.errors import (
        ClientError,
        InvalidOptions,
        InvalidSeries,
        RequestRefused,
        ServerUnavailable,
        UnexpectedResponse,
    )
    from app.client.explanations.results import Explanations
    from app.client.http.sending import Retry
    from app.client.results import Predictions
    from app.client.windows import WindowBatch, WindowPredictions

__all__ = [
    "AsyncClient",
    "Client",
    "ClientError",
    "Explanations",
    "InvalidOptions",
    "InvalidSeries",
    "Predictions",
    "RequestRefused",
    "Retry",
    "ServerUnavailable",
    "UnexpectedResponse",
    "WindowBatch",
    "WindowPredictions",
]
_MODULES = {
    "AsyncClient": "async_client",
    "Client": "client",
    "Explanations": "explanations.results",
    "Predictions": "results",
    "Retry": "http.sending",
    "WindowBatch": "windows",
    "WindowPredictions": "windows",
}


def __getattr__(name: str) -> Any:
    """Import a public name at its first use (PEP 562)."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"app.client.{_MODULES.get(name, 'errors')}"), name)
