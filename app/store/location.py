"""Tells URLs from folders, and keeps credentials out of messages."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from app.errors import StoreUnsupported

# Those that obstore opens, with the extra names of Azure's and Google's.
SCHEMES = ("s3", "s3a", "gs", "az", "azure", "abfs", "abfss", "adl", "http", "https")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")


def is_url(text: str) -> bool:
    """Whether a text is a URL rather than the path of a file or folder."""
    return _SCHEME.match(text) is not None


def shown_url(url: str) -> str:
    """A URL for messages: without user, password, query and fragment."""
    match = _SCHEME.match(url)
    if match is None:
        return url
    rest = re.split(r"[?#]", url[match.end() :], maxsplit=1)[0]
    place, slash, path = rest.partition("/")
    return f"{match[0]}{place.rpartition('@')[2]}{slash}{path}".rstrip("/")


def check_url(url: str) -> str:
    """The URL of a store without a slash at its end.

    Raises:
        StoreUnsupported: its scheme is not supported, it names no bucket or host, or it has a query.
    """
    shown = shown_url(url)
    match = _SCHEME.match(url)
    if match is None or match[1].lower() not in SCHEMES:
        raise StoreUnsupported(f"{shown}: unknown scheme; use s3://, gs://, az://, https:// or a folder")
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        host = None
    if not host:
        raise StoreUnsupported(f"{shown}: names no bucket or host; use {match[1]}://BUCKET/FOLDER")
    if parts.query or parts.fragment:
        raise StoreUnsupported(
            f"{shown}: a URL with a query or fragment cannot name a folder; a signed URL names one object. "
            "Use credentials from the environment"
        )
    if parts.scheme not in ("http", "https") and "@" in parts.netloc and not parts.scheme.startswith("abfs"):
        raise StoreUnsupported(f"{shown}: has credentials in it; set them in the environment")
    return url.rstrip("/")
