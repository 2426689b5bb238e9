"""Turns the errors of obstore into one line each, without the addresses and headers that they carry."""

from __future__ import annotations

import re

from obstore import exceptions

from app.errors import (
    ObjectConflict,
    ObjectMissing,
    StoreDenied,
    StoreError,
    StoreUnavailable,
    StoreUnsupported,
)
from app.store.base import CONFLICT

_STATUS = re.compile(r"status code: (\d{3})")
_CODE = re.compile(r"<Code>(\w+)</Code>")
# S3's codes for credentials that are no longer valid come with status 400.
_CREDENTIAL_CODES = frozenset(
    {"ExpiredToken", "InvalidToken", "TokenRefreshRequired", "RequestExpired", "InvalidAccessKeyId"}
)
_CLOCK_CODES = frozenset({"RequestTimeTooSkewed"})
# Words of the errors below an HTTP client's "error sending request", and what they mean.
_NETWORK = (
    ("dns error", "its name cannot be resolved"),
    ("Connection refused", "connection refused"),
    ("certificate", "its certificate is not trusted"),
    ("operation timed out", "timeout"),
    ("TimedOut", "timeout"),
    ("deadline has elapsed", "timeout"),
    ("Connection reset", "connection reset"),
    ("IncompleteMessage", "connection closed"),
    ("decoding response body", "connection broken"),
    ("body error", "connection broken"),
    ("BadScheme", "the endpoint is http:// where https:// is expected"),
    ("error sending request", "no connection"),
)


def store_error(error: Exception, place: str) -> StoreError:
    """The error of the application for one of obstore.

    Args:
        error: as raised by obstore.
        place: the URL that it is about, without credentials.
    """
    text = str(error)
    if isinstance(error, FileNotFoundError):
        if "NoSuchBucket" in text:
            return StoreError(f"{place}: the bucket does not exist; check the URL and the endpoint")
        return ObjectMissing(f"{place}: does not exist")
    if isinstance(error, exceptions.AlreadyExistsError | exceptions.PreconditionError):
        return ObjectConflict(f"{place}: {CONFLICT}")
    if isinstance(error, exceptions.NotSupportedError | NotImplementedError):
        return StoreUnsupported(f"{place}: the store does not support this operation")
    status, code = _STATUS.search(text), _CODE.search(text)
    return _by_status(int(status[1]) if status else 0, code[1] if code else "", text, place, error)


def _by_status(status: int, code: str, text: str, place: str, error: Exception) -> StoreError:
    said = " ".join(filter(None, (f"status {status}" if status else "", code)))
    if code in _CLOCK_CODES:
        return StoreDenied(f"{place}: access denied ({said}); set this machine's clock")
    if _is_about_credentials(text):
        return StoreDenied(
            f"{place}: no credentials found in the environment; set them, such as AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY"
        )
    denied = isinstance(error, exceptions.PermissionDeniedError | exceptions.UnauthenticatedError)
    if denied or status in (401, 403) or code in _CREDENTIAL_CODES:
        return StoreDenied(f"{place}: access denied ({said or 'no status'}); check or renew the credentials")
    if code == "NoSuchBucket":
        return StoreError(f"{place}: the bucket does not exist; check the URL and the endpoint")
    if "Range request not supported" in text or status == 416:
        return StoreUnsupported(f"{place}: the server does not send that part of the object")
    if status and status < 500 and status not in (408, 429):
        return StoreError(f"{place}: the store refused the request ({said})")
    reason = said or next((meaning for word, meaning in _NETWORK if word in text), "")
    reason = reason or text.split("\n", 1)[0].rpartition(" - ")[2][:120]
    return StoreUnavailable(f"{place}: cannot be reached or fails ({reason}); check URL and network")


def _is_about_credentials(text: str) -> bool:
    """Whether the error is one of asking the metadata service of a cloud for credentials."""
    return "169.254.169.254" in text or "169.254.170.2" in text or "metadata.google.internal" in text
