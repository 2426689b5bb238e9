"""Requests as bytes: usual, unusual but valid, and broken ones, several on a connection."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass, field
from random import Random

from app.contract import Artifact
from qa.fuzz import json_bodies, npy_bodies, v1_bodies, v2_bodies
from qa.fuzz.cases import Size
from qa.fuzz.http_tokens import FRAGMENTS, HEADERS, METHODS, TARGETS, VERSIONS
from qa.fuzz.mutations import Mutator

JSON, NPY = "application/json", "application/x-npy"
_LINE = b"\r\n"
_BROKEN_LINES = (b"\n", b"\r", b"\r\r\n", b"\n\n", b"\x00", b"\r\n ", b"\r\n\t", b"")

mutate = Mutator(FRAGMENTS)


@dataclass(slots=True)
class Request:
    """The parts of a request. Headers are bytes, because they need not be text."""

    method: bytes = b"GET"
    target: bytes = b"/"
    version: bytes = b"HTTP/1.1"
    headers: list[tuple[bytes, bytes]] = field(default_factory=lambda: [(b"Host", b"fuzz")])
    body: bytes = b""
    line: bytes = _LINE

    def __bytes__(self) -> bytes:
        """The bytes that are sent."""
        lines = [b" ".join((self.method, self.target, self.version))]
        lines += [b": ".join(header) for header in self.headers]
        return self.line.join((*lines, b"", b"")) + self.body


class Requests:
    """Makes requests for the model of an artifact.

    Args:
        artifact: whose series are right.
    """

    def __init__(self, artifact: Artifact) -> None:
        series = artifact.golden.series[:2]
        length = artifact.contract.input.length
        rows = [[round(float(value), 3) for value in row] for row in series]
        self._json = json.dumps({"instances": rows}).encode()
        self._npy = npy_bodies.saved(series)
        self._odd = Size(length, 3)

    def stream(self, rng: Random) -> bytes:
        """The bytes of one connection: one or a few requests; a third of the cases have changed bytes."""
        requests = [self.request(rng) for _ in range(rng.choice((1, 1, 1, 1, 1, 1, 2, 4)))]
        data = b"".join(map(bytes, requests))
        return data if rng.randrange(3) else mutate(rng, data, bytes(self.request(rng)))

    def request(self, rng: Random) -> Request:
        """One request; half of the cases are valid HTTP."""
        match rng.randrange(4):
            case 0:
                request = Request(rng.choice(METHODS), rng.choice(TARGETS))
            case 1:
                request = self._other(rng)
            case _:
                request = self._predict(rng)
        if rng.getrandbits(1):
            for _ in range(rng.randrange(1, 4)):
                _bend(rng, request)
        return request

    def _other(self, rng: Random) -> Request:
        """A prediction of V1 or V2, as `v1_bodies` and `v2_bodies` make them."""
        headers = [(b"Host", b"fuzz")]
        if rng.getrandbits(1):
            body, length = v2_bodies.request(rng, self._odd, odd=bool(rng.getrandbits(1)))
            target = b"/v2/models/forda/infer"
            if length:
                headers.append((b"Inference-Header-Content-Length", length.encode()))
        else:
            document = v1_bodies.document(rng, self._odd, v1_bodies.PREDICT, odd=bool(rng.getrandbits(1)))
            body, target = json.dumps(document).encode(), b"/v1/models/forda:predict"
        return Request(b"POST", target, headers=[*headers, (b"Content-Length", b"%d" % len(body))], body=body)

    def _predict(self, rng: Random) -> Request:
        media_type, body = rng.choice(((JSON, self._json), (NPY, self._npy)))
        if not rng.randrange(3):
            body = (json_bodies.document if media_type == JSON else npy_bodies.forged)(rng, self._odd)
        headers = [(b"Host", b"fuzz"), (b"Content-Type", media_type.encode())]
        if not rng.getrandbits(3):
            body = gzip.compress(body, 1, mtime=0)
            headers.append((b"Content-Encoding", b"gzip"))
        if rng.getrandbits(3):
            headers.append((b"Content-Length", b"%d" % len(body)))
        else:
            headers.append((b"Transfer-Encoding", b"chunked"))
            body = _chunked(rng, body)
        return Request(
            b"POST", rng.choice((b"/predict", b"/predict", rng.choice(TARGETS))), headers=headers, body=body
        )


def _bend(rng: Random, request: Request) -> None:
    """Change one part of a request."""
    headers = request.headers
    at = rng.randrange(len(headers) + 1)
    match rng.randrange(11):
        case 0:
            request.method = rng.choice(METHODS)
        case 1:
            request.target = rng.choice(TARGETS)
        case 2:
            request.version = rng.choice(VERSIONS)
        case 3 if headers:
            del headers[min(at, len(headers) - 1)]
        case 4 if headers:
            headers.insert(at, rng.choice(headers))
        case 5:
            request.line = rng.choice(_BROKEN_LINES)
        case 6:
            headers.insert(at, (b"X-Long", rng.randbytes(8).hex().encode() * 2 ** rng.randrange(14)))
        case 7:
            headers[at:at] = [(b"X-%d" % number, b"x") for number in range(2 ** rng.randrange(12))]
        case 8:
            request.body = mutate(rng, request.body)
        case _:
            name, values = rng.choice(HEADERS)
            headers.insert(at, (name, rng.choice(values)))


def _chunked(rng: Random, body: bytes) -> bytes:
    parts: list[bytes] = []
    while body:
        size = rng.choice((1, 7, 1000, len(body)))
        part, body = body[:size], body[size:]
        length = len(part) if rng.randrange(40) else rng.choice((0, len(part) + 1, 2**31, 2**63, 2**64))
        extension = rng.choice((b"", b"", b"", b";a=b", b";" + b"x" * 300))
        parts += b"%x" % length, extension, _LINE, part, _LINE
        if len(parts) > 500:
            break
    return b"".join((*parts, b"0\r\n", rng.choice((b"", b"", b"X-Trailer: 1\r\n")), _LINE))
