"""The inputs of a job: files, folders, patterns, and the same in an object store."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from app.contract import Artifact
from app.errors import UnreadableSeries
from app.scoring.inputs import find_inputs
from app.store import open_store
from tests.app.scoring.jobs import plan_of, scored, scorer_of, some_series
from tests.support.object_stores import ObjectStoreServer


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of files in folders; some begin with a dot or an underscore."""
    for name in ("a.npy", "b.csv", "sub/a.npy", "sub/deep/c.npy", ".hidden", "_SUCCESS", "_temporary/x.npy"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    return tmp_path


PATTERNS = {
    "": ["a.npy", "b.csv", "sub/a.npy", "sub/deep/c.npy"],
    "/*.npy": ["a.npy"],
    "/**/*.npy": ["_temporary/x.npy", "a.npy", "sub/a.npy", "sub/deep/c.npy"],
    "/sub/?.npy": ["sub/a.npy"],
    "/[!b].*": ["a.npy"],
}


@pytest.mark.parametrize("pattern", PATTERNS)
def test_files_are_found(folder: Path, pattern: str) -> None:
    """In the order of their names."""
    found = [Path(file.name).relative_to(folder) for file in find_inputs([f"{folder}{pattern}"])]
    assert list(map(str, found)) == PATTERNS[pattern]


def test_each_mention_counts(folder: Path) -> None:
    """A file that a folder and a pattern name is there twice."""
    names = [file.name for file in find_inputs([str(folder), str(folder / "a.npy"), str(folder / "a*")])]
    assert names.count(str(folder / "a.npy")) == 3


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nowhere.npy", "nowhere.npy: no such file or folder; check the name"),
        ("*.nothing", "no file matches; check the pattern"),
        ("empty", "empty: no files in this folder; check the name"),
    ],
)
def test_an_input_without_files_is_refused(tmp_path: Path, name: str, message: str) -> None:
    """With what to check."""
    (tmp_path / "empty").mkdir()
    with pytest.raises(UnreadableSeries, match=message.replace("*", r"\*")):
        find_inputs([str(tmp_path / name)])


def test_standard_input_is_refused() -> None:
    """It cannot be read again."""
    with pytest.raises(UnreadableSeries, match="standard input: cannot be read again"):
        find_inputs(["-"])


def test_an_object_store_is_read_as_a_folder(
    artifact: Artifact, tmp_path: Path, seaweed: ObjectStoreServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Listed, matched and scored in parts, with the same rows; nothing is copied to this machine."""
    for name, value in seaweed.environment.items():
        monkeypatch.setenv(name, value)
    values = some_series(33)
    np.save(tmp_path / "a.npy", values)
    lists = pa.array(list(values), pa.list_(pa.float32()))
    pq.write_table(pa.table({"x": lists}), tmp_path / "b.parquet", row_group_size=10)
    url = seaweed.folder()
    for name in ("a.npy", "b.parquet"):
        open_store(url).create(f"in/{name}", (tmp_path / name).read_bytes())
    open_store(url).create("in/sub/_SUCCESS", b"")
    for inputs in ((f"{url}/in",), (f"{url}/in/",), (f"{url}/in/a.npy", f"{url}/in/*.parquet")):
        table = scored(artifact.contract, *inputs)
        assert table["file"].unique().to_pylist() == [f"{url}/in/a.npy", f"{url}/in/b.parquet"]
        expected = scored(artifact.contract, tmp_path / "a.npy", tmp_path / "b.parquet")
        assert table.drop(["file"]).equals(expected.drop(["file"]))
    open_store(url).create("damaged.npy", b"\x93NUMPY\x01")
    (task,) = plan_of(artifact.contract, f"{url}/damaged.npy").tasks()
    assert f"{url}/damaged.npy: a damaged .npy file" in scorer_of(artifact.contract).score(task).problem
    with pytest.raises(UnreadableSeries, match=r"in/c\.npy: no such file or folder"):
        find_inputs([f"{url}/in/c.npy"])
