"""A typed client: arrays in, predictions out, with retries."""

from __future__ import annotations

import io
import random
import re
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

import httpx
import numpy as np
from numpy.typing import ArrayLike
from pydantic import ValidationError

from app.client.schemas import Prediction, PredictResponse, Problem
from app.errors import AppError
from app.series.offset import fits_float32

# Predictions have no side effects, so requests with these statuses are sent again.
RETRIED = frozenset({429, 502, 503})


class ClientError(AppError):
    """The server refused the request or could not be reached.

    Attributes:
        problem: the server's problem document, if it sent one.
    """

    def __init__(self, message: str, *, problem: Problem | None = None) -> None:
        super().__init__(message)
        self.problem = problem


class Client:
    """A connection pool to one server. Use it as a context manager, or call `close`.

    Args:
        url: the server or its balancer.
        api_key: if the server requires one.
        timeout: seconds for one attempt.
        attempts: most times that a request is sent.
        transport: of httpx; for tests.
        sleep: waits between attempts.

    Raises:
        ClientError: the key or the URL is invalid.
    """

    def __init__(
        self,
        url: str = "http://127.0.0.1:8000",
        *,
        api_key: str | None = None,
        timeout: float = 30.0,
        attempts: int = 4,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        headers = {} if api_key is None else {"Authorization": f"Bearer {_checked_key(api_key)}"}
        try:
            self._http = httpx.Client(base_url=url, timeout=timeout, transport=transport, headers=headers)
        except httpx.InvalidURL as error:
            raise ClientError(f"{url[:80]!a}: not a URL: {error}") from error
        self._attempts = attempts
        self._sleep = sleep

    def predict(self, series: ArrayLike, *, abstain: bool = False) -> list[Prediction]:
        """Classify series.

        Args:
            series: numbers of shape `(n, length)`, or `(length,)` for one; of a model of several channels
                `(n, length, channels)`.
            abstain: give a series no label where its label set does not hold exactly one.

        Returns:
            A prediction for each series, in order.

        Raises:
            ClientError: the server refused the request or could not be reached.
        """
        body = io.BytesIO()
        np.save(body, _compact(series), allow_pickle=False)
        response = self._send(
            "POST",
            "/predict",
            params={"abstain": "true"} if abstain else {},
            content=body.getvalue(),
            headers={"Content-Type": "application/x-npy", "Accept": "application/json"},
        )
        return PredictResponse.model_validate_json(response.content).predictions

    def series_length(self) -> int:
        """Length of the series that the model takes.

        Raises:
            ClientError: the server refused the request, could not be reached, or is no model server.
        """
        response = self._send("GET", "/model")
        try:
            return int(response.json()["contract"]["input"]["length"])
        except (ValueError, KeyError, TypeError) as error:
            raise ClientError(
                f"{response.url}: the response has no contract.input.length; check the URL"
            ) from error

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections."""
        self.close()

    def _send(self, method: str, path: str, **request: Any) -> httpx.Response:
        for attempt in range(1, self._attempts + 1):
            last = attempt == self._attempts
            try:
                response = self._http.request(method, path, **request)
            except httpx.TransportError as error:
                if last:
                    raise ClientError(f"{self._http.base_url}: {error or type(error).__name__}") from error
                self._sleep(_backoff(attempt, None))
                continue
            if response.is_success:
                return response
            if last or response.status_code not in RETRIED:
                raise _error(response)
            self._sleep(_backoff(attempt, response.headers.get("Retry-After")))
        raise ValueError("attempts must be at least 1")


def _compact(series: ArrayLike) -> np.ndarray:
    """The series as an array of at least two dimensions, in half the bytes where nothing is lost by it.

    A large offset is sent as it is. The server subtracts it before it narrows the values to float32: only its
    contract says whether the model allows that, and only it can warn of what had been lost before.
    """
    array = np.atleast_2d(np.asarray(series))
    if array.dtype.kind not in "fiu":
        array = array.astype(np.float64)
    if array.dtype.kind == "f" and array.dtype.itemsize <= np.dtype(np.float32).itemsize:
        return array
    if not array.size or fits_float32(array if array.ndim == 3 else array.reshape(len(array), -1)):
        return array.astype(np.float32)
    # Integers of 64 bits lose digits even in a float64.
    return array if array.dtype.kind in "iu" else array.astype(np.float64)


def _checked_key(api_key: str) -> str:
    """A key without surrounding white space, such as the end of its line in a file."""
    key = api_key.strip()
    if not re.fullmatch(r"[!-~]+", key):
        raise ClientError(
            "the API key has invalid characters; send printable ASCII without spaces"
        )  # not the key itself: logs
    return key


def _backoff(attempt: int, retry_after: str | None) -> float:
    """Seconds to the next attempt: Retry-After, else exponential backoff with full jitter."""
    if retry_after and retry_after.isdecimal():
        return float(retry_after)
    return random.uniform(0, 0.1 * 2**attempt)  # noqa: S311 - spreads load, keeps no secret


def _error(response: httpx.Response) -> ClientError:
    try:
        problem = Problem.model_validate_json(response.content)
    except ValidationError:
        return ClientError(f"{response.url}: {response.status_code} {response.reason_phrase}")
    return ClientError(f"{problem.title}: {problem.detail}", problem=problem)
