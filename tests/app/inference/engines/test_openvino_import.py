"""Serving imports OpenVINO without the converter, which stays within reach of those who need it."""

from __future__ import annotations

import subprocess
import sys

FIRST_HERE = """
import sys
from app.inference.engines.openvino_import import CONVERTER, import_openvino
openvino = import_openvino()
assert CONVERTER not in sys.modules and not hasattr(openvino, "convert_model")
assert openvino.Core().available_devices
from openvino.tools.ovc import convert_model
assert CONVERTER in sys.modules and import_openvino() is openvino
"""
FIRST_ELSEWHERE = """
import openvino
from app.inference.engines.openvino_import import import_openvino
assert import_openvino() is openvino and openvino.convert_model
"""

AT_ONCE = """
import threading
from concurrent.futures import ThreadPoolExecutor
from app.inference.engines.openvino_import import import_openvino
barrier = threading.Barrier(8)
def whole(_):
    barrier.wait()
    return hasattr(import_openvino(), "opset17")
with ThreadPoolExecutor(8) as pool:
    assert all(pool.map(whole, range(8)))
from openvino.tools.ovc import convert_model
"""


def run(code: str) -> None:
    """In a process that has imported nothing yet."""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_the_converter_is_left_out_and_can_be_imported_later() -> None:
    """The runtime is whole without it."""
    run(FIRST_HERE)


def test_openvino_that_is_there_already_is_taken_as_it_is() -> None:
    """With its converter, which somebody else may use."""
    run(FIRST_ELSEWHERE)


def test_threads_that_import_it_at_once_all_get_the_whole() -> None:
    """None of them gets what another has only begun to import."""
    run(AT_ONCE)
