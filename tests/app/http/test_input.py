"""`app.http.input`: all that comes is read, once and in order, in pieces that end where a message may end."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from app.http.input import InputBuffer

END = b"\r\n\r\n"
# Line ends in every combination, cut anywhere.
Part = st.binary(min_size=1, max_size=8) | st.sampled_from([b"\r", b"\n", b"\r\n", END])
Parts = st.lists(Part, max_size=12)


@given(parts=Parts, most=st.integers(1, 9), reads=st.lists(st.booleans(), max_size=30))
def test_no_piece_goes_beyond_an_end(parts: list[bytes], most: int, reads: list[bool]) -> None:
    """Within a message, wherever the end was cut: by what came, or by the size of a piece."""
    buffer, read, come = InputBuffer(), b"", list(parts)
    for takes in [*reads, *[False, *[True] * 100] * len(parts)]:
        if takes and buffer.unread:
            piece = bytes(buffer.take_piece(most, in_message=True))
            assert 0 < len(piece) <= most
            assert END not in (read[-3:] + piece)[:-1]
            read += piece
            buffer.compact()
        elif come:
            buffer.add(come.pop(0))
        assert buffer.unread == len(b"".join(parts)) - len(read) - len(b"".join(come))
    assert read == b"".join(parts)


@given(data=st.binary(min_size=1), sizes=st.lists(st.integers(1, 9)))
def test_a_body_of_known_length_is_taken_to_the_byte(data: bytes, sizes: list[int]) -> None:
    """No more than there is, and no more than is asked for."""
    buffer, read = InputBuffer(), b""
    buffer.add(data)
    for size in sizes:
        if buffer.unread:
            left = len(data) - len(read)
            piece = bytes(buffer.take(size))
            assert len(piece) == min(size, left)
            read += piece
    assert data.startswith(read)
    buffer.drop()
    assert buffer.unread == 0
