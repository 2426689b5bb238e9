"""Received bytes of a connection, in pieces for the parser.

A parser that got all bytes would parse thousands of pipelined requests before the first response. So it gets
pieces that end at the end of a message or before; the rest stays here.
"""

from __future__ import annotations

_END_OF_HEAD = b"\r\n\r\n"  # and of every chunked body
_CUT = len(_END_OF_HEAD) - 1
_BLANK = b"\r\n"


class InputBuffer:
    """Received bytes that are not parsed yet.

    Attributes:
        unread: their number.
    """

    def __init__(self) -> None:
        self.unread = 0
        self._data = b""
        self._at = 0  # number of bytes that were taken
        self._before = b""  # the last bytes that were taken of a head or a chunked body

    def add(self, data: bytes) -> None:
        """Append received bytes."""
        self._data = self._data[self._at :] + data if self.unread else data
        self._at = 0
        self.unread = len(self._data)

    def drop(self) -> None:
        """Discard all bytes."""
        self._data, self._at, self.unread = b"", 0, 0

    def compact(self) -> None:
        """Free the memory of bytes that were taken."""
        if self._at > len(self._data) // 2:
            self._data, self._at = self._data[self._at :], 0

    def take(self, max_bytes: int) -> bytes | memoryview:
        """Take up to `max_bytes` bytes: of a body with a known length."""
        data, start = self._data, self._at
        if max_bytes < self.unread:
            self._at = end = start + max_bytes
            self.unread -= max_bytes
            return memoryview(data)[start:end]
        self._data, self._at, self.unread = b"", 0, 0
        return memoryview(data)[start:] if start else data

    def take_piece(self, max_bytes: int, *, in_message: bool) -> bytes | memoryview:
        """Take the next bytes, up to where a head or a chunked body may end.

        Args:
            max_bytes: maximum number of bytes.
            in_message: whether a part of the message was taken before.
        """
        data, start = self._data, self._at
        if not in_message and data[start] in _BLANK:  # blank lines before a head are one piece
            blank = data[start : start + max_bytes]
            return self.take(len(blank) - len(blank.lstrip(_BLANK)))
        before = self._before if in_message else b""
        cut = (before + data[start : start + _CUT]).find(_END_OF_HEAD) if before else -1
        if cut >= 0:
            size = cut + len(_END_OF_HEAD) - len(before)
        else:
            end = data.find(_END_OF_HEAD, start, start + max_bytes)
            size = end + len(_END_OF_HEAD) - start if end >= 0 else 0
        if 0 < size <= max_bytes:
            self._before = _END_OF_HEAD[1:]
            return self.take(size)
        piece = self.take(max_bytes)
        self._before = (before + bytes(piece[-_CUT:]))[-_CUT:]
        return piece
