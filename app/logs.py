"""Structured logs: one JSON object a line, or plain text for a terminal. Uvicorn's entries included."""

from __future__ import annotations

import logging.config
import os
from typing import Any


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
            "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": style}},
            "root": {"level": level.upper(), "handlers": ["stderr"]},
            # httpx and friends note every request at info; that is not this server's news.
            "loggers": {"httpx": {"level": "WARNING"}},
        }
    )


def _standard_attributes() -> list[str]:
    return [*vars(logging.makeLogRecord({})), "message", "asctime"]
