"""Uvicorn's HTTP/1.1 and nothing but that: what a head must say, where a message ends, no other protocol.

Uvicorn warns of each request that it cannot parse, and twice of each that asks for another protocol: anybody
could fill the log. Its parser takes what follows a head that asks for one for that protocol: a body was lost,
or taken for another request. To be asked and to go on with HTTP/1.1 is a server's right (RFC 9110, 7.8), and
some clients ask each time, for HTTP/2. Its parser also reads HTTP/0.9, HTTP/2.0 and RTSP as if they were
HTTP/1, does not ask for a Host, keeps white space behind a header's value, takes trailer fields for headers,
and lets a trailer field end the connection.

It knows nothing of this service: what is told of what cannot be parsed is its heirs' business.
"""

from __future__ import annotations

import re
from typing import Any, NoReturn

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

NOT_HTTP, UNKNOWN_CODING, OTHER_VERSION = 400, 501, 505

_VERSION, _OLD_VERSION = b" HTTP/1.1\r\n", b" HTTP/1.0\r\n"
# uri-host [":" port] (RFC 9110, 7.2), by its characters alone.
_HOST = re.compile(rb"[A-Za-z0-9._~%!$&'()*+,;=:\[\]-]*")


class PlainHttp(HttpToolsProtocol):
    """`HttpToolsProtocol` that has each request parsed as if it asked for no other protocol."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.ws_protocol_class = None
        self._in_head = False
        self._in_body = False
        self._body_left: int | None = None  # bytes; None if only the parser can tell
        self._request_line = b""  # as much of it as has come
        self._may_keep_alive = False
        self._repeats_head = False
        self._has_trailers = False
        self._fault = NOT_HTTP, ""  # status and reason if the parser is stopped

    def feed(self, data: bytes | memoryview) -> None:
        """Have the parser read bytes, none of which is beyond the end of the message that they belong to."""
        if not self._in_body:
            self._note_request_line(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            head = self._plain_head()
            self._renew_parser()
            self._repeats_head = False
            self.feed(head)
        except httptools.HttpParserError as error:
            stopped = isinstance(error, httptools.HttpParserCallbackError)  # by what it calls
            self.cannot_parse(*(self._fault if stopped else (NOT_HTTP, str(error))))
        else:
            if self._in_head and not self._may_have_version():
                self.cannot_parse(OTHER_VERSION)
            elif self._has_trailers and not self._in_body:
                self._has_trailers = False
                self._renew_parser()

    def cannot_parse(self, status: int, reason: str = "") -> None:
        """What came is no HTTP/1.1, or what the parser calls has stopped it; the parser is of no more use."""
        raise NotImplementedError

    def on_message_begin(self) -> None:
        """The first byte of a head is there."""
        self.url, self.headers = b"", []
        self._in_head = True

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header, without the white space around its value; a trailer field is none."""
        if self._in_head:
            self.headers.append((name.lower(), value.rstrip(b" \t")))
        else:
            self._has_trailers = True

    def on_headers_complete(self) -> None:
        """Begin a request, unless it asks for another protocol: then its head comes once more, not asking."""
        if self.parser.should_upgrade():
            if self.parser.get_method() == b"CONNECT":
                self.stop_parser(NOT_HTTP, "this server is no proxy")
            self._repeats_head = True
            return
        self.check_head()
        self._in_head, self._in_body = False, True
        self.request_begins()

    def check_head(self) -> None:
        """Refuse what the parser reads and HTTP/1.1 does not allow (RFC 9112, 2.3, 3.2 and 6.1)."""
        fields = dict(self.headers)
        host = fields.get(b"host")
        is_new = self._request_line.endswith(_VERSION)
        if not (is_new or self._request_line.endswith(_OLD_VERSION)):
            self.stop_parser(OTHER_VERSION)
        if len(fields) != len(self.headers) or host is None:
            hosts = sum(name == b"host" for name, _ in self.headers)
            if hosts > 1 or (hosts == 0 and is_new):
                self.stop_parser(NOT_HTTP, f"one Host header is needed, not {hosts}")
            if sum(name == b"transfer-encoding" for name, _ in self.headers) > 1:
                self.stop_parser(UNKNOWN_CODING)
        if host and not _HOST.fullmatch(host):
            self.stop_parser(NOT_HTTP, "the Host header is no host and port")
        length, coding = fields.get(b"content-length"), fields.get(b"transfer-encoding")
        if length is not None:
            self._body_left = int(length)  # one number: the parser has seen it
        elif coding is not None and coding.lower() != b"chunked":
            self.stop_parser(UNKNOWN_CODING)
        # A client of HTTP/1.0 does not wait to be told to continue (RFC 9110, 10.1.1).
        self.expect_100_continue = is_new and fields.get(b"expect", b"").lower() == b"100-continue"
        self._may_keep_alive = is_new and self.parser.should_keep_alive()

    def request_begins(self) -> None:
        """A head is there, and there is nothing wrong with its form."""
        raise NotImplementedError

    def on_message_complete(self) -> None:
        """All of a request is there, unless its head comes once more."""
        if not self._repeats_head:
            self._in_body, self._body_left, self._request_line = False, None, b""
            self.request_ends()

    def request_ends(self) -> None:
        """What comes now is another request."""
        raise NotImplementedError

    def stop_parser(self, status: int, reason: str = "") -> NoReturn:
        """Have the parser fail from within what it calls before there is a request, for this reason."""
        self._in_body = False
        self._fault = status, reason
        raise ValueError("the parser gives up, and so does what feeds it")

    def _note_request_line(self, data: bytes | memoryview) -> None:
        if self._request_line[-1:] != b"\n":
            text = (self._request_line + bytes(data)).lstrip(b"\r\n")
            self._request_line = text[: text.find(b"\n") + 1] or text

    def _may_have_version(self) -> bool:
        """Whether the request line is one of HTTP/1.1 or HTTP/1.0, or not there yet."""
        line = self._request_line
        return not line.endswith(b"\n") or line.endswith((_VERSION, _OLD_VERSION))

    def _plain_head(self) -> bytes:
        version = self._request_line[-len(_VERSION) :]
        fields = [b"%b: %b\r\n" % field for field in self.headers if field[0] != b"upgrade"]
        return b"%b %b%b%b\r\n" % (self.parser.get_method(), self.url, version, b"".join(fields))

    def _renew_parser(self) -> None:
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn does
