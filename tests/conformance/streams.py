"""HTTP/1.1 byte streams, and the responses that RFC 9110, RFC 9112 and `docs/limits.md` require."""

from __future__ import annotations

from dataclasses import dataclass, replace

from qa.harness.messages import Headers, as_json, get, head, post
from tests.app.conftest import series

BODY = as_json(series(0.5))
LENGTH = ("Content-Length", str(len(BODY)))
CHUNKED = ("Transfer-Encoding", "chunked")
EXPECT = ("Expect", "100-continue")
UNREAD = ("Content-Type", "text/xml")  # refused on the head alone
# The same request past the framework and through it.
PATHS = {"fast": "/predict", "framework": "/predict?abstain=false"}
NEXT = get("/livez")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """What a client sends on a connection, and the responses that it must get.

    Attributes:
        name: for people.
        sent: all bytes.
        statuses: of the answers, in order.
        ends: whether the server then ends the connection; the last answer says so. Else it can be used again.
        shuts_down: whether the caller shuts down its sending side when all is sent.
        may_end: whether the server may end the connection before the last of the answers, with one that says
            so: an answer that is there before the body is leaves that open.
        reference: what uvicorn with h11 answers, where it is asked and differs; empty if it is not asked.
    """

    name: str
    sent: bytes
    statuses: tuple[int, ...]
    ends: bool = False
    shuts_down: bool = False
    may_end: bool = False
    reference: tuple[int, ...] = ()


def all_streams() -> list[Stream]:
    """Every stream of the table, those of a prediction once for each path."""
    predictions = [stream for path in PATHS for stream in _predictions(path, PATHS[path])]
    return [*_request_lines(), *_heads(), *_bodies_of_others(), *_shut_down(), *predictions]


def _line(line: bytes, *fields: bytes, host: bool = True) -> bytes:
    return b"".join(part + b"\r\n" for part in (line, *([b"Host: x"] if host else ()), *fields, b""))


