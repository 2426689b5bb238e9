"""`app.system.regular_file`: regular files are opened, anything else is refused at once."""

from __future__ import annotations

import os
from pathlib import Path, PosixPath

import pytest

from app.system.regular_file import open_regular, read_regular
from tests.support.not_files import KINDS, NOT_REGULAR, put


def descriptors() -> int:
    """How many descriptors this process has open."""
    return len(list(Path("/dev/fd").iterdir()))


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_regular_file_is_refused(tmp_path: Path, kind: str) -> None:
    """Without waiting for a writer, reading without end, or keeping a descriptor."""
    make, message = KINDS[kind]
    make(tmp_path / "file")
    before = descriptors()
    with pytest.raises(OSError, match="file") as info:
        open_regular(tmp_path / "file", max_bytes=1000)
    assert message in str(info.value.strerror)
    assert descriptors() == before


@pytest.mark.skipif(os.getuid() == 0, reason="root may read every file")
def test_an_unreadable_file_is_refused(tmp_path: Path) -> None:
    """With the system's error text."""
    (tmp_path / "file").touch(mode=0)
    with pytest.raises(PermissionError):
        open_regular(tmp_path / "file", max_bytes=1000)


def test_a_regular_file_and_a_link_to_one_are_read(tmp_path: Path) -> None:
    """Orchestrators mount files as links; a file may have exactly the maximum size."""
    (tmp_path / "file").write_bytes(b"12345")
    (tmp_path / "link").symlink_to("file")
    for name in ("file", "link"):
        assert read_regular(tmp_path / name, max_bytes=5) == b"12345"
        with pytest.raises(OSError, match="too large: 5 bytes of at most 4"):
            read_regular(tmp_path / name, max_bytes=4)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the system has no /proc")
def test_a_file_that_claims_no_size_is_read_up_to_the_limit() -> None:
    """As those in /proc do, and one that grows while it is read."""
    with pytest.raises(OSError, match="too large: 11 bytes of at most 10"):
        read_regular(Path("/proc/self/status"), max_bytes=10)


class Replaced(PosixPath):
    """A path whose file is replaced by a FIFO after the check."""

    def stat(self, *, follow_symlinks: bool = True) -> os.stat_result:
        """Return the status, then replace the file."""
        status = super().stat(follow_symlinks=follow_symlinks)
        put(Path(self), os.mkfifo)
        return status


def test_a_file_that_is_replaced_after_the_first_look_is_refused(tmp_path: Path) -> None:
    """Although it was a regular file at the check."""
    (tmp_path / "file").touch()
    before = descriptors()
    with pytest.raises(OSError, match=NOT_REGULAR):
        open_regular(Replaced(tmp_path / "file"), max_bytes=1000)
    assert descriptors() == before
