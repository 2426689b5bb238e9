"""Fields of a contract that are reserved for later servers.

A server of today checks them and makes no use of them. So it serves a version that was sealed with them, in a
fleet of old and new servers and after a rollback, and nothing that it does not know can hide in a contract.
"""

from __future__ import annotations

import json
from typing import Any

from pydantic import Field, JsonValue, model_validator

from app.contract.frozen import FileName, Frozen

MAX_RESERVED_FILES = 16
# As compact JSON. What is larger belongs into a file.
MAX_RESERVED_BYTES = 64 * 1024


class Reserved(Frozen):
    """A part of a version that a later server reads: files of the version, and what to know of them."""

    files: tuple[FileName, ...] = Field(
        default=(), max_length=MAX_RESERVED_FILES, description="Its files; each has a digest in `files`."
    )
    content: dict[str, JsonValue] = Field(default_factory=dict, description="What the later server reads.")

    @model_validator(mode="after")
    def _is_small(self) -> Reserved:
        size = len(json.dumps(self.content, separators=(",", ":"), ensure_ascii=False).encode())
        if size > MAX_RESERVED_BYTES:
            raise ValueError(f"content is {size} bytes of JSON; at most {MAX_RESERVED_BYTES} are read")
        return self


def reserved(what: str) -> Any:
    """The field of a contract for a part that is reserved: null, and not written, where there is none.

    Args:
        what: a later server reads there, for people.
    """
    # Written as null it would be an unknown field to servers that know the schema without it.
    return Field(default=None, exclude_if=_is_none, description=f"For later servers: {what}.")


def _is_none(value: object) -> bool:
    return value is None
