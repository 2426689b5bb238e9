"""Structured logs: one JSON object a line, or plain text for a terminal. Uvicorn's entries included."""

from __future__ import annotations

import logging.config
import math
import os
import time
from collections.abc import Callable
from typing import Any

_MOST_WORDS = 100


class RateLimitFilter(logging.Filter):
    """Lets through what a logger says in the same words once a minute.

    Args:
        seconds: instead of a minute.
        clock: of these seconds.
    """

    def __init__(self, *, seconds: float = 60.0, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._seconds = seconds
        self._clock = clock
        self._last: dict[tuple[str, object], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether it is let through."""
        words, now = (record.name, record.msg), self._clock()
        if now - self._last.get(words, -math.inf) < self._seconds:
            return False
        if len(self._last) >= _MOST_WORDS:
            self._last.clear()  # words with figures in them are new each time
        self._last[words] = now
        return True


def configure(*, level: str, style: str, worker: int | None = None) -> None:
    """Send all logging to standard error.

    Args:
        level: least severe level that is written.
        style: `"json"` or `"text"`.
        worker: the number of this process among several, which each entry then names.
    """
    who = {} if worker is None else {"worker": worker, "pid": os.getpid()}
    name = "" if worker is None else f"worker {worker}: "
    formatters: dict[str, Any] = {
        "json": {
            "()": "pythonjsonlogger.json.JsonFormatter",
            "format": "%(levelname)s %(name)s %(message)s",
            "rename_fields": {"levelname": "level", "name": "logger"},
            "timestamp": "time",
            "static_fields": who,
            # Uvicorn's coloured twin of the message, for terminals.
            "reserved_attrs": [*_standard_attributes(), "color_message"],
        },
        "text": {"format": f"%(asctime)s %(levelname)-8s {name}%(message)s"},
    }
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": formatters,
            "filters": {"seldom": {"()": RateLimitFilter}},
            "handlers": {
                "stderr": {"class": "logging.StreamHandler", "formatter": style},
                "seldom": {"class": "logging.StreamHandler", "formatter": style, "filters": ["seldom"]},
            },
            "root": {"level": level.upper(), "handlers": ["stderr"]},
            # httpx and friends note every request at info; that is not this server's news.
            "loggers": {
                "httpx": {"level": "WARNING"},
                # Where no collector answers, it says so several times for each batch of traces.
                "opentelemetry": {"handlers": ["seldom"], "propagate": False},
                # It complains of callers' headers, in their own words.
                "opentelemetry.trace": {"level": "ERROR"},
            },
        }
    )


def _standard_attributes() -> list[str]:
    return [*vars(logging.makeLogRecord({})), "message", "asctime"]
