"""Reads the golden series and answers of an artifact; standard library only."""

from __future__ import annotations

import array
import ast
import json
import struct
import zipfile
from dataclasses import dataclass
from pathlib import Path

Rows = list[list[float]]


@dataclass(frozen=True)
class Golden:
    """Golden series, their probabilities at training, and the tolerance."""

    labels: list[str]
    series: Rows
    probabilities: Rows
    tolerance: float


def read_golden(folder: Path) -> Golden:
    """Read a version folder's `contract.json` and `golden.npz`."""
    contract = json.loads((folder / "contract.json").read_text(encoding="utf-8"))
    with zipfile.ZipFile(folder / "golden.npz") as archive:
        series, probabilities = (
            _read_npy(archive.read(f"{name}.npy")) for name in ("series", "probabilities")
        )
    return Golden(
        labels=[label["name"] for label in contract["labels"]],
        series=series,
        probabilities=probabilities,
        tolerance=contract["output"]["tolerance"],
    )


def _read_npy(content: bytes) -> Rows:
    """A float32 matrix in NumPy's format, version 1.0: magic, header length, header, little-endian values."""
    (header_length,) = struct.unpack_from("<H", content, 8)
    header = ast.literal_eval(content[10 : 10 + header_length].decode())
    if header["descr"] != "<f4" or header["fortran_order"] or len(header["shape"]) != 2:
        raise ValueError(f"golden.npz holds {header}, not rows of float32")
    values = array.array("f", content[10 + header_length :])
    rows, columns = header["shape"]
    return [values[row * columns : (row + 1) * columns].tolist() for row in range(rows)]
