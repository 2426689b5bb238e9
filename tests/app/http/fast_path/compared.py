"""Responses without what differs each time, to be compared."""

from __future__ import annotations

import json
import re
from typing import Any

from qa.harness.messages import Response


def told(answer: Response) -> tuple[int, dict[str, str], Any]:
    """A response without what differs each time: the time it took and, unless its client gave it, its id."""
    headers = {name.lower(): value for name, value in answer.headers.items()}
    assert len(headers) == len(answer.headers), f"a header came twice: {answer.headers}"
    headers["server-timing"] = re.sub(r"dur=[\d.]+", "dur=#", headers.get("server-timing", ""))
    headers.pop("date", None)
    document: Any = answer.body
    if headers.get("content-type", "").endswith("json"):
        document = json.loads(answer.body)
        if headers["content-type"] == "application/problem+json":
            assert document.pop("request_id", None) == headers.get("x-request-id")
    if re.fullmatch("[0-9a-f]{32}", headers.get("x-request-id", "")):
        headers["x-request-id"] = "new"
    return answer.status, headers, document
