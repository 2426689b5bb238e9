"""What was read off a request's head, and heads that were read before: a caller sends the same each time.

A head is known again by all of its bytes. What the parser made of the very same bytes it would make of them
once more, so nothing is taken for a request that it would not have taken for the same one.
"""

from __future__ import annotations

from app.routes.headers import FirstValues
from app.routes.predict import Wish

# How many are kept. A client's differ by the length of its bodies alone: numbers as text, a hundred or so.
MOST = 1024
# Nearly all are shorter, and so what is kept is less than a megabyte.
LONGEST = 512
# Heads with one of these are not kept: it is another one each time, or a secret.
_UNKEPT = frozenset(
    (
        b"authorization",
        b"cookie",
        b"proxy-authorization",
        b"traceparent",
        b"tracestate",
        b"x-api-key",
        b"x-request-id",
    )
)
_END = b"\r\n\r\n"


class Head:
    """A request's head, as read.

    Attributes:
        headers: the values by name.
        keep_alive: whether the connection may be used again.
        wish: what it asks for; None until that was read.
    """

    __slots__ = ("headers", "keep_alive", "wish")

    def __init__(self, headers: FirstValues, *, keep_alive: bool) -> None:
        self.headers = headers
        self.keep_alive = keep_alive
        self.wish: Wish | None = None


class KnownHeads:
    """Heads by their bytes: those that came last."""

    def __init__(self) -> None:
        self._known: dict[bytes, tuple[Head, int]] = {}

    def __len__(self) -> int:
        """How many are kept."""
        return len(self._known)

    def find(self, data: bytes) -> tuple[Head, bytes] | None:
        """The known head that a request begins with, and its body; None unless it is that and nothing else.

        Args:
            data: what has come on a connection that has answered all that came before.
        """
        end = data.find(_END, 0, LONGEST) + len(_END)
        known = self._known.get(data[:end])
        if known is None or len(data) != end + known[1]:
            return None
        return known[0], data[end:]

    def keep(self, data: bytes, head: Head) -> None:
        """Know a head from now on, if it is one that may come again.

        Args:
            data: a request as it came, from its first byte; more may follow.
            head: of it, what it asks for included.
        """
        length = head.headers.get(b"content-length")
        if length is None or head.wish is None or head.headers.has_any(_UNKEPT):
            return
        end = data.find(_END, 0, LONGEST) + len(_END)
        text = data[:end]
        # To the parser a line may end without a carriage return, and so a head before `end`.
        if text.count(b"\n") != text.count(b"\r\n") or not text.endswith(_END):
            return
        if len(data) != end + int(length):
            return
        if len(self._known) >= MOST:
            del self._known[next(iter(self._known))]
        self._known[text] = head, int(length)
