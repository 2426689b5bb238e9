"""Structured logs, uvicorn's included: one JSON object per line, or plain text for a terminal."""

from __future__ import annotations

import logging.config
import math
import os
import time
from collections.abc import Callable
from typing import Any

_MAX_MESSAGES = 100


class RateLimitFilter(logging.Filter):
    """Passes the same message of a logger once a minute.

    Args:
        seconds: time between two records of the same message.
        clock: returns the time in seconds.
    """

    def __init__(self, *, seconds: float = 60.0, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._seconds = seconds
        self._clock = clock
        self._last: dict[tuple[str, object], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether to log the record."""
        message, now = (record.name, record.msg), self._clock()
        if now - self._last.get(message, -math.inf) < self._seconds:
            return False
        if len(self._last) >= _MAX_MESSAGES:
            self._last.clear()  # messages with formatted values are always new
        self._last[message] = now
        return True


def configure(*, level: str, style: str, worker: int | None = None) -> None:
    """Send all logging to standard error.

    Args:
        level: lowest level that is logged.
        style: `"json"` or `"text"`.
        worker: number of this worker; each entry names it. None with a single process.
    """
    process = {} if worker is None else {"worker": worker, "pid": os.getpid()}
    name = "" if worker is None else f"worker {worker}: "
    formatters: dict[str, Any] = {
        "json": {
            "()": "pythonjsonlogger.json.JsonFormatter",
            "format": "%(levelname)s %(name)s %(message)s",
            "rename_fields": {"levelname": "level", "name": "logger"},
            "timestamp": "time",
            "static_fields": process,
            # Uvicorn's coloured copy of the message, for terminals.
            "reserved_attrs": [*_standard_attributes(), "color_message"],
        },
        "text": {"format": f"%(asctime)s %(levelname)-8s {name}%(message)s"},
    }
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": formatters,
            "filters": {"rate_limit": {"()": RateLimitFilter}},
            "handlers": {
                "stderr": {"class": "logging.StreamHandler", "formatter": style},
                "rate_limited": {
                    "class": "logging.StreamHandler",
                    "formatter": style,
                    "filters": ["rate_limit"],
                },
            },
            "root": {"level": level.upper(), "handlers": ["stderr"]},
            # httpx logs every request at info level.
            "loggers": {
                "httpx": {"level": "WARNING"},
                # Without a reachable collector it logs several errors for each batch of spans.
                "opentelemetry": {"handlers": ["rate_limited"], "propagate": False},
                # Its warnings quote headers of clients.
                "opentelemetry.trace": {"level": "ERROR"},
            },
        }
    )


def _standard_attributes() -> list[str]:
    return [*vars(logging.makeLogRecord({})), "message", "asctime"]
