"""API keys: random, stored as digests in a file, which is reloaded when it changes.

A key is 256 random bits, so a plain SHA-256 is safe: slow hashes protect passwords, which can be
guessed, and would slow down every request. `app/api/middleware/auth.py` checks the keys of requests.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import re
import secrets
from pathlib import Path

from app.errors import InvalidKeyFile
from app.system.regular_file import read_regular

KEY_BYTES = 32
# Seconds between two checks of the file.
POLL_SECONDS = 1.0
# Every key is compared at every request.
MAX_FILE_BYTES = 1024 * 1024

_NAME = r"[A-Za-z0-9._-]{1,64}"
_LINE = re.compile(rf"({_NAME}):([0-9A-Fa-f]{{64}})")

log = logging.getLogger(__name__)


def is_name(text: str) -> bool:
    """Whether a key may have this name: up to 64 letters, digits, dots, dashes and underscores."""
    return re.fullmatch(_NAME, text) is not None


def new_key() -> str:
    """A new random key: 43 characters that are safe in a header, a URL and a shell."""
    # A command would take a leading dash for an option.
    while (key := secrets.token_urlsafe(KEY_BYTES)).startswith("-"):
        pass
    return key


def line_of(name: str, key: str) -> str:
    """The line of a key file for a key."""
    return f"{name}:{hashlib.sha256(key.encode()).hexdigest()}"


class KeyFile:
    """The keys of a file, as of its last valid version.

    An invalid new version is logged once, and the previous keys stay valid.

    Args:
        path: of the file: lines of `name:sha256`, empty ones, and comments after a `#`.

    Attributes:
        path: as given.

    Raises:
        InvalidKeyFile: the file is invalid at the start.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._version = _version_of(path)  # first: a change during the read is found by the next check
        self._names = read_keys(path)
        self._last_error = ""

    def name_of(self, key: bytes) -> str | None:
        """The name of a key; None if the file does not have it.

        All digests are compared, each in constant time, so that the duration reveals nothing.
        """
        digest = hashlib.sha256(key).digest()
        found = None
        for known, name in self._names.items():
            if hmac.compare_digest(known, digest):
                found = name
        return found

    def reload_if_changed(self) -> None:
        """Reload the file if it has changed.

        This blocks while the file system does: call it in a thread. `name_of` is safe at the same time.
        """
        version = _version_of(self.path)
        if version is not None and version == self._version:
            self._last_error = ""
            return
        try:
            self._names = read_keys(self.path)
        except InvalidKeyFile as error:
            if str(error) != self._last_error:
                log.error("%s; the previous keys stay valid", error)  # noqa: TRY400 - one line
            self._last_error = str(error)
        else:
            log.info("API_KEYS_FILE: read again, keys: %d", len(self._names))
            self._version, self._last_error = version, ""


def read_keys(path: Path) -> dict[bytes, str]:
    """The name of each key in a file, by digest. A name may have several keys: an old one and a new one.

    Raises:
        InvalidKeyFile: it cannot be read, is no regular file, is too large, or has an invalid line. The
            message has no part of the line: it may be a key.
    """
    try:
        # By line feeds alone, as editors do: `splitlines` would begin a line within a comment, at U+2028 say.
        lines = read_regular(path, max_bytes=MAX_FILE_BYTES).decode().split("\n")
    except OSError as error:
        raise InvalidKeyFile(f"API_KEYS_FILE: {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InvalidKeyFile(f"API_KEYS_FILE: {path}: not a text file") from error
    names: dict[bytes, str] = {}
    for number, line in enumerate(lines, 1):
        text = line.partition("#")[0].strip()
        if not text:
            continue
        match = _LINE.fullmatch(text)
        if match is None:
            wanted = "expected name:sha256; create a line with `python -m app key NAME`"
            raise InvalidKeyFile(f"API_KEYS_FILE: {path}: line {number}: {wanted}")
        name, digest = match[1], bytes.fromhex(match[2])
        if digest in names:
            raise InvalidKeyFile(
                f"API_KEYS_FILE: {path}: line {number}: duplicate key; remove one of the two lines"
            )
        names[digest] = name
    return names


def _version_of(path: Path) -> tuple[int, ...] | None:
    """Changes when the file is changed, replaced or made readable; None if there is no file."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino
