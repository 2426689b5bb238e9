"""Clients of a server that explains with made-up numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import numpy as np

from app.client import Client
from tests.app.client.mocked import MODEL, npy, received

SUPPORT = {
    "max_series": 3,
    "max_variants": 20,
    "timeout": 30.0,
    "windows": 2,
    "bands": 0,
    "cells": [1, 2],
}
EXPLAINED: dict[str, Any] = {**MODEL, "explanations": SUPPORT}
HEADERS = {"Content-Type": "application/x-npy; version=3"}
DTYPE = np.dtype(
    [
        ("label", "<U2"),
        ("probability", "<f4"),
        ("unlike", "<f4"),
        ("time_perturbation", "<U4"),
        ("time_window_starts", "<f8", (2,)),
        ("time_window_ends", "<f8", (2,)),
        ("time_changes", "<f4", (2,)),
        ("time_importances", "<f4", (2,)),
        ("cells_perturbation", "<U6"),
        ("cells_window_starts", "<f8", (1,)),
        ("cells_window_ends", "<f8", (1,)),
        ("cells_band_starts", "<f8", (2,)),
        ("cells_band_ends", "<f8", (2,)),
        ("cells_changes", "<f4", (1, 2)),
        ("cells_importances", "<f4", (1, 2)),
    ]
)


def records_for(series: np.ndarray) -> np.ndarray:
    """What the server says of series: their first value is the importance of the first region."""
    records = np.zeros(len(series), DTYPE)
    records["label"], records["probability"], records["unlike"] = "-1", 0.9, np.nan
    records["time_perturbation"], records["cells_perturbation"] = "mean", "median"
    records["time_window_starts"], records["time_window_ends"] = [0, 2], [2, 5]
    records["cells_window_ends"], records["cells_band_starts"], records["cells_band_ends"] = (
        5,
        [0, 0.25],
        [0.25, 0.5],
    )
    records["time_importances"][:, 0] = records["cells_importances"][:, 0, 1] = series[:, 0]
    records["time_changes"][:, 1] = -1 / 3
    return records


def answer(request: httpx.Request) -> httpx.Response:
    """A good answer."""
    return httpx.Response(200, content=npy(records_for(received(request))), headers=HEADERS)


def client_of(
    handler: Callable[[httpx.Request], httpx.Response] = answer, *, model: dict[str, Any] = EXPLAINED
) -> tuple[Client, list[httpx.Request]]:
    """A client of a server that answers so, and the requests for explanations that it gets."""
    requests: list[httpx.Request] = []

    def serve(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/model":
            return httpx.Response(200, json=model)
        requests.append(request)
        return handler(request)

    return Client("http://server", transport=httpx.MockTransport(serve)), requests
