"""A server's artifact in a real store: found, fetched, verified, and kept through faults."""

from __future__ import annotations

import json
import logging
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from app.contract import CONTRACT_FILE, PIN_FILE, open_artifact
from app.errors import ArtifactError, ObjectMissing, StoreDenied, StoreUnavailable
from app.registry import ArtifactCache, RemoteArtifact, choose
from app.registry.cache import UNUSED_SECONDS
from app.store import Store, StoreTimeouts
from tests.app.registry.conftest import BRIEF, Open, Publish
from tests.support.faulty_proxy import FaultyProxy, answer, cut_after


def test_the_highest_version_is_served_and_the_pinned_one_instead(
    published: Publish, remote: Open, store: Store
) -> None:
    """As in a folder; `choose` writes and removes the pin file, and refuses a version that is not there."""
    for number in (9, 10):
        published(number)
    source = remote()
    assert open_artifact(source.first()).contract.version == 10
    assert choose(store, 9) == f"{store.url}/9"
    assert store.read(PIN_FILE).content == b"9\n"
    assert source.find(loaded={}, known=[]).folder.name == "9"
    assert remote().first().name == "9"
    with pytest.raises(ArtifactError, match=f"{store.url}: version 7 does not exist"):
        choose(store, 7)
    choose(store, None)
    assert source.find(loaded={}, known=[]).folder.name == "10"


@pytest.mark.parametrize(
    ("pin", "problem"), [(b"x", "no version number"), (b"3", "version 3 does not exist")]
)
def test_a_wrong_pin_is_said(
    published: Publish, remote: Open, store: Store, pin: bytes, problem: str
) -> None:
    """With the URL of the file."""
    published(1)
    store.create(PIN_FILE, pin)
    with pytest.raises(ArtifactError, match=f"{store.url}/SERVE: {problem}"):
        remote().first()


def test_an_empty_store_is_said(remote: Open, store: Store) -> None:
    """With what to do."""
    with pytest.raises(
        ArtifactError, match=rf"{store.url}: contains no contract\.json .*; publish a version"
    ):
        remote().first()


def test_a_url_may_name_one_version(published: Publish, tmp_path: Path) -> None:
    """It is read once, as a folder that is a version."""
    source = RemoteArtifact(published(4), ArtifactCache(tmp_path / "cache"))
    folder = source.first()
    assert open_artifact(folder).contract.version == 4
    assert source.find(loaded={folder: ""}, known=[]).folder == folder


def test_a_version_is_fetched_once_for_all_processes(
    published: Publish, remote: Open, proxy: FaultyProxy
) -> None:
    """Several start at the same time with one cache; later ones fetch contracts alone."""
    published(1)
    proxy.sent = 0
    with ThreadPoolExecutor(4) as pool:
        folders = set(pool.map(lambda _: remote().first(), range(4)))
    assert len(folders) == 1
    assert proxy.sent < 1_500_000  # one version has 1.0 MB


def test_a_cut_download_is_continued(published: Publish, remote: Open, proxy: FaultyProxy) -> None:
    """After each cut it goes on where it was; the result is whole."""
    published(1)
    proxy.sent, proxy.fault = 0, cut_after(150_000, times=6)
    assert open_artifact(remote().first()).contract.version == 1
    assert proxy.sent < 1_500_000


def test_a_killed_download_is_continued_by_the_next_process(
    published: Publish, remote: Open, proxy: FaultyProxy
) -> None:
    """Files that have arrived are not fetched again, and nothing is served before all have."""
    published(1)
    source = remote()
    folder = source.find(loaded={}, known=[]).folder
    proxy.sent = 0
    proxy.fault = lambda piece: piece if proxy.sent < 500_000 else None
    with pytest.raises(StoreUnavailable):
        source.fetch(folder)
    assert not folder.exists()
    proxy.fault = None
    before = proxy.sent
    assert open_artifact(remote().first()).contract.version == 1
    assert before > 400_000
    assert proxy.sent - before < 800_000


def test_a_slow_download_fails_and_keeps_what_has_arrived(published: Publish, remote: Open) -> None:
    """A store that trickles does not hold a check for ever."""
    published(1)
    source = remote(min_bytes=10**9, seconds=0.0)
    with pytest.raises(StoreUnavailable, match=r"too slow: [\d,]+ bytes in .* s; the next check continues"):
        source.fetch(source.find(loaded={}, known=[]).folder)
    assert remote().first().name == "1"


