"""tests/slow.txt, which `make check` leaves out."""

from __future__ import annotations

from tests.conftest import ROOT, SLOW


def test_every_slow_file_or_folder_exists() -> None:
    """A file that was moved would otherwise be slow again without notice."""
    assert [name for name in SLOW if not (ROOT / "tests" / name).exists()] == []
