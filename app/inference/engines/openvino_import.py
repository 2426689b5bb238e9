"""Imports OpenVINO without its model converter: faster, and less memory."""

from __future__ import annotations

import importlib
import sys
from typing import Any

# Reads other frameworks' models. `import openvino` imports it if it exists.
CONVERTER = "openvino.tools.ovc"


def import_openvino() -> Any:
    """OpenVINO without its converter, unless that was imported before; import it by name if needed."""
    if "openvino" not in sys.modules:
        sys.modules[CONVERTER] = None  # type: ignore[assignment]  # makes Python's import of it fail
    try:
        # Waits for an import in another thread: the module in `sys.modules` may be incomplete.
        return importlib.import_module("openvino")
    finally:
        if sys.modules.get(CONVERTER, ...) is None:
            sys.modules.pop(CONVERTER, None)
