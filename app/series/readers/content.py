"""The bytes of a file: regular files alone, of bounded size, unpacked where they are gzipped.

`MAX_BYTES` bounds what is stored and what it unpacks to, so that neither a large file nor a small one that
unpacks to a large one fills the memory.
"""

from __future__ import annotations

import hashlib
import zlib
from pathlib import Path

from app.regular_file import read_regular
from app.series.readers.rows import Refused

MAX_BYTES = 512 * 1024 * 1024
_GZIP = b"\x1f\x8b"
_GZIP_WINDOW = 31  # zlib's name for a gzip header and the largest window
_STEP = 1024 * 1024


def read_content(path: Path) -> tuple[bytes, str]:
    """A file's content, unpacked, and the SHA-256 of the file as it is stored.

    Raises:
        Refused: it is no regular file, it cannot be read, it is too large, or its gzip stream is broken.
    """
    try:
        stored = read_regular(path, most=MAX_BYTES)
    except OSError as error:
        raise Refused(f"cannot be read ({error.strerror})", "give a regular file that may be read") from error
    except ValueError as error:  # a NUL in the name
        raise Refused(f"cannot be read ({error})", "check the file's name") from error
    digest = hashlib.sha256(stored).hexdigest()
    return (unpacked(stored, most=MAX_BYTES) if stored.startswith(_GZIP) else stored), digest


def unpacked(stored: bytes, *, most: int) -> bytes:
    """What a gzip file holds, all its members one after another.

    Args:
        stored: the file.
        most: bytes that it may unpack to.

    Raises:
        Refused: it unpacks to more, or is damaged or cut off.
    """
    parts: list[bytes] = []
    size, rest = 0, stored
    try:
        while rest.startswith(_GZIP):
            stream = zlib.decompressobj(wbits=_GZIP_WINDOW)
            while not stream.eof:
                part = stream.decompress(rest, min(_STEP, most + 1 - size))
                rest = stream.unconsumed_tail
                size += len(part)
                parts.append(part)
                if size > most:
                    raise Refused(f"unpacks to more than {most:,} bytes", "split the file")
                if not part and not rest and not stream.eof:
                    raise Refused("gzip: the file is cut off", "copy or download it again")
            rest = stream.unused_data.lstrip(b"\0")  # some tools fill the last block of a tape
    except zlib.error as error:
        raise Refused(f"gzip: {error}", "copy or download it again") from error
    if rest:
        raise Refused("gzip: something else follows the stream", "copy or download it again")
    return b"".join(parts)
