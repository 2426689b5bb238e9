"""API keys: made at random, kept as digests in a file, which is read again when it changes.

A key is 256 random bits, so its plain SHA-256 gives nothing away: a slow hash, which passwords need, makes
guesses dear, and nobody guesses 256 bits at any price. It would make every request dear instead.

Here is no HTTP: who brings a key, and what it is good for, is `app/api/middleware/auth.py`'s business.
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
# Seconds between looks at the file.
POLL_SECONDS = 1.0
# Far more than anyone has keys, each of which is compared at every request.
MAX_FILE_BYTES = 1024 * 1024

_NAME = r"[A-Za-z0-9._-]{1,64}"
_LINE = re.compile(rf"({_NAME}):([0-9A-Fa-f]{{64}})")

log = logging.getLogger(__name__)


def is_name(text: str) -> bool:
    """Whether a key may have this name: up to 64 letters, digits, dots, dashes and underscores."""
    return re.fullmatch(_NAME, text) is not None


def new_key() -> str:
    """A key that nobody has: 43 characters that are safe in a header, a URL and a shell."""
    # With a dash in front a shell's command would take it for an option.
    while (key := secrets.token_urlsafe(KEY_BYTES)).startswith("-"):
        pass
    return key


def line_of(name: str, key: str) -> str:
    """The line of a key file that lets a key in."""
    return f"{name}:{hashlib.sha256(key.encode()).hexdigest()}"


class KeyFile:
    """The keys in a file as it was when somebody last looked.

    Changed for the worse it is logged, once, and the keys that it had before stay good.

    Args:
        path: of the file: lines of `name:sha256`, empty ones, and comments after a `#`.

    Attributes:
        path: as given.

    Raises:
        InvalidKeyFile: there are no keys to begin with.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._version = _version_of(path)  # first: a change while the file is read is seen at the next look
        self._names = read_keys(path)
        self._last_error = ""

    def name_of(self, key: bytes) -> str | None:
        """The name of a key; None if it is none of these.

        All digests are compared, each in constant time: how long it takes tells nothing of them.
        """
        digest = hashlib.sha256(key).digest()
        found = None
        for known, name in self._names.items():
            if hmac.compare_digest(known, digest):
                found = name
        return found

    def reload_if_changed(self) -> None:
        """Read the file again if it has changed.

        It hangs as long as the file's mount does, so it is for a thread of its own; `name_of` may be called
        meanwhile.
        """
        version = _version_of(self.path)
        if version is not None and version == self._version:
            self._last_error = ""
            return
        try:
            self._names = read_keys(self.path)
        except InvalidKeyFile as error:
            if str(error) != self._last_error:
                log.error("%s; the keys that were there before stay good", error)  # noqa: TRY400 - one line
            self._last_error = str(error)
        else:
            log.info("API_KEYS_FILE: read again, keys: %d", len(self._names))
            self._version, self._last_error = version, ""


def read_keys(path: Path) -> dict[bytes, str]:
    """The name of each key in a file, by digest. A name may have several keys: an old one and a new one.

    Raises:
        InvalidKeyFile: it cannot be read, is no regular file, is too large, or a line is none. No part of a
            line is told: it may be a key.
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
            wanted = "name:sha256 is needed; `python -m app key NAME` makes one"
            raise InvalidKeyFile(f"API_KEYS_FILE: {path}: line {number}: {wanted}")
        name, digest = match[1], bytes.fromhex(match[2])
        if digest in names:
            raise InvalidKeyFile(f"API_KEYS_FILE: {path}: line {number}: the same key once more")
        names[digest] = name
    return names


def _version_of(path: Path) -> tuple[int, ...] | None:
    """What differs when the file was changed or replaced, or may be read now; None if it is not there."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino
