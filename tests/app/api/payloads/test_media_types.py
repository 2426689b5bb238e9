"""Which decoder a Content-Type gets, and which answer an Accept gets."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.api.payloads import JSON, NPY, NPY_FIELDS, Decoders, JsonDecoder, NpyDecoder, response_type
from app.errors import UnsupportedMediaType
from app.series.spec import SeriesSpec

DECODERS = Decoders(SeriesSpec(5), max_instances=2)


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "",
        "application/json",
        "Application/JSON",
        "application/json; charset=utf-8",
        'application/json;charset="UTF-8"',
        "application/json; charset=utf8",
        "application/json; charset=us-ascii",
        "application/json; charset=ASCII",
        "application/json; charset=ANSI_X3.4-1968",
        "application/json; charset=iso646-us",
        "application/json; charset=csUTF8",
        "application/json; charset=utf-8; charset=us-ascii",
        "application/json; profile=x",
        "application/json;",
    ],
)
def test_json_is_recognised(content_type: str | None) -> None:
    """JSON is read in UTF-8 with any parameters, and is what a body without a type is taken for."""
    assert isinstance(DECODERS.for_content_type(content_type), JsonDecoder)


@pytest.mark.parametrize("content_type", ["application/x-npy", "APPLICATION/X-NPY", "application/x-npy; a=b"])
def test_npy_is_recognised(content_type: str) -> None:
    """The npy media type is read with any parameters."""
    assert isinstance(DECODERS.for_content_type(content_type), NpyDecoder)


@pytest.mark.parametrize(
    ("content_type", "message"),
    [
        ("text/plain", "media type text/plain is not supported; send application/json or application/x-npy"),
        (
            "application/x-www-form-urlencoded",
            (
                "media type application/x-www-form-urlencoded is not supported; "
                "send application/json or application/x-npy"
            ),
        ),
        ("json", "media type json is not supported; send application/json or application/x-npy"),
        (
            "application/jsonx",
            "media type application/jsonx is not supported; send application/json or application/x-npy",
        ),
        (";", "media type  is not supported; send application/json or application/x-npy"),
        (
            "application/json; charset=latin-1",
            "application/json in charset latin-1 is not supported; send UTF-8",
        ),
        (
            "application/json; charset=iso-8859-1",
            "application/json in charset iso-8859-1 is not supported; send UTF-8",
        ),
        (
            "application/json; charset=utf-8-sig",
            "application/json in charset utf-8-sig is not supported; send UTF-8",
        ),
        (
            "application/json; charset=latin-1; charset=utf-8",
            "application/json in charset latin-1 is not supported; send UTF-8",
        ),
        (
            "application/json; charset=utf-8; charset=utf-16",
            "application/json in charset utf-16 is not supported; send UTF-8",
        ),
        (
            "application/json; charset=UTF-16",
            "application/json in charset utf-16 is not supported; send UTF-8",
        ),
        ("application/json; charset=", "application/json in charset  is not supported; send UTF-8"),
    ],
)
def test_another_type_is_refused_with_the_ones_that_are_read(content_type: str, message: str) -> None:
    """An unknown media type or character set is named with what to send instead."""
    with pytest.raises(UnsupportedMediaType) as caught:
        DECODERS.for_content_type(content_type)
    assert str(caught.value) == message


def test_a_charset_imports_nothing() -> None:
    """Its name is the client's, and a module of that name is none of its business."""
    before = set(sys.modules)
    for name in ("antigravity", "this", "uu_codec", "cp037", "utf_7", "mbcs"):
        with pytest.raises(UnsupportedMediaType):
            DECODERS.for_content_type(f"application/json; charset={name}")
    assert set(sys.modules) == before


@given(st.text(max_size=300))
def test_any_content_type_gets_a_decoder_or_one_short_line(content_type: str) -> None:
    """No header value breaks the choice of a decoder, or the line that refuses it."""
    try:
        decoder = DECODERS.for_content_type(content_type)
    except UnsupportedMediaType as error:
        assert str(error).isprintable()  # noqa: PT017 - both outcomes are right
        assert len(str(error)) < 500  # noqa: PT017
    else:
        assert isinstance(decoder, JsonDecoder | NpyDecoder)


@pytest.mark.parametrize(
    "accept",
    [
        "application/x-npy",
        "Application/X-NPY",
        "application/x-npy, application/json;q=0.9",
        "application/json;q=0.9,application/x-npy",
        "application/x-npy;q=0.5, text/html, */*;q=0.1",
        "application/x-npy;q=0.002, application/json;q=0.001",
        "application/x-npy, application/json;q=0, */*",
        "application/x-npy;version=1;q=0.8, application/json ; q=0.7",
        "application/x-npy, application/json;q=0.5, application/*;q=1",
        "application/x-npy;q=0.5, application/*;q=0.1, */*",
    ],
)
def test_npy_is_given_where_it_is_preferred(accept: str) -> None:
    """An answer is npy where npy is named with a higher weight than JSON gets."""
    assert response_type(accept) == NPY


@pytest.mark.parametrize(
    "accept",
    [
        None,
        "",
        "*/*",
        "application/*",
        "application/json",
        "text/html",
        "application/x-npy, application/json",
        "application/x-npy, */*",
        "application/x-npy;q=0.5, application/json",
        "application/x-npy;q=0.5, application/*",
        "application/x-npy;q=0",
        "application/x-npy;q=2",
        "application/x-npy;q=nan",
        "application/x-npy;q=",
        "application/x-npyz",
        ",;=",
    ],
)
def test_json_is_given_otherwise(accept: str | None) -> None:
    """JSON is the answer by default, on a tie, and where the header makes no sense."""
    assert response_type(accept) == JSON


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("application/x-npy; fields=all", NPY_FIELDS),
        ('Application/X-NPY;Fields = "ALL";q=0.5', NPY_FIELDS),
        ("application/x-npy; fields=all, application/x-npy", NPY_FIELDS),
        ("application/x-npy; fields=all;q=0.5, application/x-npy", NPY),
        ("application/x-npy; fields=some", NPY),
        ("application/x-npy; fields=all, application/json", JSON),
    ],
)
def test_all_fields_are_given_if_requested(accept: str, media_type: str) -> None:
    """The parameter is part of the media type; weights decide between both kinds of npy."""
    assert response_type(accept) == media_type


@given(st.text(alphabet="application/x-npyjson*;=q01., ", max_size=200) | st.text(max_size=100))
def test_npy_is_given_only_where_it_is_named(accept: str) -> None:
    """Whatever the header is, npy is never the answer to someone who did not name it."""
    assert response_type(accept) == JSON or "application/x-npy" in accept.lower()
