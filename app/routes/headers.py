"""A request's headers, read once: Starlette's own search them anew for each name, 1 µs each."""

from __future__ import annotations

from starlette.types import Scope


class FirstValues:
    """Header values by name; of a name that comes more than once the first, as Starlette has it.

    Attributes:
        fields: names and values as they came.
    """

    __slots__ = ("_raw", "fields")

    def __init__(self, scope: Scope) -> None:
        self.fields: list[tuple[bytes, bytes]] = scope["headers"]
        self._raw: dict[bytes, bytes] = dict(reversed(self.fields))

    def has_any(self, names: frozenset[bytes]) -> bool:
        """Whether there is a header of any of these names, in lower case."""
        return not names.isdisjoint(self._raw)

    def get(self, name: bytes) -> str | None:
        """The value of a header, its name in lower case; None if there is none."""
        value = self._raw.get(name)
        return None if value is None else value.decode("latin-1")
