"""A connection that reads one message at a time, takes no head without end, and ends with an answer.

Uvicorn's parser reads whatever has come: thousands of requests in one go, before the first is answered. It
keeps whatever is sent as a head, however long. What it cannot parse uvicorn answers at once, before the
answers that earlier requests on the connection wait for, and closes it with bytes unread: then the connection
is reset, and the answer perhaps lost. When a caller shuts down its sending side uvicorn closes the
connection, and throws away the answers that are due.

It knows nothing of this service: how requests are answered, and with what the connection ends, its heirs say.
"""

from __future__ import annotations

from typing import Any

from app.http.cycle import Cycle
from app.http.patient import Patient
from app.http.plain_http import NOT_HTTP

# The most of a head: all of it, what is asked for in its first line, and its headers.
HEAD_BYTES = 64 * 1024
TARGET_BYTES = 8 * 1024
HEADERS = 100
# Seconds that a caller has to read why its connection ends. What it sends meanwhile is thrown away.
LINGER_SECONDS = 1.0
# Of a body that is not needed any more, so much is read and thrown away in so many seconds for the connection
# to be used again. For more than that it is quicker to end it.
DISCARD_BYTES = 256 * 1024
DISCARD_SECONDS = 10.0

# Bytes of heads and of bodies in chunks that are read before others have their turn: a few of them may be a
# call of the parser. A piece, which ends where a message may end, costs as much as so many of them.
EFFORT = 64 * 1024
PIECE_EFFORT = 1024

REQUEST_TIMEOUT, TARGET_TOO_LONG, HEAD_TOO_LARGE = 408, 414, 431

_END_OF_HEAD = b"\r\n\r\n"  # and of every body in chunks
_CUT = len(_END_OF_HEAD) - 1
_BLANK = b"\r\n"


