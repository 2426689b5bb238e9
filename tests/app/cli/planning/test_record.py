"""Records of loads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from app.cli.planning.record import SHIPPED, RecordError, read_record
from tests.app.cli.planning.records import record


def test_a_record_survives_a_file_with_a_line_for_each_load(tmp_path: Path) -> None:
    """So that a change of the committed one can be read."""
    record().save(tmp_path / "record.json")
    assert read_record(tmp_path / "record.json") == record()
    lines = (tmp_path / "record.json").read_text().splitlines()
    assert sum('"rate"' in line for line in lines) == 9


def test_the_record_that_is_shipped_covers_both_formats_and_says_where_it_comes_from() -> None:
    """For one series up to the most that a request may have."""
    shipped = read_record(SHIPPED)
    for body in ("json", "npy"):
        assert {1, 256} <= {curve.series for curve in shipped.curves if curve.body == body}
    assert shipped.about.command.startswith("python -m benchmarks.capacity --measure FILE")
    assert "core(s)" in shipped.about.machine
    assert "/" not in shipped.about.command.replace("model_artifacts/", "")


def change(document: dict[str, Any], path: str, value: object) -> None:
    """Replace a value of a document; the path's names and numbers are separated by dots."""
    *parents, last = path.split(".")
    for name in parents:
        document = document[int(name) if name.isdecimal() else name]  # type: ignore[index]
    document[last] = value


@pytest.mark.parametrize(
    ("path", "value", "why"),
    [
        ("format", 2, "format: Input should be 1"),
        ("curves", [], "curves: List should have at least 1 item"),
        ("curves.0.series", 0, "curves.0.series: Input should be greater than 0"),
        ("curves.0.points.0.rate", -1, "curves.0.points.0.rate: Input should be greater than 0"),
        ("curves.0.points.0.rate", 50, "curves.0: Value error, the rates of a curve must rise"),
        ("curves.0.points.0.p99_ms", [], "curves.0.points.0.p99_ms: List should have at least 1 item"),
        ("curves.0.points.0.extra", 1, "curves.0.points.0.extra: Extra inputs are not permitted"),
    ],
)
def test_an_invalid_record_is_refused_in_one_line(tmp_path: Path, path: str, value: object, why: str) -> None:
    """It has the file, the place and how to measure one."""
    document = record().model_dump()
    change(document, path, value)
    (tmp_path / "record.json").write_text(json.dumps(document))
    with pytest.raises(RecordError) as refused:
        read_record(tmp_path / "record.json")
    assert f"{tmp_path / 'record.json'}: no record of loads: {why}" in str(refused.value)
    assert str(refused.value).endswith("; measure one: python -m benchmarks.capacity --measure FILE")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[1, 2]"])
def test_a_file_of_another_kind_is_refused_in_one_line(tmp_path: Path, content: bytes) -> None:
    """Also one that is not JSON."""
    (tmp_path / "record.json").write_bytes(content)
    with pytest.raises(RecordError, match=r"record.json: no record of loads: file: ") as refused:
        read_record(tmp_path / "record.json")
    assert "\n" not in str(refused.value)


def test_a_missing_record_is_named(tmp_path: Path) -> None:
    """With the system's reason."""
    with pytest.raises(RecordError, match=r"nothing.json: no such file or directory; check the name"):
        read_record(tmp_path / "nothing.json")
