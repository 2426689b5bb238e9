"""Reads the bytes of a regular file of limited size, and unpacks gzip.

`MAX_BYTES` limits both the stored and the unpacked size, so that no file can fill the memory.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.series.readers.parsed import Refused
from app.system.regular_file import open_regular, read_regular

MAX_BYTES = 512 * 1024 * 1024
_GZIP = b"\x1f\x8b"
_AGAIN = "copy or download it again"


def read_content(path: Path) -> tuple[bytes, str]:
    """A file's content, unpacked, and the SHA-256 of the file as it is stored.

    Raises:
        Refused: it is no regular file, it cannot be read, it is too large, or its gzip stream is broken.
    """
    with _refusing():
        stored = read_regular(path, max_bytes=MAX_BYTES)
    digest = hashlib.sha256(stored).hexdigest()
    return (unpacked(stored, most=MAX_BYTES) if stored.startswith(_GZIP) else stored), digest


def first_bytes(path: Path) -> bytes:
    """The first bytes of a file of any size, by which its format is recognised.

    Raises:
        Refused: it is no regular file, or it cannot be read.
    """
    with _refusing(), open_regular(path, max_bytes=sys.maxsize) as file:
        return file.read(8)


@contextmanager
def _refusing() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Refused(f"cannot be read ({error.strerror})", "give a regular file that may be read") from error
    except ValueError as error:  # a NUL in the name
        raise Refused(f"cannot be read ({error})", "check the file's name") from error


def unpacked(stored: bytes, *, most: int) -> bytes:
    """The unpacked content of a gzip file, all members concatenated.

    Args:
        stored: the file.
        most: limit of the unpacked size, in bytes.

    Raises:
        Refused: it unpacks to more, or is damaged or cut off.
    """
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(stored)) as file:
            content = file.read(most + 1)
    except EOFError as error:
        raise Refused("gzip: the file is cut off", _AGAIN) from error
    except gzip.BadGzipFile as error:
        # The magic bytes of the first member were checked: what is not gzip follows it.
        is_more = str(error).startswith("Not a gzipped file")
        raise Refused(f"gzip: {'other data follow the stream' if is_more else error}", _AGAIN) from error
    except zlib.error as error:
        raise Refused(f"gzip: {error}", _AGAIN) from error
    if len(content) > most:
        raise Refused(f"unpacks to more than {most:,} bytes", "split the file")
    return content
