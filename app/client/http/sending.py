"""Sends one request: attempts, pauses between them and one deadline for all of it."""

from __future__ import annotations

import asyncio
import email.utils
import logging
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import httpx
from pydantic import ValidationError

from app.client.errors import ClientError, RequestRefused, ServerUnavailable, UnexpectedResponse
from app.client.schemas import Problem

log = logging.getLogger(__name__)

# Predictions have no side effects, so requests with these statuses are sent again.
TOO_MANY_REQUESTS = 429
RETRIED = frozenset({TOO_MANY_REQUESTS, 502, 503, 504})
CONNECT_SECONDS = 5.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 5.0


class Retry(NamedTuple):
    """The argument of `on_retry`, which is called before each pause.

    Attributes:
        url: of the request.
        attempt: the number of the attempt that failed, from 1.
        reason: why, on one line.
        pause: seconds until the next attempt.
    """

    url: str
    attempt: int
    reason: str
    pause: float


@dataclass(frozen=True, slots=True)
class Server:
    """Where requests go.

    Requests go to httpx's transport, not through its client, whose cookies, redirects and merged URLs are not
    wanted here and take time with each request.

    Attributes:
        transport: pool of connections, bound to an event loop.
        url: of the server.
        headers: of every request.
    """

    transport: httpx.AsyncBaseTransport
    url: httpx.URL
    headers: Mapping[str, str]

    def at(self, path: str, query: str = "") -> httpx.URL:
        """The URL of a path of the server."""
        return httpx.URL(f"{str(self.url).rstrip('/')}{path}{query}")


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A request.

    Attributes:
        method: of HTTP.
        url: all of it.
        headers: besides those that every request has.
        content: its body.
    """

    method: str
    url: httpx.URL
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes = b""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """When a request is sent again.

    Attributes:
        timeout: seconds for a request with all of its attempts and pauses.
        attempts: most times that it is sent. A full queue (429) does not count: it lasts as long as others
            send, and ends with the timeout.
        attempt_timeout: seconds for one attempt.
        on_retry: called before each pause, on the event loop's thread.
        sleep: pauses.
    """

    timeout: float
    attempts: int
    attempt_timeout: float
    on_retry: Callable[[Retry], None] | None = None
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep


class _Failure(NamedTuple):
    error: ClientError
    retry_after: float | None = None
    is_full: bool = False


async def send(
    server: Server,
    request: Outgoing,
    policy: RetryPolicy,
    *,
    on_attempt: Callable[[float, bool], None] = lambda _seconds, _is_full: None,
) -> httpx.Response:
    """Send a request until there is a response, within one deadline.

    Args:
        server: to send it to.
        request: to send.
        policy: when it is sent again.
        on_attempt: called with the seconds of each response, and whether it was 429.

    Raises:
        RequestRefused: the server refused it, and would refuse it again.
        ServerUnavailable: there was no response in time or after all attempts.
        UnexpectedResponse: the response is not of HTTP, or cannot be decompressed.
    """
    deadline = time.monotonic() + policy.timeout
    attempt = counted = 0
    while True:
        attempt, started = attempt + 1, time.monotonic()
        seconds = max(0.001, min(policy.attempt_timeout, deadline - started))
        outcome = await _attempt(server, request, seconds)
        if isinstance(outcome, httpx.Response):
            on_attempt(time.monotonic() - started, False)
            return outcome
        on_attempt(time.monotonic() - started, outcome.is_full)
        counted += not outcome.is_full
        if counted >= policy.attempts:
            raise outcome.error
        pause = _pause(attempt, outcome.retry_after)
        left = deadline - time.monotonic()
        if pause >= left:
            raise _out_of_time(outcome, policy.timeout)
        retry = Retry(str(request.url), attempt, str(outcome.error), pause)
        log.info("%s; attempt %d follows in %.2f s", retry.reason, attempt + 1, pause)
        if policy.on_retry is not None:
            policy.on_retry(retry)
        await policy.sleep(pause)


async def _attempt(server: Server, request: Outgoing, seconds: float) -> httpx.Response | _Failure:
    """A response with success, or a failure that may pass; raises what will not."""
    url = request.url
    try:
        async with asyncio.timeout(seconds):
            response = await _exchange(server, request, seconds)
    except (TimeoutError, httpx.TimeoutException):
        return _Failure(ServerUnavailable(f"{url}: no response within {seconds:.3g} s"))
    except httpx.DecodingError as error:
        raise UnexpectedResponse(f"{url}: the response cannot be decompressed: {error}") from error
    except httpx.TransportError as error:
        return _Failure(ServerUnavailable(f"{url}: {_one_line(error)}"))
    if response.is_success:
        return response
    failure = _refusal(response)
    if response.status_code not in RETRIED:
        raise failure
    is_full = response.status_code == TOO_MANY_REQUESTS
    return _Failure(failure, retry_after_seconds(response.headers.get("Retry-After")), is_full)


async def _exchange(server: Server, outgoing: Outgoing, seconds: float) -> httpx.Response:
    """One request and its whole response."""
    request = httpx.Request(
        outgoing.method,
        outgoing.url,
        headers={**server.headers, **outgoing.headers, "X-Request-Timeout": f"{seconds:.3f}"},
        content=outgoing.content,
        extensions={"timeout": {"connect": CONNECT_SECONDS}},
    )
    response = await server.transport.handle_async_request(request)
    response.request = request
    try:
        await response.aread()
    finally:
        await response.aclose()
    return response


def _refusal(response: httpx.Response) -> ClientError:
    may_pass = response.status_code in RETRIED
    try:
        problem = Problem.model_validate_json(response.content)
    except ValidationError:
        where = response.headers.get("Location")
        more = f"; it redirects to {where[:200]!a}: use that URL" if response.is_redirect and where else ""
        message = f"{response.url}: {response.status_code} {response.reason_phrase}{more}"
        return ServerUnavailable(message) if may_pass else UnexpectedResponse(message)
    kind = ServerUnavailable if may_pass else RequestRefused
    return kind(f"{problem.title}: {problem.detail}", problem=problem)


def _out_of_time(outcome: _Failure, timeout: float) -> ClientError:
    """The error of the last attempt, with why there is no other one."""
    error, after = outcome.error, outcome.retry_after
    wait = "" if after is None else f", and the server asks to wait {after:g} s"
    return type(error)(f"{error} (the timeout is {timeout:g} s{wait})", problem=error.problem)


def _pause(attempt: int, retry_after: float | None) -> float:
    """Seconds to the next attempt: Retry-After and up to a second, else exponential, with full jitter."""
    if retry_after is not None:
        return retry_after + random.uniform(0, min(1.0, retry_after))  # noqa: S311 - spreads load
    return random.uniform(0, min(_LONGEST_PAUSE, _FIRST_PAUSE * 2**attempt))  # noqa: S311 - as above


def retry_after_seconds(value: str | None) -> float | None:
    """Seconds of a Retry-After header, a number or a date (RFC 9110, 10.2.3); None if there is none."""
    if not value:
        return None
    if value.strip().isdecimal():
        return float(value)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
