"""`app.api.headers`: what of a request's headers counts where a name comes more than once."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from app.api import headers
from app.api.headers import RequestHead

Fields = list[tuple[bytes, bytes]]


def values_of(*fields: tuple[bytes, bytes]) -> RequestHead:
    """Those of a request with these headers."""
    return RequestHead(list(fields))


def test_the_lines_of_a_list_are_one_list_in_their_order() -> None:
    """RFC 9110, 5.3."""
    found = values_of((b"accept", b"a"), (b"x", b"0"), (b"accept", b"b, c"), (b"accept", b""))
    assert found.joined(b"accept") == "a, b, c, "
    assert found.get(b"accept") == "a"
    assert found.joined(b"x") == "0"
    assert found.joined(b"y") is None


def test_a_single_value_conflicts_with_another_one_alone() -> None:
    """The same once more says nothing new."""
    assert not values_of((b"a", b"1")).conflicts(b"a")
    assert not values_of((b"a", b"1"), (b"a", b"1")).conflicts(b"a")
    assert not values_of((b"a", b"1"), (b"b", b"2"), (b"b", b"3")).conflicts(b"a")
    assert values_of((b"a", b"1"), (b"a", b"2")).conflicts(b"a")
    assert values_of((b"a", b"1"), (b"a", b"")).conflicts(b"a")


@given(st.lists(st.tuples(st.sampled_from([b"a", b"b"]), st.sampled_from([b"", b"1", b"2"])), max_size=6))
def test_however_often_a_name_comes(fields: Fields) -> None:
    """All of its values are in the list, and it conflicts if two of them differ."""
    found = RequestHead(fields)
    for name in (b"a", b"b"):
        values = [value for given, value in fields if given == name]
        assert found.joined(name) == (b", ".join(values).decode() if values else None)
        assert found.get(name) == (values[0].decode() if values else None)
        assert found.conflicts(name) == (len(set(values)) > 1)


def test_all_that_is_read_but_the_length_may_come_from_a_page() -> None:
    """A header that is added to those that are read is added to those that pages may send."""
    named = {value for value in vars(headers).values() if isinstance(value, bytes)}
    assert named == headers.REQUEST_HEADERS | {headers.CONTENT_LENGTH, headers.SERVER_TIMING}