class Connection(Patient):
    """`Patient`, with limits for heads, a message at a time, and an answer where there is no request."""

    cycle: Cycle  # type: ignore[assignment]
    discard_seconds = DISCARD_SECONDS

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        # What has come, and how much of that the parser was given.
        self._data = b""
        self._at = 0
        self._tail = b""  # the last bytes of what came before
        self._will_read = False
        self._message_ended = False
        self._has_dropped = False  # something that was not read
        # Bytes that the parser was given since it last handed something on: it may keep them.
        self._unused_bytes = 0
        self._handed_on = False
        self._body_bytes = 0  # that have come of the body
        # Whether the caller has shut down its sending side.
        self._has_left = False
        # Status and reason with which the connection ends; from then on nothing is read.
        self._refusal: tuple[int, str] | None = None
        self._has_ended = False

    def data_received(self, data: bytes) -> None:
        """Read what has come, as far as it is its turn."""
        if not self._is_over():
            self._data, self._at = self._data[self._at :] + data, 0
            self.read_on()

    def eof_received(self) -> bool:  # type: ignore[override] # True keeps the connection open
        """The caller sends nothing more. What it has sent is answered, but nothing is computed for it."""
        self._has_left = True
        if self._is_over():
            return False
        if not self._has_unread():
            self._caller_left()
        return not self.transport.is_closing()

    def connection_lost(self, exc: Exception | None) -> None:
        """Have nothing done any more for a caller that has gone, and keep nothing of what was not read."""
        self._data, self._at = b"", 0
        if self.cycle is not None:
            self.cycle.abandon()
            self.cycle = None  # type: ignore[assignment] # as it is before the first request
        super().connection_lost(exc)

    def read_on(self) -> None:
        """Read up to the end of a message, or of what has come. What is behind it waits for its turn."""
        self._message_ended = False
        effort = EFFORT
        while self._at < len(self._data) and effort > 0 and not self._message_ended and self._may_read():
            data, start, left = self._data, self._at, self._body_left
            if self._in_body and left is not None:
                end = min(len(data), start + left)
            else:
                end = self._end_of_piece(data, start)
                effort -= PIECE_EFFORT + end - start
            self._at = end
            self._handed_on = False
            self.feed(data if start == 0 and end == len(data) else memoryview(data)[start:end])
            self._unused_bytes = 0 if self._handed_on else self._unused_bytes + end - start
            if self._unused_bytes >= HEAD_BYTES and self._refusal is None:
                self.refuse(HEAD_TOO_LARGE)
        if not self._is_over():
            self._have_read()

    def _have_read(self) -> None:
        """It is another's turn: see to what is unread, and to what has not come."""
        if self._at < len(self._data):
            if self._at > len(self._data) // 2:
                self._data, self._at = self._data[self._at :], 0
            self.flow.is_held = True
            self.flow.pause_reading()
            if self._may_read():
                self._read_soon()
            return
        self.flow.is_held = False
        self._tail = (self._tail + self._data[-_CUT:])[-_CUT:]
        self._data, self._at = b"", 0
        if self._in_head:
            self.wait_for_head()
        if self.flow.read_paused and not (self._in_body and self.cycle.is_full):
            self.flow.resume_reading()
        if self._has_left:
            self._caller_left()

    def cannot_parse(self, status: int, reason: str = "") -> None:
        """End the connection, and say why."""
        self.refuse(status, reason)

    def on_url(self, url: bytes) -> None:
        """What is asked for, or a part of it, is there."""
        self.url += url
        if len(self.url) > TARGET_BYTES:
            self.stop_parser(TARGET_TOO_LONG)

    def request_begins(self) -> None:
        """Have the request answered whose head is there, if it has not too many headers."""
        if len(self.headers) > HEADERS:
            self.stop_parser(HEAD_TOO_LARGE)
        self.wait_for_nothing()
        self._handed_on, self._body_bytes = True, 0
        self.start_cycle()

    def start_cycle(self) -> None:
        """Make the cycle of a request whose head is there, and start it."""
        raise NotImplementedError

    def on_body(self, body: bytes) -> None:
        """Hand a part of the body on."""
        self._handed_on = True
        self._body_bytes += len(body)
        if self._body_left is not None:
            self._body_left -= len(body)
        self.cycle.feed(body)

    def request_ends(self) -> None:
        """All of the request is there."""
        self._handed_on = self._message_ended = True
        cycle = self.cycle
        if cycle.response_complete and not self._is_over():
            self.wait_for_next()  # the rest of the body was waited for, and not as long
        cycle.complete()

    def on_response_complete(self) -> None:
        """An answer was sent: go on with what has come meanwhile, or expect another request."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            self.close()
        elif self.cycle.is_last or (self._has_left and not self._has_unread()):
            self._end()
        elif self._refusal is not None:
            self.wait_for_next()
        elif self._in_body:
            self.flow.resume_reading()
            self.wait(self.discard_seconds)
        else:
            self.flow.resume_reading()
            self.wait_for_next()
            if self._has_unread():
                self._read_soon()

    def is_last(self, status: int, keep_alive: bool) -> bool:
        """Whether the connection ends with the answer to the request: decided here and nowhere else.

        Args:
            status: of the answer.
            keep_alive: whether its caller, and the server, would use the connection again.
        """
        if not keep_alive or (self._has_left and not self._has_unread()):
            return True
        if not self._in_body:
            return False
        left = self._body_left
        # A caller that was not told to go on may send its body or another request: nobody can tell which.
        is_unsure = self.cycle.waiting_for_100_continue
        return is_unsure or status == REQUEST_TIMEOUT or left is None or left > DISCARD_BYTES

    def resume_writing(self) -> None:
        """The caller has read what was written: wait for what comes next, and read what has come."""
        super().resume_writing()
        if self._has_ended:
            self._linger()
        elif self.cycle is not None and not self.cycle.response_complete:
            self.wait_for_nothing()
        elif self._in_body:
            self.wait(self.discard_seconds)
        else:
            self.wait_for_next()
        self._read_soon()

    def shutdown(self) -> None:
        """The server ends: so does an idle connection, and a busy one with its answer."""
        if self.cycle is None or self.cycle.response_complete:
            self.close()
        else:
            super().shutdown()

    def refuse(self, status: int, reason: str = "") -> None:
        """Read nothing more, and end the connection with an answer.

        Args:
            status: of the answer.
            reason: for it, in words that any caller may read.
        """
        self._refusal = status, reason
        self._in_head = False
        if self.transport.is_closing():
            return
        if self._in_body and not self.cycle.give_up():
            self._linger()
        elif self.cycle is None or self.cycle.response_complete:
            self.wait_for_next()

    def wait_for_next(self) -> None:
        """Nothing is left to be answered: expect another request, or end the connection."""
        if self._refusal is None:
            super().wait_for_next()
            return
        if not self._has_ended:
            self.transport.write(self.last_words(*self._refusal))
        self._linger()

    def last_words(self, status: int, reason: str) -> bytes:
        """All of the answer with which the connection ends."""
        raise NotImplementedError

    def _is_over(self) -> bool:
        """Whether nothing more is read: it is thrown away."""
        return self._refusal is not None or self._has_ended or self.parser is None

    def _has_unread(self) -> bool:
        return self._at < len(self._data)

    def _may_read(self) -> bool:
        """Whether it is the turn of what comes next: another request waits for the answer to the last one."""
        if self._is_over():
            return False
        if self._in_head or self._in_body:
            return True
        return not self.flow.write_paused and (self.cycle is None or self.cycle.response_complete)

    def _read_soon(self) -> None:
        """Read on in the next turn of the loop: this connection's requests take turns with the others'."""
        if not self._will_read:
            self._will_read = True
            self.loop.call_soon(self._take_turn)

    def _take_turn(self) -> None:
        self._will_read = False
        if self._has_unread() and self._may_read() and not self.transport.is_closing():
            self.read_on()

    def _end_of_piece(self, data: bytes, start: int) -> int:
        """How far to read: to where a head or a body in chunks may end, and no more than may be kept."""
        most = start + HEAD_BYTES - self._unused_bytes
        if not (self._in_head or self._in_body):
            if data[start] in _BLANK:  # blank lines before a head are one piece
                blank = data[start:most]
                return start + len(blank) - len(blank.lstrip(_BLANK))
        elif self._tail and start == 0:
            cut = (self._tail + data[:_CUT]).find(_END_OF_HEAD)
            if cut >= 0:
                return cut + len(_END_OF_HEAD) - len(self._tail)
        end = data.find(_END_OF_HEAD, start, most)
        return min(len(data), most) if end < 0 else end + len(_END_OF_HEAD)

    def _caller_left(self) -> None:
        """All that it has sent is read, and no more comes."""
        if self._in_head:
            self.refuse(NOT_HTTP, "the connection ended within a head")
        elif self.cycle is None or self.cycle.response_complete:
            self.close()
        else:
            self.cycle.leave()

    def _end(self) -> None:
        """Close the connection, but not with bytes unread: it would be reset, and the answer perhaps lost."""
        if self._in_body or self._has_dropped or self._has_unread():
            self._linger()
        else:
            self._has_ended = True
            self.close()

    def _linger(self) -> None:
        """Read and throw away what comes, for as long as the caller may take to read the answer."""
        is_first, self._has_ended = not self._has_ended, True
        self._data, self._at = b"", 0
        if self._has_left:
            self.close()
            return
        if is_first:
            self.flow.is_held = False
            self.flow.resume_reading()
            self.transport.write_eof()
        if self.transport.get_write_buffer_size():
            self.wait(self.read_seconds)
            self._spare_seconds = LINGER_SECONDS
        else:
            self.wait(LINGER_SECONDS)