def _request_lines() -> list[Stream]:
    refused = [
        ("HTTP/0.9 with headers", _line(b"GET /livez HTTP/0.9"), 505),
        ("HTTP/1.2", _line(b"GET /livez HTTP/1.2"), 400),
        ("HTTP/2.0", _line(b"GET /livez HTTP/2.0"), 505),
        ("HTTP/3.0", _line(b"GET /livez HTTP/3.0"), 400),
        ("the preface of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
        ("RTSP", _line(b"GET /livez RTSP/1.0"), 505),
        ("RTSP with the version of HTTP", _line(b"GET /livez RTSP/1.1"), 505),
        ("ICE", _line(b"SOURCE /livez ICE/1.0"), 505),
        ("a version in small letters", _line(b"GET /livez http/1.1"), 400),
        ("a version of two digits", _line(b"GET /livez HTTP/1.10"), 400),
        ("white space behind the version", _line(b"GET /livez HTTP/1.1 "), 400),
        ("line feeds alone", b"GET /livez HTTP/1.1\nHost: x\n\n", 400),
        ("an unknown method", _line(b"FETCH /livez HTTP/1.1"), 400),
        ("a blank in the address", _line(b"GET /li vez HTTP/1.1"), 400),
        ("an address that is not ASCII", _line(b"GET /\xc3\xa4 HTTP/1.1"), 400),
        ("no address", _line(b"GET  HTTP/1.1"), 400),
        ("a tunnel", _line(b"CONNECT x:443 HTTP/1.1"), 400),
        ("no HTTP", b"hello\r\n\r\n", 400),
        ("TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64), 400),
    ]
    return [
        *(
            Stream(name=name, sent=sent + NEXT, statuses=(status,), ends=True)
            for name, sent, status in refused
        ),
        Stream(name="HTTP/0.9 without a version", sent=b"GET /livez\r\n", statuses=(505,), ends=True),
        Stream(name="HTTP/1.1", sent=NEXT, statuses=(200,), reference=(200,)),
        Stream(name="HTTP/1.0", sent=_line(b"GET /livez HTTP/1.0") + NEXT, statuses=(200,), ends=True),
        Stream(
            name="HTTP/1.0 that would go on",
            sent=_line(b"GET /livez HTTP/1.0", b"Connection: keep-alive") + NEXT,
            statuses=(200,),
            ends=True,
        ),
        Stream(name="blank lines before it", sent=b"\r\n\r\n" + NEXT, statuses=(200,)),
        Stream(name="blank lines between", sent=NEXT + b"\r\n\r\n" + NEXT, statuses=(200, 200)),
        Stream(name="a whole address", sent=_line(b"GET http://x/livez HTTP/1.1"), statuses=(200,)),
        Stream(name="a whole address without a path", sent=_line(b"GET http://x HTTP/1.1"), statuses=(200,)),
        Stream(name="no resource", sent=_line(b"OPTIONS * HTTP/1.1"), statuses=(404,), reference=(404,)),
        Stream(name="a path that is not there", sent=get("/%zz"), statuses=(404,), reference=(404,)),
    ]


def _heads() -> list[Stream]:
    def probe(*fields: bytes, host: bool = True, version: bytes = b"1.1") -> bytes:
        return _line(b"GET /livez HTTP/" + version, *fields, host=host)

    refused = [
        ("no Host", probe(host=False), (400,)),
        ("two Hosts", probe(b"Host: y"), (400,)),
        ("the same Host twice", probe(b"Host: x"), (400,)),
        ("two Hosts in HTTP/1.0", probe(b"Host: y", version=b"1.0"), ()),
        ("a Host with a blank", probe(b"Host: a b", host=False), ()),
        ("a Host with a path", probe(b"Host: a/b", host=False), ()),
        ("a Host with a user", probe(b"Host: u@a", host=False), ()),
        ("a line that goes on", probe(b"X: 1", b" 2"), ()),
        ("white space before the colon", probe(b"X : 1"), (400,)),
        ("no name", probe(b": 1"), (400,)),
        ("no colon", probe(b"X"), (400,)),
        ("NUL in a value", probe(b"X: \x00"), (400,)),
        ("a control character in a value", probe(b"X: \x01"), ()),
        ("a carriage return in a value", probe(b"X: 1\r2"), (400,)),
        ("a name that is no token", probe(b"X(: 1"), (400,)),
    ]
    return [
        *(
            Stream(name=name, sent=sent + NEXT, statuses=(400,), ends=True, reference=reference)
            for name, sent, reference in refused
        ),
        Stream(
            name="HTTP/1.0 without a Host", sent=probe(host=False, version=b"1.0"), statuses=(200,), ends=True
        ),
        Stream(name="an empty Host", sent=probe(b"Host:", host=False), statuses=(200,), reference=(200,)),
        Stream(name="a Host with a port", sent=probe(b"Host: x:80", host=False), statuses=(200,)),
        Stream(name="an IPv6 Host", sent=probe(b"Host: [::1]:80", host=False), statuses=(200,)),
        Stream(name="white space around a Host", sent=probe(b"Host: \t x \t", host=False), statuses=(200,)),
        Stream(name="requests in one go", sent=NEXT * 5, statuses=(200,) * 5, reference=(200,) * 5),
        Stream(
            name="nothing after the last",
            sent=probe(b"Connection: close") + NEXT,
            statuses=(200,),
            ends=True,
            reference=(200,),
        ),
    ]


def _bodies_of_others() -> list[Stream]:
    small, large = [("Content-Length", "5")], [("Content-Length", "1000000")]
    return [
        Stream(
            name="a body of GET",
            sent=head("GET", "/livez", small) + b"GET /" + NEXT,
            statuses=(200, 200),
        ),
        Stream(
            name="a body in chunks of GET",
            sent=head("GET", "/livez", [CHUNKED]) + b"5\r\nGET /\r\n0\r\n\r\n" + NEXT,
            statuses=(200, 200),
            may_end=True,
        ),
        Stream(
            name="a large body of GET, which is not waited for",
            sent=head("GET", "/livez", large) + NEXT,
            statuses=(200,),
            ends=True,
        ),
        Stream(
            name="a body for no route",
            sent=post(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", target="/nowhere") + NEXT,
            statuses=(404, 200),
        ),
        Stream(
            name="a body for no route that waits to be asked for",
            sent=head("POST", "/nowhere", [EXPECT, LENGTH]) + NEXT,
            statuses=(404,),
            ends=True,
        ),
        Stream(
            name="a body for another method",
            sent=head("PUT", "/predict", small) + b"GET /" + NEXT,
            statuses=(405, 200),
        ),
    ]


def _shut_down() -> list[Stream]:
    def stream(name: str, sent: bytes, *statuses: int) -> Stream:
        return Stream(name=f"{name}, and the end", sent=sent, statuses=statuses, ends=True, shuts_down=True)

    return [
        stream("nothing", b""),
        stream("blank lines", b"\r\n"),
        stream("a request", NEXT, 200),
        stream("requests in one go", NEXT * 3, 200, 200, 200),
        stream("another method", head("PUT", "/livez"), 405),
        stream("a request in HTTP/1.0", _line(b"GET /livez HTTP/1.0"), 200),
        stream("a part of a head", NEXT[:-1], 400),
        stream("a request and a part of a head", NEXT + NEXT[:10], 200, 400),
        stream("no HTTP", b"hello\r\n\r\n", 400),
    ]


def _predictions(path: str, target: str) -> list[Stream]:
    def ask(*fields: tuple[str, str], body: bytes = BODY, version: str = "1.1") -> bytes:
        return head("POST", target, fields, version=version) + body

    def trailer(*fields: bytes) -> bytes:
        framed = b"%x\r\n%b\r\n0\r\n" % (len(BODY), BODY)
        return ask(CHUNKED, body=framed + b"".join(field + b"\r\n" for field in fields) + b"\r\n")

    answered: list[tuple[str, bytes, tuple[int, ...]]] = [
        ("a prediction", ask(LENGTH), (200,)),
        ("white space behind the length", ask(("Content-Length", f"{len(BODY)} \t")), ()),
        ("a length with zeros", ask(("Content-Length", f"00{len(BODY)}")), ()),
        ("a body in chunks", post(BODY, target=target, chunks=700), (200,)),
        (
            "a chunk with an extension",
            ask(CHUNKED, body=b"%x;a=b\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY)),
            (),
        ),
        ("a trailer field", trailer(b"X-Trailer: 1"), (200,)),
        ("an encoding in a trailer", trailer(b"Content-Encoding: gzip"), (200,)),
        ("a type in a trailer", trailer(b"Content-Type: text/xml"), (200,)),
        ("the end of the connection in a trailer", trailer(b"Connection: close"), (200,)),
        ("another protocol in a trailer", trailer(b"Upgrade: h2c", b"Connection: upgrade"), (200,)),
        ("a Host in a trailer", trailer(b"Host: y"), (200,)),
        ("another protocol", ask(LENGTH, ("Upgrade", "h2c"), ("Connection", "Upgrade")), ()),
    ]
    refused: list[tuple[str, bytes, int]] = [
        ("no length", ask(("Content-Length", "")), 400),
        ("a length twice", ask(LENGTH, LENGTH), 400),
        ("two lengths in one", ask(("Content-Length", f"{len(BODY)}, {len(BODY)}")), 400),
        ("a length below zero", ask(("Content-Length", "-1")), 400),
        ("a length with a sign", ask(("Content-Length", f"+{len(BODY)}")), 400),
        ("a length that overflows", ask(("Content-Length", str(2**64))), 400),
        ("a length and chunks", ask(LENGTH, CHUNKED), 400),
        ("chunks and a length", ask(CHUNKED, LENGTH), 400),
        ("chunks twice", ask(CHUNKED, CHUNKED), 400),
        ("no transfer coding by name", ask(("Transfer-Encoding", "identity")), 501),
        ("chunks within", ask(("Transfer-Encoding", "chunked, gzip")), 400),
        ("another transfer coding", ask(("Transfer-Encoding", "gzip, chunked"), body=b"0\r\n\r\n"), 501),
        ("another coding in a line before", ask(("Transfer-Encoding", "gzip"), CHUNKED), 501),
        ("a length in a trailer", trailer(b"Content-Length: 1"), 400),
        ("chunks in a trailer", trailer(b"Transfer-Encoding: chunked"), 400),
        ("a chunk of no size", ask(CHUNKED, body=b"\r\n"), 400),
        ("a chunk of a size below zero", ask(CHUNKED, body=b"-1\r\n"), 400),
        ("a chunk of 0x size", ask(CHUNKED, body=b"0x1\r\n1\r\n"), 400),
        ("a chunk that overflows", ask(CHUNKED, body=b"F" * 17 + b"\r\n"), 400),
        ("a chunk that is too long", ask(CHUNKED, body=b"1\r\n{}\r\n0\r\n\r\n"), 400),
        ("a chunk that ends with a line feed", ask(CHUNKED, body=b"1\n{\n0\n\n"), 400),
    ]
    streams = [
        *(
            Stream(name=name, sent=sent + NEXT, statuses=(200, 200), reference=reference and (200, 200))
            for name, sent, reference in answered
        ),
        *(Stream(name=name, sent=sent + NEXT, statuses=(code,), ends=True) for name, sent, code in refused),
        *_early(target),
        Stream(
            name="predictions in one go",
            sent=(ask(LENGTH) + ask(("Content-Length", "1"), body=b"{") + NEXT) * 2,
            statuses=(200, 400, 200) * 2,
            reference=(200, 400, 200) * 2,
        ),
        Stream(name="HTTP/1.0", sent=ask(LENGTH, version="1.0") + NEXT, statuses=(200,), ends=True),
        Stream(
            name="the last prediction",
            sent=ask(LENGTH, ("Connection", "close")) + NEXT,
            statuses=(200,),
            ends=True,
        ),
        Stream(
            name="a part of a body, and the end",
            sent=ask(LENGTH)[:-1],
            statuses=(400,),
            ends=True,
            shuts_down=True,
        ),
    ]
    return [replace(stream, name=f"{stream.name} ({path})") for stream in streams]


def _early(target: str) -> list[Stream]:
    """Responses that are sent before the body has arrived."""
    other: Headers = [UNREAD, LENGTH]
    waits = head("POST", target, [*other, EXPECT])
    return [
        Stream(
            name="a body that is not read",
            sent=head("POST", target, other) + BODY + NEXT,
            statuses=(415, 200),
            reference=(415, 200),
        ),
        Stream(
            name="a body in chunks that is not read",
            sent=post(BODY, [UNREAD], target=target, chunks=500) + NEXT,
            statuses=(415, 200),
            may_end=True,
        ),
        Stream(
            name="a body that is too large, which is not waited for",
            sent=head("POST", target, [("Content-Length", "100000000")]) + NEXT,
            statuses=(413,),
            ends=True,
        ),
        Stream(
            name="a body that nobody asked for", sent=waits + BODY + NEXT, statuses=(415, 200), may_end=True
        ),
        Stream(name="a next request that is none", sent=waits + NEXT, statuses=(415,), ends=True),
        Stream(
            name="a body that was asked for",
            sent=head("POST", target, [LENGTH, EXPECT]) + BODY + NEXT,
            statuses=(100, 200, 200),
        ),
        Stream(
            name="a body that was asked for with white space",
            sent=head("POST", target, [LENGTH, ("Expect", "100-Continue ")]) + BODY + NEXT,
            statuses=(100, 200, 200),
        ),
        Stream(
            name="a body of HTTP/1.0 that cannot be asked for",
            sent=head("POST", target, [LENGTH, EXPECT], version="1.0") + BODY,
            statuses=(200,),
            ends=True,
        ),
    ]
