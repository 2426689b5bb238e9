"""Parts of a contract that later servers may extend.

This server checks them, and keeps content that it does not know. So it can serve a version that was sealed
with more, in a fleet of old and new servers and after a rollback, and still refuse unknown fields.
"""

from __future__ import annotations

from typing import Any

from pydantic import Field, JsonValue, model_validator
from pydantic_core import to_json

from app.contract.frozen import FileName, Frozen

MAX_PART_FILES = 16
# As compact JSON. Larger content belongs in a file.
MAX_PART_BYTES = 64 * 1024


class OptionalPart(Frozen):
    """A part of a version: files, and data about them."""

    files: tuple[FileName, ...] = Field(
        default=(), max_length=MAX_PART_FILES, description="Its files; each has a digest in `files`."
    )
    content: dict[str, JsonValue] = Field(default_factory=dict, description="What the server reads.")

    @model_validator(mode="after")
    def _is_small(self) -> OptionalPart:
        size = len(to_json(self.content))
        if size > MAX_PART_BYTES:
            raise ValueError(f"content is {size} bytes of JSON; at most {MAX_PART_BYTES} are read")
        return self


def optional_part(description: str) -> Any:
    """The contract field of a part; null, and not written, if absent."""
    # If written as null, it would be an unknown field to older servers.
    return Field(default=None, exclude_if=_is_none, description=description)


def _is_none(value: object) -> bool:
    return value is None
