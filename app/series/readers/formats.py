"""Detects a file's format by its first bytes, and by its name if these are ambiguous."""

from __future__ import annotations

import codecs
import json
import shlex
from enum import Enum, auto
from pathlib import Path

from app.series.readers.parsed import Refused

_AS_ARRAY = "save the series with numpy.save, or as text: a label and the values of one series a row"
_UNPACK = "unpack it"
_MAGIC: tuple[tuple[bytes, str, str], ...] = (
    (b"PAR1", "a Parquet file", _AS_ARRAY),
    (b"ARROW1", "an Arrow file", _AS_ARRAY),
    (b"\x89HDF", "an HDF5 file", _AS_ARRAY),
    (b"MATLAB", "a MATLAB file", _AS_ARRAY),
    (b"\xd0\xcf\x11\xe0", "an Excel workbook", "save the sheet as CSV"),
    (b"%PDF", "a PDF file", _AS_ARRAY),
    (b"\x80\x02", "a pickle, which is never loaded", _AS_ARRAY),
    (b"\x80\x03", "a pickle, which is never loaded", _AS_ARRAY),
    (b"\x80\x04", "a pickle, which is never loaded", _AS_ARRAY),
    (b"\x80\x05", "a pickle, which is never loaded", _AS_ARRAY),
    (b"BZh", "packed by bzip2", _UNPACK),
    (b"\xfd7zXZ", "packed by xz", _UNPACK),
    (b"\x28\xb5\x2f\xfd", "packed by zstd", _UNPACK),
    (b"7z\xbc\xaf", "packed by 7-Zip", _UNPACK),
    (b"\x1f\x8b", "gzipped twice", _UNPACK),
)
_UTF_16_OR_32 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE)
_AS_UTF_8 = "save it as text in UTF-8"
_TS = (".ts", ".tsf")


class Format(Enum):
    """The formats with a reader."""

    TEXT = auto()
    JSON = auto()
    NDJSON = auto()
    ARFF = auto()
    NPY = auto()
    ZIP = auto()


def format_of(content: bytes, path: Path) -> Format:
    """The format of a file's unpacked content.

    Raises:
        Refused: there is no reader for it; the remedy says how to convert the file.
    """
    if content.startswith(b"\x93NUMPY"):
        return Format.NPY
    if content.startswith(b"PK\x03\x04"):
        return Format.ZIP
    for magic, name, remedy in _MAGIC:
        if content.startswith(magic):
            raise Refused(name, remedy)
    if content.startswith(_UTF_16_OR_32):
        raise Refused("text in UTF-16 or UTF-32", _AS_UTF_8)
    if not content.strip():
        raise Refused("the file is empty", "give a file of series")
    if b"\0" in content:
        row = content.count(b"\n", 0, content.index(b"\0")) + 1
        raise Refused(f"row {row}: a NUL byte: binary data, or text in UTF-16", _AS_UTF_8)
    return _text_format(content, _name(path))


def is_ndjson(content: bytes) -> bool:
    """Whether the first line of a file is a JSON array or object, and more lines follow."""
    first, _, rest = content.removeprefix(codecs.BOM_UTF8).lstrip().partition(b"\n")
    if not rest.strip():
        return False
    try:
        return isinstance(json.loads(first), (list, dict))
    except (ValueError, RecursionError):
        return False


def decoded(content: bytes) -> str:
    """A file's text, without a byte order mark.

    Raises:
        Refused: it is not UTF-8.
    """
    try:
        return content.removeprefix(codecs.BOM_UTF8).decode("utf-8")
    except UnicodeDecodeError as error:
        row = content.count(b"\n", 0, error.start) + 1
        found = content[error.start]
        raise Refused(f"row {row}: the byte 0x{found:02x} is not UTF-8", _AS_UTF_8) from error


def _name(path: Path) -> str:
    return path.name.lower().removesuffix(".gz")


def _text_format(content: bytes, name: str) -> Format:
    start = content[:65536].removeprefix(codecs.BOM_UTF8).lstrip()
    if name.endswith((".npy", ".npz")):
        raise Refused("not a file that numpy.save or numpy.savez wrote", "save the series again")
    if name.endswith((".ndjson", ".jsonl")):
        return Format.NDJSON
    if name.endswith(".json") or start.startswith((b"{", b"[")):
        return Format.NDJSON if is_ndjson(content) else Format.JSON
    lines = start.splitlines()
    head = next((line for line in lines if line.strip() and not line.startswith((b"#", b"%"))), b"").lower()
    if name.endswith(".arff") or head.startswith(b"@relation"):
        return Format.ARFF
    if name.endswith(_TS) or head.startswith(b"@"):
        raise Refused("the archive's .ts format is not read", _ts_remedy())
    return Format.TEXT


def _ts_remedy() -> str:
    """Commands that convert a `.ts` file of one channel to UCR format."""
    code = (
        "import sys; from aeon.datasets import load_from_ts_file as load; X, y = load(sys.argv[1]); "
        "[print(k, *x, sep='\\t') for (x,), k in zip(X, y)]"
    )
    return f"convert it: pip install aeon && python -c {shlex.quote(code)} FILE.ts > FILE.tsv"