@pytest.mark.parametrize("fault", ["silent", "closed", "expired", "failing"])
def test_a_start_without_the_store_serves_from_the_cache(
    published: Publish, remote: Open, proxy: FaultyProxy, fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The store hangs, is away, refuses expired credentials or fails; one warning says so."""
    published(1)
    folder = remote().first()
    expired = "<Error><Code>ExpiredToken</Code><Message>secret</Message></Error>"
    if fault == "closed":
        proxy.close()
    elif fault == "silent":
        proxy.is_silent = True
    else:
        proxy.fault = (
            answer("400 Bad Request", expired) if fault == "expired" else answer("503 Slow Down", "")
        )
    timeouts = StoreTimeouts(read=1.0, retries=1, total=1.0) if fault == "silent" else BRIEF
    with caplog.at_level(logging.WARNING):
        assert remote(timeouts=timeouts).first() == folder
    (message,) = caplog.messages
    assert "; starting with version 1 of the cache, which the store named " in message
    assert "secret" not in message
    reason = {
        "silent": "timeout",
        "expired": "access denied (status 400 ExpiredToken)",
        "failing": "status 503",
    }
    assert reason.get(fault, "cannot be reached") in message
    expected = StoreDenied if fault == "expired" else StoreUnavailable
    with pytest.raises(expected):
        remote(timeouts=timeouts).find(loaded={folder: ""}, known=[])


def test_a_start_without_the_store_serves_the_version_that_was_pinned_last(
    published: Publish, remote: Open, store: Store, proxy: FaultyProxy
) -> None:
    """Though it was still loaded when it was pinned again, and so was not fetched."""
    published(1)
    source = remote()
    first = source.first()
    published(2)
    second = source.fetch(source.find(loaded={first: ""}, known=[]).folder)
    choose(store, 1)
    assert source.find(loaded={second: "", first: ""}, known=[]).folder == first
    proxy.close()
    assert remote().first() == first


def test_a_signature_that_appears_is_another_state(published: Publish, remote: Open, store: Store) -> None:
    """A version that was refused because it is not signed is tried again."""
    published(1)
    before = remote().find(loaded={}, known=[]).state
    store.create("1/model.sig", b"{}")
    assert remote().find(loaded={}, known=[]).state != before


def test_a_start_without_store_and_cache_fails(remote: Open, proxy: FaultyProxy) -> None:
    """There is nothing to serve."""
    proxy.close()
    with pytest.raises(StoreUnavailable, match="cannot be reached or fails"):
        remote().first()


def test_wrong_bytes_are_never_served(published: Publish, remote: Open, store: Store) -> None:
    """A file that differs from its digest: refused until it is repaired in the store."""
    published(1)
    model = store.read("1/model.keras").content
    store.overwrite("1/model.keras", model[:-1] + bytes([model[-1] ^ 1]))
    source = remote()
    found = source.find(loaded={}, known=[])
    with pytest.raises(ArtifactError, match=rf"{store.url}/1/model\.keras: damaged: its SHA-256 is not"):
        source.fetch(found.folder)
    assert source.find(loaded={}, known=[found.folder]).state == found.state
    store.overwrite("1/model.keras", model)
    repaired = source.find(loaded={}, known=[found.folder])
    assert repaired.state != found.state
    assert open_artifact(source.fetch(repaired.folder)).contract.version == 1


def test_a_contract_without_its_files_is_not_complete(published: Publish, remote: Open, store: Store) -> None:
    """Someone copied the files in another order: it is no fault of the version, the next check goes on."""
    published(1)
    model = store.read("1/model.keras").content
    store.delete("1/model.keras")
    source = remote()
    folder = source.find(loaded={}, known=[]).folder
    with pytest.raises(ObjectMissing, match=r"model\.keras: does not exist, so the version is not complete"):
        source.fetch(folder)
    store.create("1/model.keras", model)
    assert open_artifact(source.fetch(folder)).contract.version == 1


def test_a_damaged_cache_is_fetched_again(published: Publish, remote: Open) -> None:
    """A version in it is compared with its digests before it is used."""
    published(1)
    model = remote().first() / "model.keras"
    model.write_bytes(b"x" + model.read_bytes()[1:])
    assert open_artifact(remote().first()).contract.version == 1


def test_two_replicas_look_while_versions_appear(published: Publish, remote: Open) -> None:
    """At every moment a replica finds a complete version, and never an older one than before."""
    published(1)
    done = False

    def look(source: Open) -> list[int]:
        seen, replica = [], source()
        while not done:
            seen.append(
                open_artifact(replica.fetch(replica.find(loaded={}, known=[]).folder)).contract.version
            )
        return seen

    with ThreadPoolExecutor(2) as pool:
        replicas = [pool.submit(look, remote) for _ in range(2)]
        try:
            for number in (2, 3):
                published(number)
        finally:
            done = True
        for replica in replicas:
            seen = replica.result()
            assert seen == sorted(seen)
            assert set(seen) <= {1, 2, 3}


def test_a_version_that_was_replaced_in_the_store_is_refused(
    published: Publish, remote: Open, store: Store
) -> None:
    """The loaded one keeps serving; the refusal ends when the store has the loaded files again."""
    published(1)
    source = remote()
    folder = source.first()
    contract = store.read(f"1/{CONTRACT_FILE}")
    changed = {**json.loads(contract.content), "description": "another"}
    store.replace(f"1/{CONTRACT_FILE}", json.dumps(changed).encode(), etag=contract.etag)
    found = source.find(loaded={folder: ""}, known=[])
    assert (found.folder, found.replaced) == (folder, True)
    again = source.find(loaded={folder: ""}, known=[folder])
    assert (again.state, again.deleted) == (found.state, frozenset())


def test_a_process_that_hangs_while_it_fetches_does_not_block_others(
    published: Publish, remote: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They say so and look again at the next check."""
    published(1)
    monkeypatch.setattr("app.registry.cache.STALLED_SECONDS", 0.0)
    source = remote()
    folder = source.find(loaded={}, known=[]).folder
    with (
        ArtifactCache(tmp_path / "cache").lock(folder.parent.name),
        pytest.raises(StoreUnavailable, match="another process fetches a version and makes no progress"),
    ):
        source.fetch(folder)
    assert source.fetch(folder).is_dir()


def test_versions_that_nobody_uses_leave_the_cache(published: Publish, remote: Open) -> None:
    """When another one is fetched; those in use stay."""
    published(1)
    first = remote().first()
    published(2)
    source = remote()
    second = source.first()
    for folder in (first, second):
        os.utime(folder, (time.time() - 2 * UNUSED_SECONDS,) * 2)
    published(3)
    third = source.fetch(source.find(loaded={second: ""}, known=[]).folder)
    assert (first.exists(), second.exists(), third.exists()) == (False, True, True)
