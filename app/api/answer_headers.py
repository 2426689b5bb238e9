"""The headers of answers, as the OpenAPI document tells them; `context.py` and `problems.py` set them."""

from __future__ import annotations

from typing import Any

# Of every answer. An error that nobody expected is answered outside of what measures time.
EVERY: dict[str, Any] = {
    "X-Request-Id": {
        "required": True,
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9._:/+=@-]{1,128}$"},
        "description": "The caller's own if it sent a sane one, else a new one.",
    },
    "Server-Timing": {
        "schema": {"type": "string"},
        "description": "Milliseconds: in all and, of an answer of the model, where they went.",
    },
}
# Of the answers that are worth another try.
RETRY: dict[str, Any] = {
    "Retry-After": {
        "required": True,
        "schema": {"type": "integer", "minimum": 1},
        "description": "Seconds after which to try again.",
    },
}
