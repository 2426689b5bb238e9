"""Errors of stores: one line each, with the URL, without credentials."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from app.errors import StoreDenied, StoreError, StoreUnavailable, StoreUnsupported
from app.store import StoreTimeouts, is_url, open_store, shown_url
from qa.harness.server import free_port
from tests.support.object_stores import BUCKET, ObjectStoreServer

BRIEF = StoreTimeouts(connect=1.0, read=1.0, retries=1, total=1.0)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://user:secret@host/x/?token=secret#secret", "https://host/x"),
        ("s3://secret@bucket/a@b", "s3://bucket/a@b"),
        ("/srv/a?b", "/srv/a?b"),
    ],
)
def test_messages_have_urls_without_credentials(url: str, shown: str) -> None:
    """User, password, query and fragment are left out; paths of folders stay as they are."""
    assert shown_url(url) == shown
    assert is_url(url) is (url != shown)


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("ftp://host/x", "ftp://host/x: unknown scheme; use s3://"),
        ("s3://", "names no bucket or host; use s3://BUCKET/FOLDER"),
        ("https://", "names no bucket or host"),
        ("https://host/x?sig=secret", "https://host/x: a URL with a query"),
        ("s3://id:secret@bucket/x", "s3://bucket/x: has credentials in it; set them in the environment"),
        ("http://[::1", "names no bucket or host"),
        (
            "az://container/x",
            "az://container/x: cannot be opened (Generic MicrosoftAzure error: Account must be",
        ),
    ],
)
def test_urls_that_name_no_store_are_refused(url: str, problem: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With what to do, and before any request."""
    for name in ("AZURE_STORAGE_ACCOUNT_NAME", "AZURE_ACCOUNT_NAME"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(StoreUnsupported) as caught:
        open_store(url)
    assert problem in str(caught.value)
    assert "secret" not in str(caught.value)


def test_without_the_package_the_error_names_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder needs no package."""
    monkeypatch.setitem(sys.modules, "obstore", None)
    monkeypatch.delitem(sys.modules, "app.store.objects", raising=False)
    monkeypatch.delitem(sys.modules, "app.store.failures", raising=False)
    with pytest.raises(
        StoreUnsupported, match="s3:// needs the package obstore; install requirements/extras"
    ):
        open_store("s3://bucket/x")
    open_store(Path("x"))


def test_a_store_that_is_away_is_unavailable() -> None:
    """Nothing listens there; the password of the URL is not in the message."""
    port = free_port()
    store = open_store(f"http://user:secret@127.0.0.1:{port}/x/", timeouts=BRIEF)
    with pytest.raises(StoreUnavailable) as caught:
        store.read("a/b")
    place, reason = f"http://127.0.0.1:{port}/x/a/b", "cannot be reached or fails (connection refused)"
    assert str(caught.value) == f"{place}: {reason}; check URL and network"


def test_wrong_credentials_are_said(seaweed: ObjectStoreServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """For objects and for lists, with the store's code for it."""
    for name, value in {**seaweed.environment, "AWS_SECRET_ACCESS_KEY": "wrong"}.items():
        monkeypatch.setenv(name, value)
    store = open_store(f"s3://{BUCKET}/x", timeouts=BRIEF)
    for call in (lambda: store.read("a"), store.children, lambda: store.create("a", b"")):
        with pytest.raises(
            StoreDenied, match=r"access denied \(status 403 SignatureDoesNotMatch\); check or renew"
        ):
            call()


def test_a_missing_bucket_is_said(moto: ObjectStoreServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not an empty folder."""
    for name, value in moto.environment.items():
        monkeypatch.setenv(name, value)
    store = open_store("s3://no-such-bucket/x", timeouts=BRIEF)
    for call in (lambda: store.read("a"), store.children, lambda: store.create("a", b"")):
        with pytest.raises(StoreError, match=r"s3://no-such-bucket/x.*: the bucket does not exist"):
            call()


def test_an_http_server_takes_no_conditional_writes_and_has_no_list() -> None:
    """Refused without a request."""
    store = open_store(f"http://127.0.0.1:{free_port()}/x", timeouts=BRIEF)
    with pytest.raises(StoreUnsupported, match="x/a: an HTTP server has no conditional writes"):
        store.create("a", b"")
    with pytest.raises(StoreUnsupported, match="x/a: an HTTP server has no conditional writes"):
        store.replace("a", b"", etag="1")
    with pytest.raises(StoreUnsupported, match="x: an HTTP server cannot list"):
        store.children()
    with pytest.raises(StoreUnsupported, match="x: an HTTP server cannot list"):
        list(store.list())
