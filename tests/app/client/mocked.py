"""Clients of a server that gives prepared answers."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import httpx
import numpy as np

from app.client import Client, Retry
from app.client.results import dtype_of
from app.client.schemas import ModelDescription

LENGTH = 5
MODEL: dict[str, Any] = {
    "contract": {
        "name": "forda",
        "version": 3,
        "input": {"length": LENGTH, "channels": 1},
        "labels": [{"name": "-1"}, {"name": "1"}],
    },
    "limits": {
        "max_instances": 4,
        "max_body_bytes": 100_000,
        "request_timeout": 10,
        "keep_alive_timeout": 75,
    },
    "npy_fields": {
        "layout": "abc",
        "classes": ["-1", "1"],
        "fields": [
            {"name": "probabilities", "dtype": "<f4", "shape": [2], "description": ""},
            {"name": "label_set", "dtype": "|b1", "shape": [2], "description": ""},
            {"name": "ood_score", "dtype": "<f4", "shape": [], "description": ""},
            {"name": "warnings", "dtype": "<u2", "shape": [], "description": ""},
        ],
        "warnings": [
            {"bit": 0, "code": "flat", "message": "seen", "remedy": "do"},
            {"bit": 1, "code": "clipped", "message": "seen too", "remedy": "do more"},
        ],
    },
}
DESCRIPTION = ModelDescription.model_validate(MODEL)
SERIES = np.arange(LENGTH, dtype=np.float32)
CONTENT_TYPE = "application/x-npy; fields=all; version=3; layout=abc"

Answer = Callable[[httpx.Request], httpx.Response]


def received(request: httpx.Request) -> np.ndarray:
    """The series of a request."""
    array: np.ndarray = np.load(io.BytesIO(request.content))
    return array


def records_for(series: np.ndarray) -> np.ndarray:
    """What the server says of series: the probability of class `1` is the first value."""
    records = np.zeros(len(series), dtype_of(DESCRIPTION))
    first = series[:, 0].astype(np.float32)
    records["probabilities"] = np.stack([1 - first, first], axis=1)
    records["label_set"] = records["probabilities"] > 0.2
    records["ood_score"] = 0.5
    return records


def npy(array: np.ndarray) -> bytes:
    """A .npy file."""
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def answer(request: httpx.Request) -> httpx.Response:
    """A good answer."""
    content = npy(records_for(received(request)))
    return httpx.Response(200, content=content, headers={"Content-Type": CONTENT_TYPE})


def refuse(status: int, **headers: str) -> Answer:
    """An answer that refuses."""
    document = {
        "type": "/problems/queue-full",
        "title": "Too many requests",
        "status": status,
        "detail": "full",
        "request_id": "abc",
    }
    return lambda _: httpx.Response(status, json=document, headers=headers)


def break_off(_: httpx.Request) -> httpx.Response:
    """A connection that breaks."""
    raise httpx.ConnectError("refused")


def served_by(handler: Answer) -> httpx.MockTransport:
    """A server that describes its model, and answers predictions so."""

    def serve(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/model":
            return httpx.Response(200, json=MODEL)
        return handler(request)

    return httpx.MockTransport(serve)


def client_of(*answers: Answer, timeout: float = 30.0) -> tuple[Client, list[float], list[Retry]]:
    """A client of a server that gives these answers in turn, the pauses it makes, and what it reports."""
    turns = iter(answers)
    pauses: list[float] = []
    retries: list[Retry] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    client = Client(
        "http://server",
        transport=served_by(lambda request: next(turns)(request)),
        sleep=sleep,
        timeout=timeout,
        on_retry=retries.append,
    )
    return client, pauses, retries
