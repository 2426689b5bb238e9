"""Errors of the client. `str(error)` is one line: what is wrong, where, and what to do."""

from __future__ import annotations

from app.client.schemas import Problem
from app.errors import AppError


class ClientError(AppError):
    """Base of all errors of the client.

    Attributes:
        problem: the server's problem document, if it sent one.
    """

    def __init__(self, message: str, *, problem: Problem | None = None) -> None:
        super().__init__(message)
        self.problem = problem


class InvalidOptions(ClientError):
    """The URL, the API key or a variable of the environment is invalid."""


class InvalidSeries(ClientError):
    """The series are not what the model takes; nothing of this request was sent."""


class ServerUnavailable(ClientError):
    """There was no response in time: no connection, a broken one, or a server that refused all attempts."""


class RequestRefused(ClientError):
    """The server refused the request, and would refuse it again."""


class UnexpectedResponse(ClientError):
    """A response is not one of this server: another program's, a login page, or damaged."""
