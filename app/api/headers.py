"""A request's headers, read once: Starlette's own search them anew for each name, 1 µs each."""

from __future__ import annotations

from starlette.types import Scope

# Those that are read here; HTTP itself has others.
ACCEPT = b"accept"
AUTHORIZATION = b"authorization"
API_KEY = b"x-api-key"
CONTENT_ENCODING = b"content-encoding"
CONTENT_LENGTH = b"content-length"
CONTENT_TYPE = b"content-type"
REQUEST_ID = b"x-request-id"
REQUEST_TIMEOUT = b"x-request-timeout"
TRACEPARENT = b"traceparent"
TRACESTATE = b"tracestate"
# All of these but the one that HTTP clients set by themselves: pages of other origins may send them.
FROM_CALLERS = frozenset(
    (
        *(ACCEPT, AUTHORIZATION, API_KEY, CONTENT_ENCODING, CONTENT_TYPE),
        *(REQUEST_ID, REQUEST_TIMEOUT, TRACEPARENT, TRACESTATE),
    )
)


class FirstValues:
    """Header values by name; of a name that comes more than once the first, as Starlette has it.

    For a header that is a list, `joined` has all of its lines. For one that is a single value, `conflicts`
    tells whether several were sent: a proxy in front may have used another one than the first.

    Attributes:
        fields: names and values as they came.
    """

    __slots__ = ("_has_repeats", "_raw", "fields")

    def __init__(self, scope: Scope) -> None:
        self.fields: list[tuple[bytes, bytes]] = scope["headers"]
        self._raw: dict[bytes, bytes] = dict(reversed(self.fields))
        self._has_repeats = len(self._raw) != len(self.fields)

    def has_any(self, names: frozenset[bytes]) -> bool:
        """Whether there is a header of any of these names, in lower case."""
        return not names.isdisjoint(self._raw)

    def get(self, name: bytes) -> str | None:
        """The value of a header, its name in lower case; None if there is none."""
        value = self._raw.get(name)
        return None if value is None else value.decode("latin-1")

    def joined(self, name: bytes) -> str | None:
        """The value of a list header, all of its lines as one list (RFC 9110, 5.3); None if there is none."""
        if not self._has_repeats:
            return self.get(name)
        lines = self._lines(name)
        return b", ".join(lines).decode("latin-1") if lines else None

    def conflicts(self, name: bytes) -> bool:
        """Whether a header comes more than once with different values."""
        return self._has_repeats and len(set(self._lines(name))) > 1

    def _lines(self, name: bytes) -> list[bytes]:
        return [value for given, value in self.fields if given == name]
