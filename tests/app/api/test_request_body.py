"""`app.api.request_body`: bodies by the byte."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Iterator
from typing import NamedTuple

import pytest
from starlette.types import Message, Receive

from app.api.headers import RequestHead
from app.api.request_body import read_body
from app.errors import MalformedPayload, PayloadTooLarge, SlowPayload, UnsupportedMediaType
from tests.app.conftest import App, series


class Incoming(NamedTuple):
    """A request of which nothing has been read but its headers."""

    head: RequestHead
    receive: Receive


def request_of(*chunks: bytes, stalls: bool = False, leaves: bool = False, **headers: str) -> Incoming:
    """A request whose body arrives in chunks, and then perhaps never ends, or its sender leaves."""
    messages = iter(chunks)

    async def receive() -> Message:
        for chunk in messages:
            return {"type": "http.request", "body": chunk, "more_body": True}
        if stalls:
            await asyncio.Event().wait()
        if leaves:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": b"", "more_body": False}

    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Incoming(RequestHead(raw), receive)


def read(request: Incoming, *, max_bytes: int = 10, seconds: float = 60.0) -> bytes:
    """Read a body on a loop of its own."""

    async def scenario() -> bytes:
        deadline = asyncio.get_running_loop().time() + seconds
        return await read_body(request.head, request.receive, max_bytes=max_bytes, deadline=deadline)

    return asyncio.run(scenario())


def test_chunks_are_joined() -> None:
    """A body may come in pieces, up to the limit."""
    assert read(request_of(b"01234", b"56789")) == b"0123456789"


def test_an_encoding_in_several_lines_is_one_list() -> None:
    """And what follows from that: two compressions are not read, one is."""
    receive = request_of(gzip.compress(b"x")).receive
    lines = [(b"content-encoding", b"identity"), (b"content-encoding", b"gzip")]
    assert read(Incoming(RequestHead(lines), receive), max_bytes=100) == b"x"
    with pytest.raises(UnsupportedMediaType, match="Content-Encoding gzip, gzip is not supported"):
        read(Incoming(RequestHead([lines[1]] * 2), request_of(b"x").receive))


def test_a_body_without_a_length_is_cut_off_at_the_limit() -> None:
    """One byte more than the limit is too many, however it is sent."""
    with pytest.raises(PayloadTooLarge, match="larger than 10 bytes"):
        read(request_of(b"01234", b"567890"))


def test_a_length_beyond_the_limit_is_refused_before_reading() -> None:
    """The stream is not touched."""
    with pytest.raises(PayloadTooLarge, match="the body has 11 bytes; the limit is 10"):
        read(request_of(stalls=True, content_length="11"))


def test_a_length_that_is_no_number_is_malformed() -> None:
    """Not a reason to fail with 500."""
    with pytest.raises(MalformedPayload, match="'1e3', not a number of bytes"):
        read(request_of(content_length="1e3"))


def test_a_body_that_stalls_is_given_up_at_the_deadline() -> None:
    """A slow sender holds nothing for longer than a request may take."""
    with pytest.raises(SlowPayload, match="only 3 bytes of the body arrived in time"):
        read(request_of(b"abc", stalls=True), seconds=0.01)


def test_a_client_that_disconnects_is_reported_apart_from_a_slow_one() -> None:
    """What arrived of the body is a fault of the request, not of the server."""
    with pytest.raises(MalformedPayload, match="the connection ended after 3 bytes"):
        read(request_of(b"abc", leaves=True))


def test_a_compressed_body_is_measured_decompressed() -> None:
    """A small body that unpacks into a large one is too large."""
    with pytest.raises(PayloadTooLarge):
        read(request_of(gzip.compress(bytes(1000)), content_encoding="gzip"), max_bytes=100)


def test_gzip_over_http(app: App) -> None:
    """A client may compress its body; broken gzip is told as that."""
    body = gzip.compress(json.dumps({"instances": series(1.0).tolist()}).encode())
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    assert app.client.post("/predict", content=body, headers=headers).status_code == 200
    broken = app.client.post("/predict", content=body[:-9], headers=headers)
    assert (broken.status_code, broken.json()["type"]) == (400, "/problems/malformed")


def test_a_chunked_body_over_http(app: App) -> None:
    """Without Content-Length the body is read as it comes, and cut off at the limit."""

    def chunks(count: int) -> Iterator[bytes]:
        for _ in range(count):
            yield b" " * 10_000
        yield json.dumps({"instances": series(1.0).tolist()}).encode()

    headers = {"Content-Type": "application/json"}
    assert app.client.post("/predict", content=chunks(1), headers=headers).status_code == 200
    assert app.client.post("/predict", content=chunks(11), headers=headers).status_code == 413
