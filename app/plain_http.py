"""Uvicorn's HTTP/1.1 and nothing but that: no other protocol follows, and nothing that is broken is logged.

Uvicorn warns of each request that it cannot parse, and twice of each that asks for another protocol: anybody
could fill the log. Its parser takes what follows a head that asks for one for that protocol: a body was lost,
or taken for another request. To be asked and to go on with HTTP/1.1 is a server's right (RFC 9110, 7.8), and
some clients ask each time, for HTTP/2.

It knows nothing of this service: what is told of what cannot be parsed is its heirs' business.
"""

from __future__ import annotations

from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class PlainHttp(HttpToolsProtocol):
    """`HttpToolsProtocol` that has each request parsed as if it asked for no other protocol."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.ws_protocol_class = None

    def data_received(self, data: bytes) -> None:
        """Parse what has come."""
        parts: list[bytes | memoryview] = [data]
        while parts:
            part = parts.pop()
            try:
                self.parser.feed_data(part)
            except httptools.HttpParserUpgrade as stop:
                parts += memoryview(part)[stop.args[0] :], self._plain_head()
                self._renew_parser()
            except httptools.HttpParserError as error:
                self.cannot_parse(error)
                return

    def cannot_parse(self, error: httptools.HttpParserError) -> None:
        """What came is no HTTP/1.1, or what the parser calls has failed; the parser is of no more use."""
        raise NotImplementedError

    def is_plain(self) -> bool:
        """Whether the head that is complete asks for no other protocol; else it comes once more, not asking.

        Raises:
            ValueError: it asks for a tunnel.
        """
        if not self.parser.should_upgrade():
            return True
        if self.parser.get_method() == b"CONNECT":
            raise ValueError("nothing can be known of what follows")
        return False

    def _plain_head(self) -> bytes:
        version = self.parser.get_http_version().encode()
        fields = [b"%b: %b\r\n" % field for field in self.headers if field[0] != b"upgrade"]
        return b"%b %b HTTP/%b\r\n%b\r\n" % (self.parser.get_method(), self.url, version, b"".join(fields))

    def _renew_parser(self) -> None:
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn does
