"""The bytes that have come on a connection, and how far the parser may read them.

A parser that is given all of them reads thousands of requests in one go, before the first is answered. So it
gets pieces, each of which ends at the end of a message or before: what is behind it stays here.
"""

from __future__ import annotations

_END_OF_HEAD = b"\r\n\r\n"  # and of every body in chunks
_CUT = len(_END_OF_HEAD) - 1
_BLANK = b"\r\n"


class InputBuffer:
    """Bytes that have come and wait to be read.

    Attributes:
        unread: how many there are.
    """

    def __init__(self) -> None:
        self.unread = 0
        self._data = b""
        self._at = 0  # how much of that was read
        self._before = b""  # the last bytes that were read of a head or a body in chunks

    def add(self, data: bytes) -> None:
        """Keep bytes behind those that are unread."""
        self._data = self._data[self._at :] + data if self.unread else data
        self._at = 0
        self.unread = len(self._data)

    def drop(self) -> None:
        """Throw away what is unread."""
        self._data, self._at, self.unread = b"", 0, 0

    def compact(self) -> None:
        """Hold no memory for what was read."""
        if self._at > len(self._data) // 2:
            self._data, self._at = self._data[self._at :], 0

    def take(self, most: int) -> bytes | memoryview:
        """The next bytes, up to so many: of a body whose length is known."""
        data, start = self._data, self._at
        if most < self.unread:
            self._at = end = start + most
            self.unread -= most
            return memoryview(data)[start:end]
        self._data, self._at, self.unread = b"", 0, 0
        return memoryview(data)[start:] if start else data

    def take_piece(self, most: int, *, in_message: bool) -> bytes | memoryview:
        """The next bytes, up to where a head or a body in chunks may end.

        Args:
            most: of them.
            in_message: whether some of the message was taken.
        """
        data, start = self._data, self._at
        if not in_message and data[start] in _BLANK:  # blank lines before a head are one piece
            blank = data[start : start + most]
            return self.take(len(blank) - len(blank.lstrip(_BLANK)))
        before = self._before if in_message else b""
        cut = (before + data[start : start + _CUT]).find(_END_OF_HEAD) if before else -1
        if cut >= 0:
            size = cut + len(_END_OF_HEAD) - len(before)
        else:
            end = data.find(_END_OF_HEAD, start, start + most)
            size = end + len(_END_OF_HEAD) - start if end >= 0 else 0
        if 0 < size <= most:
            self._before = _END_OF_HEAD[1:]
            return self.take(size)
        piece = self.take(most)
        self._before = (before + bytes(piece[-_CUT:]))[-_CUT:]
        return piece
