"""Requests of V1's clients, and what is expected of all responses to them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from qa.harness.messages import Headers, Response, post
from tests.app.conftest import series

MODEL = "/v1/models/forda"
# The same request on the fast path and, with a query, on the framework's.
BOTH_PATHS = pytest.mark.parametrize("query", ["", "?"], ids=["fast", "framework"])


def asking(document: Any, *, to: str = f"{MODEL}:predict", query: str = "", headers: Headers = ()) -> bytes:
    """A request with a document, or with a body as it is."""
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return post(body, headers, target=to + query)


def rows(*first_values: float) -> list[list[float]]:
    """Series that differ in their first value, as JSON has them."""
    values: list[list[float]] = series(*first_values).astype(float).tolist()
    return values


def content_of(answer: Response) -> Any:
    """The document of a response 200."""
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json"), answer
    assert answer.headers["content-encoding"] is None
    return json.loads(answer.body)


def error_of(answer: Response, status: int) -> str:
    """The words of an error, which has nothing beside them."""
    assert (answer.status, answer.headers["content-type"]) == (status, "application/json"), answer
    assert answer.headers["x-request-id"]
    document = json.loads(answer.body)
    assert list(document) == ["error"]
    words: str = document["error"]
    assert words.isprintable()
    return words
