"""Importing OpenVINO for serving alone: sooner there, and smaller."""

from __future__ import annotations

import importlib
import sys
from typing import Any

# It reads other frameworks' models. `import openvino` brings it in, and does without where there is none.
CONVERTER = "openvino.tools.ovc"


def import_openvino() -> Any:
    """OpenVINO, without its converter unless that is here already; who needs it imports it by its name."""
    if "openvino" not in sys.modules:
        sys.modules[CONVERTER] = None  # type: ignore[assignment]  # Python's own way to say: not to be imported
    try:
        # Waits where another thread has begun: what it has put among the modules is not whole yet.
        return importlib.import_module("openvino")
    finally:
        if sys.modules.get(CONVERTER, ...) is None:
            sys.modules.pop(CONVERTER, None)
