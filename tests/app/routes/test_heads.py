"""`app.routes.heads`: which heads are kept, and what is found by them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.routes.headers import FirstValues
from app.routes.heads import LONGEST, MOST, Head, KnownHeads
from app.routes.predict import Wish
from tests.app.routes.wire import Headers, head, post

BODY = b'{"instances": []}'
LENGTH = ("Content-Length", str(len(BODY)))
WISH = Wish("application/json", None, abstain=False, version=None, seconds=10.0)


def read(fields: Headers = (), *, length: int = len(BODY), wish: Wish | None = WISH) -> Head:
    """What the parser and the service make of a head."""
    names = [("Content-Length", str(length)), *fields]
    raw = [(name.lower().encode(), str(value).encode()) for name, value in names]
    found = Head(FirstValues({"headers": raw}), keep_alive=True)
    found.wish = wish
    return found


def test_a_head_is_found_again_with_the_body_that_follows() -> None:
    """Whatever that is, if it is as long as the head says."""
    heads, known = KnownHeads(), read()
    heads.keep(post(BODY), known)
    assert heads.find(post(BODY)) == (known, BODY)
    other = bytes(reversed(BODY))
    assert heads.find(post(other)) == (known, other)


@given(st.integers(0, len(post(BODY)) - 1), st.binary(min_size=1, max_size=40), st.booleans())
def test_nothing_else_is(at: int, more: bytes, cut: bool) -> None:
    """Not a part of the request, not what is more than it, and no head that differs by a byte."""
    heads, request = KnownHeads(), post(BODY)
    heads.keep(request, read())
    assert heads.find(request[:at]) is None
    assert heads.find(request + more) is None
    assert heads.find(more + request) is None
    before_body = len(request) - len(BODY)
    if at < before_body:
        changed = request[:at] + (b"" if cut else bytes([request[at] ^ 1])) + request[at + 1 :]
        assert heads.find(changed) is None


@pytest.mark.parametrize(
    "field",
    [
        ("Authorization", "Bearer key"),
        ("X-API-Key", "key"),
        ("Cookie", "a=b"),
        ("Proxy-Authorization", "Basic YTpi"),
        ("X-Request-Id", "1"),
        ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        ("tracestate", "a=b"),
    ],
)
def test_secrets_and_what_never_comes_again_are_not_kept(field: tuple[str, str]) -> None:
    """The memory holds no key of a caller that has gone, and is not filled with what is of no use."""
    heads = KnownHeads()
    heads.keep(post(BODY, [field]), read([field]))
    assert len(heads) == 0


@pytest.mark.parametrize(
    ("data", "kept"),
    [
        pytest.param(post(BODY), read(), id="as it should be"),
        pytest.param(post(BODY), read(wish=None), id="what it asks for was not read"),
        pytest.param(post(BODY)[:-1], read(), id="a byte too little"),
        pytest.param(post(BODY) + b"P", read(), id="a byte too many"),
        pytest.param(head("POST", "/predict", [LENGTH]), read(), id="no body"),
        pytest.param(head("POST", "/predict", [LENGTH])[:-2], read(), id="no end"),
        pytest.param(post(BODY, [("X", "a" * LONGEST)]), read(), id="too long"),
        # Its head ends before its body does what looks like one.
        pytest.param(
            b"POST /predict HTTP/1.1\nContent-Length: 6\n\nab\r\n\r\nabcdef", read(length=6), id="LF"
        ),
    ],
)
def test_only_a_whole_request_makes_its_head_known(
    request: pytest.FixtureRequest, data: bytes, kept: Head
) -> None:
    """Where its head ends is then beyond doubt."""
    heads = KnownHeads()
    heads.keep(data, kept)
    assert len(heads) == ("as it should be" in request.node.name)


def test_there_is_an_end_to_what_is_kept() -> None:
    """The oldest goes first."""
    heads = KnownHeads()
    requests = [post(BODY, [("X", str(number))]) for number in range(MOST + 2)]
    for request in requests:
        heads.keep(request, read())
    assert len(heads) == MOST
    assert [heads.find(request) is None for request in requests[:3]] == [True, True, False]
    assert heads.find(requests[-1]) is not None
