"""Valid and nearly valid HTTP tokens, for requests that get past the parser."""

from __future__ import annotations

METHODS = (
    b"GET", b"GET", b"GET", b"POST", b"POST", b"HEAD", b"OPTIONS", b"PUT", b"DELETE", b"PATCH", b"TRACE",
    b"CONNECT", b"PRI", b"get", b"POSTPOST", b"", b"P\x00ST", b"PROPFIND", b"M-SEARCH", b"SOURCE",
    b"QUERY", b"X" * 300,
)  # fmt: skip
TARGETS = (
    b"/predict", b"/predict?abstain=true", b"/predict?abstain=x", b"/predict?version=2",
    b"/predict?version=99999999999", b"/predict?version=1&version=2", b"/predict?abstain=%FF",
    b"/predict?" + b"a&" * 3000, b"/predict/", b"/predict?", b"/predict#x", b"/predict%00", b"/predict;x",
    b"/PREDICT", b"//predict", b"/./predict", b"/%2e%2e/predict", b"http://fuzz/predict",
    b"http://[::1/predict", b"http://fuzz:99999/predict", b"https://u:p@fuzz/predict", b"/model",
    b"/livez", b"/readyz", b"/startupz", b"/metrics", b"/openapi.json", b"/docs", b"/",
    b"/problems/contract", b"/problems/%2e%2e", b"/problems/" + b"x" * 5000, b"/problems/\xc3\xa9",
    b"/problems/%C3%A9%FF", b"/nowhere", b"/static-offline-docs/../../etc/passwd",
    b"/static-offline-docs/%2e%2e/%2e%2e/etc/passwd", b"/static-offline-docs/",
    b"/static-offline-docs/swagger-ui.css", b"/static-offline-docs/\x00",
    b"/page/start.json", b"/page/0123456789abcdef/scripts/main.js", b"/page/0123456789abcdef/../../x",
    b"/page/\xff",
    b"/static-offline-docs/" + b"x" * 300, b"*", b"", b"?", b"/ ", b"predict", b"/\xff\xfe", b"/%",
    b"/v2", b"/v2/", b"/v2/health/live", b"/v2/health/ready", b"/v2/models/forda", b"/v2/models/stats",
    b"/v2/models/forda/ready", b"/v2/models/forda/infer", b"/v2/models/forda/versions/3/infer",
    b"/v2/models/forda/versions/99999999999999999999/infer", b"/v2/models/" + b"x" * 5000 + b"/infer",
    b"/v2/models/%2e%2e/infer", b"/v2/models//infer", b"/v2/models/forda/config", b"/v2/models/forda/stats",
    b"/v2/repository/index", b"/v2/repository/models/forda/load", b"/v1/models", b"/v1/models/forda",
    b"/v1/models/forda:predict", b"/v1/models/forda:classify", b"/v1/models/forda:explain", b"/v1/models/:",
    b"/v1/models/forda/versions/3:predict", b"/v1/models/forda/versions/-1:predict", b"/v1/models/forda:\xff",
    b"/v1/models/forda/labels/stable:predict", b"/v1/models/forda/metadata", b"/v1/" + b":" * 3000,
    b"/%zz", b"/" + b"a" * 70_000, b"fuzz:80", b"/\t", b"/\x7f",
)  # fmt: skip
VERSIONS = (
    b"HTTP/1.0", b"HTTP/1.0", b"HTTP/0.9", b"HTTP/2.0", b"HTTP/1.2", b"HTTP/9.9", b"HTTP/1.", b"HTTP/11",
    b"http/1.1", b"", b"HTTPS/1.1", b"ICE/1.0", b"RTSP/1.0", b"HTTP/1.1 ", b"HTTP/1.1 x", b"\x00",
)  # fmt: skip
_ANY = (
    b"", b" ", b"\x00", b"\xff\xfe", b"\xc3\xa9", b"x" * 10_000, b"a,b", b"\t", b'"', b"\x7f", b"a\x00b",
    b",", b";", b"0",
)  # fmt: skip
_LENGTHS = (
    b"0", b"-1", b"+5", b"5,5", b"5, 6", b"0x5", b"00000000000000000005", b"1e3", b"99999999999999999999",
    b"9" * 5000, b"18446744073709551616", b"4194305", b"\xb2", b"", b" 5 ",
)  # fmt: skip
_CODINGS = (
    b"chunked", b"Chunked", b"chunked, chunked", b"xchunked", b"gzip, chunked", b"chunked, gzip", b"identity",
    b"", b"\x0bchunked", b"chunked\x00",
)  # fmt: skip
_TYPES = (
    b"application/json; charset=utf-16", b"application/json;charset=\xff", b"text/plain",
    b"application/x-npy", b"application/json;" * 500, b"APPLICATION/JSON", b"/",
)  # fmt: skip
_RANGES = (
    b"application/x-npy", b"*/*;q=0", b"application/x-npy;q=0.001,*/*;q=0", b"a/b;q=" + b"9" * 999,
    b",,," * 999,
)  # fmt: skip
HEADERS: tuple[tuple[bytes, tuple[bytes, ...]], ...] = (
    (b"Content-Length", _LENGTHS),
    (b"Inference-Header-Content-Length", (*_LENGTHS, b"1", b"200", *_ANY)),
    (b"Transfer-Encoding", _CODINGS),
    (b"Transfer-Encoding ", (b"chunked",)),
    (b"Content-Type", (*_TYPES, *_ANY)),
    (b"Content-Encoding", (b"gzip", b"deflate", b"br", b"gzip, gzip", b"identity", b"x-gzip", *_ANY)),
    (b"Accept", (*_RANGES, *_ANY)),
    (b"Expect", (b"100-continue", b"100-Continue", b"200-ok", *_ANY)),
    (b"Connection", (b"close", b"keep-alive", b"upgrade", b"close, upgrade", b"Content-Length", *_ANY)),
    (b"Connection", (b"Upgrade, HTTP2-Settings",)),
    (b"Upgrade", (b"websocket", b"h2c", b"TLS/1.0", *_ANY)),
    (b"Sec-WebSocket-Key", (b"dGhlIHNhbXBsZSBub25jZQ==",)), (b"Sec-WebSocket-Version", (b"13", b"x")),
    (b"HTTP2-Settings", (b"AAMAAABkAARAAAAAAAIAAAAA",)),
    (b"X-Request-Id", (b"abc-1", b"a" * 129, b"a\r\nX-Injected: 1", b"<script>", *_ANY)),
    (b"X-Request-Timeout", (b"0.000001", b"0", b"-1", b"1e9", b"nan", b"1" * 5000, b"\xb2", b"0.5", *_ANY)),
    (b"Host", (b"", b"a:b:c", b"[::1", b"fuzz:99999", b"\xff", b"a b", b"fuzz/x", *_ANY)),
    (b"Range", (b"bytes=0-1", b"bytes=" + b"0-1," * 2000, b"bytes=9-1", *_ANY)),
    (b"If-None-Match", (b"*", b'W/"x"', *_ANY)),
    (b"If-Modified-Since", (b"Thu, 01 Jan 1970 00:00:00 GMT", b"Thu, 99 Foo 9999 99:99:99 GMT", *_ANY)),
    (b"Cookie", (b"a=b; " * 2000, *_ANY)),
    (b"Authorization", (b"Bearer x", b"Basic eA==", b"Bearer " + b"x" * 9000, b"Bearer \xff", *_ANY)),
    (b"X-API-Key", (b"x", *_ANY)), (b"Origin", (b"null", b"http://fuzz", *_ANY)),
    (b"Access-Control-Request-Method", (b"POST", *_ANY)),
    (b"X-Forwarded-For", (b"1.2.3.4, ::1", b"x" * 5000, *_ANY)), (b"X-Forwarded-Proto", (b"https", *_ANY)),
    (b"", _ANY), (b"\xff\x00", _ANY), (b"a b", _ANY), (b" folded", _ANY),
)  # fmt: skip
FRAGMENTS = (
    b"\r\n", b"\n", b"\r", b"\r\n\r\n", b"\x00", b"\xff", b" ", b"\t", b":", b",", b"0\r\n\r\n",
    b"HTTP/1.1", b"HTTP/1.0", b"GET / HTTP/1.1\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"POST /predict HTTP/1.1\r\nContent-Length: 9\r\n\r\n", b"Content-Length: 5\r\n",
    b"Transfer-Encoding: chunked\r\n", b"Connection: close\r\n", b"Expect: 100-continue\r\n",
    b"Upgrade: websocket\r\nConnection: upgrade\r\n", b"ffffffffffffffff\r\n", b"8000000000000000\r\n",
    b"5;" + b"x" * 100 + b"\r\n", b"\x0b", b"\x0c", b"\x85", b"\xc2\xa0",
    *(b"%b: %b\r\n" % (name, values[0]) for name, values in HEADERS),
)  # fmt: skip
