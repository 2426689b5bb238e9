"""The versions of an artifact, side by side: a new one is there as a whole, or not at all."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def new_version(shelf: Path) -> Iterator[tuple[Path, int]]:
    """A folder to write the next version into, and its number; it is published when the block ends well.

    The folder is beside its destination and renamed at the end. A killed run leaves no half version.

    Args:
        shelf: `<folder of artifacts>/<name>`; made where there is none.
    """
    shelf.mkdir(parents=True, exist_ok=True)
    version = next_version(shelf)
    folder = shelf / f".{version}.partial"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    try:
        yield folder, version
        folder.rename(shelf / str(version))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def next_version(shelf: Path) -> int:
    """One more than the highest version on an artifact's shelf."""
    return 1 + max((int(child.name) for child in shelf.iterdir() if child.name.isdecimal()), default=0)
