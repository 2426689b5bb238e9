"""What every store promises, on a folder, on SeaweedFS and on moto."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from app.errors import ObjectConflict, ObjectMissing, StoreError
from app.store import Store


def test_what_was_written_is_read(store: Store, tmp_path: Path) -> None:
    """Whole, in part and as a stream, from bytes and from a file."""
    file = tmp_path / "file"
    file.write_bytes(b"0123456789" * 300_000)
    etags = {store.create("a/small", b"hello"), store.create("a/large", file), store.overwrite("a/x y", b"")}
    assert len(etags) == 3
    assert store.read("a/small").content == b"hello"
    assert store.read("a/x y").content == b""
    assert store.read_range("a/small", 1, 3) == b"ell"
    assert store.read_range("a/small", 3, 100) == b"lo"
    assert b"".join(store.stream("a/large")) == file.read_bytes()
    assert b"".join(store.stream("a/large", start=2_999_995)) == b"56789"


def test_lists_name_what_is_below_a_folder(store: Store) -> None:
    """`list` all of it, `children` the first level, with sizes and etags; nothing for a missing folder."""
    written = {path: store.create(path, b"1") for path in ("top", "a/x", "a/b/y", "ab/z")}
    found = {each.path: each for each in store.list()}
    assert {path: each.etag for path, each in found.items()} == written
    assert {each.path for each in store.list("a")} == {"a/x", "a/b/y"}
    assert found["top"].size == 1
    assert store.children().folders == ("a", "ab")
    assert [each.path for each in store.children().objects] == ["top"]
    assert store.children("a").folders == ("b",)
    assert [each.path for each in store.children("a").objects] == ["a/x"]
    assert store.children("nowhere").folders == ()
    assert list(store.list("nowhere")) == []
    assert store.find("a/x") == found["a/x"]
    assert store.find("a/q") is None


def test_create_replaces_nothing(store: Store) -> None:
    """Of several at once, one succeeds."""

    def create(number: int) -> bool:
        try:
            store.create("claim", str(number).encode())
        except ObjectConflict:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(create, range(8)))
    assert sum(won) == 1
    assert store.read("claim").content == str(won.index(True)).encode()
    with pytest.raises(ObjectConflict, match=f"{store.url}/claim: exists .*nothing was written"):
        store.create("claim", b"late")


def test_replace_needs_the_object_that_was_read(store: Store) -> None:
    """Increments by several at once are all counted; a deleted object is not replaced."""
    store.create("count", b"0")

    def increment(_: int) -> None:
        while True:
            seen = store.read("count")
            try:
                store.replace("count", str(int(seen.content) + 1).encode(), etag=seen.etag)
            except ObjectConflict:
                continue
            return

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(increment, range(12)))
    last = store.read("count")
    assert last.content == b"12"
    store.delete("count")
    with pytest.raises(ObjectConflict, match="nothing was written"):
        store.replace("count", b"13", etag=last.etag)
    assert store.find("count") is None


def test_a_missing_object_is_an_error_and_deleting_it_none(store: Store) -> None:
    """The error is one line with the place."""
    for read in (
        store.read,
        lambda path: b"".join(store.stream(path)),
        lambda path: store.read_range(path, 0, 1),
    ):
        with pytest.raises(ObjectMissing) as caught:
            read("no/such")
        assert str(caught.value) == f"{store.url}/no/such: does not exist"
    store.delete("no/such")


def test_an_object_that_is_too_large_is_not_read(store: Store) -> None:
    """`read` holds its limit."""
    store.create("large", b"12345")
    with pytest.raises(StoreError, match=r"large.*: .*5 bytes of at most 4"):
        store.read("large", max_bytes=4)


@pytest.mark.parametrize("path", ["", "/etc", "../x", "a//b", "a/./b", "a/..", "a\0"])
def test_paths_stay_in_the_store(store: Store, path: str) -> None:
    """Names that would leave it are refused before anything is done."""
    with pytest.raises(StoreError, match="not the path of an object"):
        store.create(path, b"")
