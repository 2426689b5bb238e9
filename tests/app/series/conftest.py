"""What the tests of series share: reading bytes as a file, and the line that a refusal is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.errors import UnreadableSeries
from app.series.readers import SeriesFile, read_series_file

Read = Callable[..., SeriesFile]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Writes bytes or text into a file and reads it."""

    def write_and_read(content: bytes | str, name: str = "a.tsv", **options: Any) -> SeriesFile:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return read_series_file(path, **options)

    return write_and_read


@pytest.fixture
def refusal(read: Read, tmp_path: Path) -> Callable[..., str]:
    """The line with which a file is refused, without its path."""

    def refuse(content: bytes | str, name: str = "a.tsv", **options: Any) -> str:
        with pytest.raises(UnreadableSeries) as caught:
            read(content, name, **options)
        line = str(caught.value)
        assert len(line.splitlines()) == 1
        assert line.isprintable()
        assert line.startswith(f"{tmp_path / name}: ")
        assert line.endswith(f"; {caught.value.remedy}")
        return line.removeprefix(f"{tmp_path / name}: ")

    return refuse
