"""What is asked: golden series that can be told apart, and requests that deserve their errors."""

from __future__ import annotations

import asyncio
import io
import json
from itertools import combinations
from urllib.parse import urlsplit

import numpy as np

from app.contract import Artifact
from qa.chaos.bad_requests import bad_requests
from qa.chaos.client import Client
from qa.chaos.ledger import Ledger
from qa.chaos.questions import Book
from qa.harness.server import ServerProcess


def test_no_two_series_can_pass_for_each_other(artifact: Artifact) -> None:
    """Even if both are off by the whole tolerance, the answer to one is not right for another."""
    book = Book.of(artifact)
    assert len(book.series) >= 5
    for one, other in combinations(book.answers, 2):
        assert np.abs(one - other).max() > 2 * book.tolerance


def test_bodies_hold_the_very_numbers(artifact: Artifact) -> None:
    """JSON and npy read back as the same float32, in the order of the expected answers."""
    book = Book.of(artifact)
    text, binary = book.json(3, seed=4), book.npy(3, seed=4)
    read = np.array(json.loads(text.body)["instances"], np.float32)
    np.testing.assert_array_equal(read, np.load(io.BytesIO(binary.body)))
    for series, expected in zip(read, text.expected, strict=True):
        place = int(np.flatnonzero((book.series == series).all(axis=1))[0])
        np.testing.assert_array_equal(book.answers[place], expected)


def test_the_real_server_answers_all_of_it_as_expected(artifact: Artifact, server: ServerProcess) -> None:
    """Good questions get the golden answers, bad ones the statuses that they deserve."""
    book = Book.of(artifact)
    ledger = Ledger()
    questions = [*book.mixed(copies=1), *bad_requests(book)]
    port = urlsplit(server.url).port
    assert port is not None

    async def scenario() -> None:
        client = Client(port, book, ledger)
        for question in questions:
            if connection := await client.ask(question):
                connection.close()

    asyncio.run(scenario())
    assert ledger.tally().answered == len(questions), ledger.faults(most=20)
