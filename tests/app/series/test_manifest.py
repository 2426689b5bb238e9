"""Shards and their manifest."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from app.series.manifest import Manifest, ManifestError, replacing

NO_JOB = b'{"format": 1, "job": null, "shards": []}'
ENTRY = b'{"format": 1, "job": {}, "shards": [{"name": "0", "first": 0, "end": %s, "rows": 1, %s}]}'
WRONG_TYPE = ENTRY % (b'"10"', b'"bytes": 3, "sha256": ""')
WRONG_COUNT = ENTRY % (b"10", b'"bytes": 3, "sha256": "", "counts": {"bad": "2"}')
JOB = {"files": ["a.npy"], "format": "csv"}


def stored(folder: Path, *contents: bytes) -> Manifest:
    """A manifest with shards of ten positions each, two of which have no result."""
    folder.mkdir()
    manifest = Manifest(folder, JOB)
    for number, content in enumerate(contents, start=1):
        manifest.add(content, end=10 * number, rows=8, counts={"bad": 2})
    return manifest


def loaded(folder: Path) -> Manifest:
    """What the next run finds."""
    manifest = Manifest(folder, JOB)
    manifest.load()
    return manifest


def test_the_next_run_finds_shards_and_counts(tmp_path: Path) -> None:
    """And goes on after the last one."""
    made = stored(tmp_path / "parts", b"one", b"two")
    found = loaded(tmp_path / "parts")
    assert found.shards == made.shards
    assert (found.position, found.total("bad"), found.total("else")) == (20, 4, 0)
    assert list(found.contents()) == [b"one", b"two"]
    found.remove()
    assert not (tmp_path / "parts").exists()


@pytest.mark.parametrize("damage", ["changed", "gone"])
def test_a_damaged_shard_is_made_again_with_all_after_it(tmp_path: Path, damage: str) -> None:
    """A digest that differs counts as no shard."""
    stored(tmp_path / "parts", b"one", b"two", b"three")
    shard = tmp_path / "parts" / "000001"
    shard.unlink() if damage == "gone" else shard.write_bytes(b"twx")
    assert loaded(tmp_path / "parts").position == 10


def test_a_shard_without_its_manifest_counts_as_none(tmp_path: Path) -> None:
    """As after a kill between both."""
    stored(tmp_path / "parts", b"one")
    (tmp_path / "parts" / "000001").write_bytes(b"two")
    assert loaded(tmp_path / "parts").position == 10


def test_another_job_does_not_take_the_shards(tmp_path: Path) -> None:
    """The error names what differs."""
    stored(tmp_path / "parts", b"one")
    with pytest.raises(ManifestError, match="an earlier run had other files, rows;"):
        Manifest(tmp_path / "parts", {**JOB, "files": ["b.npy"], "rows": 3}).load()


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[]", b'{"shards": [{}]}', NO_JOB, WRONG_TYPE, WRONG_COUNT, b"\xff"]
)
def test_a_damaged_manifest_is_one_line(tmp_path: Path, content: bytes) -> None:
    """Nothing is overwritten."""
    stored(tmp_path / "parts", b"one")
    (tmp_path / "parts" / "manifest.json").write_bytes(content)
    with pytest.raises(ManifestError, match="damaged; delete"):
        loaded(tmp_path / "parts")


def test_a_folder_is_for_one_run(tmp_path: Path) -> None:
    """At a time."""
    one, other = Manifest(tmp_path / "parts", JOB), Manifest(tmp_path / "parts", JOB)
    with one.locked(), pytest.raises(ManifestError, match="another run writes here"), other.locked():
        pass
    with other.locked():
        pass


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo, lambda path: path.symlink_to("/dev/null")])
def test_only_a_regular_file_is_replaced(tmp_path: Path, make: Callable[[Path], object]) -> None:
    """A rename would remove a FIFO or a device; as root, `/dev/null` itself."""
    make(tmp_path / "a")
    with pytest.raises(OSError, match="not a regular file"), replacing(tmp_path / "a"):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert not (tmp_path / "a").is_file()


def test_a_symbolic_link_is_followed(tmp_path: Path) -> None:
    """The link stays, and its target has the content."""
    link, target = tmp_path / "link", tmp_path / "folder" / "target"
    target.parent.mkdir()
    link.symlink_to(target)
    for content in (b"new", b"old"):
        with replacing(link) as file:
            file.write(content)
        assert link.is_symlink()
        assert (target.read_bytes(), [*target.parent.iterdir()]) == (content, [target])


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    """After an error, the old one is there, and nothing else."""
    path = tmp_path / "a"
    with replacing(path) as file:
        file.write(b"old")
    with pytest.raises(TypeError), replacing(path) as file:
        file.write("not bytes")  # type: ignore[call-overload]
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
