"""Answers with 200 that are no predictions: each an error with the URL, none a stack trace."""

from __future__ import annotations

import gzip
import json
from typing import Any

import httpx
import numpy as np
import pytest

from app.client import Client, UnexpectedResponse
from tests.app.client.mocked import CONTENT_TYPE, LENGTH, MODEL, SERIES, npy, records_for, served_by

GOOD = npy(records_for(SERIES[np.newaxis]))
PICKLE = npy(np.array([1], np.int8)).replace(b"'|i1'", b"'|O' ")
PLAIN = {"Content-Type": "application/x-npy"}
AS_NPY = {"Content-Type": CONTENT_TYPE}
OTHER_LAYOUT = {"Content-Type": CONTENT_TYPE.replace("layout=abc", "layout=abd")}
ANSWERS = {
    "portal": httpx.Response(200, html="<html>Sign in</html>"),
    "empty": httpx.Response(200),
    "no content": httpx.Response(204),
    "json": httpx.Response(200, json=[1]),
    "no npy": httpx.Response(200, content=b"x", headers=AS_NPY),
    "cut": httpx.Response(200, content=GOOD[:-1], headers=AS_NPY),
    "empty npy": httpx.Response(200, content=b"", headers=AS_NPY),
    "pickle": httpx.Response(200, content=PICKLE, headers=AS_NPY),
    "two for one": httpx.Response(200, content=npy(records_for(np.zeros((2, LENGTH)))), headers=AS_NPY),
    "plain npy": httpx.Response(200, content=npy(np.zeros((1, 2))), headers=PLAIN),
    "other fields": httpx.Response(200, content=GOOD, headers=OTHER_LAYOUT),
}


class Broken(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body that says gzip and is none."""

    async def __aiter__(self) -> Any:
        """Its parts."""
        yield gzip.compress(GOOD)[:-12] + b"broken"
        yield b"x" * 100


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_that_is_no_prediction_is_reported_with_its_url(name: str) -> None:
    """On one line."""
    with (
        Client("http://server", transport=served_by(lambda _: ANSWERS[name])) as client,
        pytest.raises(UnexpectedResponse, match=r"^http://server/predict: ") as info,
    ):
        client.predict(SERIES)
    assert str(info.value).isprintable()


def test_broken_compression_is_reported_with_its_url() -> None:
    """It will not be better the second time."""
    headers = {"Content-Type": CONTENT_TYPE, "Content-Encoding": "gzip"}
    with (
        Client(
            "http://server",
            transport=served_by(lambda _: httpx.Response(200, stream=Broken(), headers=headers)),
        ) as client,
        pytest.raises(
            UnexpectedResponse, match=r"^http://server/predict: the response cannot be decompressed"
        ),
    ):
        client.predict(SERIES)


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[]", b"<html>", b'{"contract": {"input": {"length": null}}}']
)
def test_a_server_that_describes_no_model_is_reported_so(content: bytes) -> None:
    """Another program may listen there."""
    transport = httpx.MockTransport(lambda _: httpx.Response(200, content=content))
    with (
        Client("http://server", transport=transport) as client,
        pytest.raises(UnexpectedResponse, match=r"^http://server/model: .* does not describe a model"),
    ):
        client.series_length()


def test_an_older_server_is_called_one() -> None:
    """Its description has no limits."""
    content = json.dumps({"contract": MODEL["contract"]})
    transport = httpx.MockTransport(lambda _: httpx.Response(200, content=content))
    with (
        Client("http://server", transport=transport) as client,
        pytest.raises(UnexpectedResponse, match="no limits; the server is older than this client"),
    ):
        client.predict(SERIES)
