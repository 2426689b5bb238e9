"""Reading responses, and writing requests by the byte."""

from __future__ import annotations

import pytest

from qa.harness.messages import ResponseParser, get, post, read_answers, read_whole_answers

WHOLE = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Replica: one\r\n\r\nhi"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"


@pytest.mark.parametrize("sent", [WHOLE, CHUNKED])
def test_a_response_is_read_once_it_is_whole(sent: bytes) -> None:
    """No part of it is a response yet, wherever it is cut; the whole is."""
    for end in range(1, len(sent)):
        parser = ResponseParser()
        parser.feed(sent[:end])
        assert (list(parser.responses), parser.is_within, parser.is_answered) == ([], True, False)
        parser.feed(sent[end:])
        [response] = parser.responses
        assert (response.status, response.body, parser.is_within) == (200, b"hi", False)


def test_headers_match_in_any_case_and_are_all_kept() -> None:
    """One that comes twice is there twice; one that does not come is None."""
    [response] = read_answers(WHOLE.replace(b"\r\n\r\n", b"\r\nx-replica: \t two \r\n\r\n"))
    assert response.headers.get_all("X-REPLICA") == ["one", "two"]
    assert response.headers["x-other"] is None


@pytest.mark.parametrize(
    "received",
    [
        WHOLE + b"!",
        b"HTTP/1.1 200 OK\r\n\r\nhi",
        b"HTTP/1.1 abc\r\nContent-Length: 0\r\n\r\n",
        b"SSH-2.0-x",
        WHOLE.replace(b"1.1", b"1.0"),
        WHOLE.replace(b"\r\n", b"\n"),
        WHOLE.replace(b"X-Replica", b"Content-Length"),
        WHOLE.replace(b"X-Replica: one", b"Content-Length: 2"),
        WHOLE.replace(b"X-Replica: one", b"Connection: close") + WHOLE,
    ],
    ids=["more", "no length", "no status", "no HTTP", "HTTP/1.0", "line feeds", "word", "twice", "after"],
)
def test_what_is_no_response_is_an_error(received: bytes) -> None:
    """Nothing is guessed: neither where a body ends nor what was meant."""
    with pytest.raises(ValueError, match=r".+"):
        read_answers(received)


def test_informational_responses_come_before_the_final_one() -> None:
    """They are responses, but no answer."""
    parser = ResponseParser()
    parser.feed(b"HTTP/1.1 100 Continue\r\n\r\n")
    assert not parser.is_answered
    parser.feed(WHOLE)
    assert [parser.is_answered] == [True]
    assert [response.status for response in parser.responses] == [100, 200]


def test_a_response_without_its_body_is_whole_where_that_may_be() -> None:
    """As of HEAD, whose Content-Length is that of a body that does not come."""
    parser = ResponseParser(heads=True)
    parser.feed(WHOLE[:-2])
    assert (parser.is_within, parser.is_answered) == (False, True)


def test_a_stream_that_ends_within_a_response_is_reported() -> None:
    """Unless it is still written to."""
    with pytest.raises(EOFError):
        read_answers(WHOLE + WHOLE[:-1])
    assert len(read_whole_answers(WHOLE + WHOLE[:-1])) == 1


def test_requests_are_written_as_they_are_given() -> None:
    """With Host first, and a body by its length or in chunks."""
    assert get("/x") == b"GET /x HTTP/1.1\r\nHost: x\r\n\r\n"
    assert post(b"abc", [("A", b"\xff")], target="/y", version="1.0") == (
        b"POST /y HTTP/1.0\r\nHost: x\r\nContent-Length: 3\r\nA: \xff\r\n\r\nabc"
    )
    assert post(b"abc", chunks=2).endswith(b"chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n")
