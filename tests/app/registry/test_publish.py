"""Publishing into a real store: whole or not at all, and one of several at the same time."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from app.contract import CONTRACT_FILE, Artifact, open_artifact, sha256_of
from app.errors import ArtifactError, StoreUnavailable
from app.registry import VERSIONS_FILE, publish, pull
from app.store import Store, open_store
from tests.app.registry.conftest import BRIEF, Open, Publish
from tests.support.faulty_proxy import FaultyProxy
from tests.support.versions import add_version, damage


def another(folder: Path, number: int, source: Artifact) -> Path:
    """A version of the same number with another description and another file."""
    version = add_version(folder, number, source)
    (version / "metrics.json").write_text(f'{{"by": "{folder.name}"}}')
    contract = json.loads((version / CONTRACT_FILE).read_text())
    contract["files"]["metrics.json"] = sha256_of(version / "metrics.json")
    (version / CONTRACT_FILE).write_text(json.dumps(contract))
    return version


def test_of_two_publishers_one_wins(store: Store, remote: Open, small: Artifact, tmp_path: Path) -> None:
    """The other gets one line, and what is served is complete."""
    folders = []
    for name in "abc":
        (tmp_path / name).mkdir()
        folders.append(another(tmp_path / name, 5, small))

    def attempt(folder: Path) -> str:
        try:
            return publish(folder, store)
        except ArtifactError as error:
            return str(error)

    with ThreadPoolExecutor(3) as pool:
        said = list(pool.map(attempt, folders))
    won = [folder for folder, line in zip(folders, said, strict=True) if line == f"{store.url}/5"]
    assert len(won) == 1
    lost = [line for line in said if line != f"{store.url}/5"]
    assert all(
        "another publisher has this version number with other files; seal the" in line for line in lost
    )
    served = open_artifact(remote().first())
    assert served.contract_sha256 == sha256_of(won[0] / CONTRACT_FILE)


def test_all_numbers_that_are_published_at_once_are_listed(store: Store, published: Publish) -> None:
    """`VERSIONS` loses none of them; publishing again changes nothing."""
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(published, [9, 10, 1, 2]))
    index = store.read(VERSIONS_FILE)
    assert index.content == b"1\n2\n9\n10\n"


def test_a_publication_that_was_cut_is_not_served_and_the_same_command_completes_it(
    url: str, proxy: FaultyProxy, remote: Open, small: Artifact, tmp_path: Path
) -> None:
    """The contract is written last; what has arrived already is left as it is."""
    store, version = open_store(url, timeouts=BRIEF), add_version(tmp_path, 1, small)
    proxy.sent = 0
    proxy.fault = lambda piece: piece if proxy.sent < 1_500 else None
    with pytest.raises(StoreUnavailable):
        publish(version, store)
    proxy.fault = None
    written = {each.path: each for each in store.list()}
    assert written
    assert f"1/{CONTRACT_FILE}" not in written
    with pytest.raises(ArtifactError, match="contains no contract"):
        remote().first()
    publish(version, store)
    assert {each.path: each for each in store.list()}.items() > written.items()
    assert open_artifact(remote().first()).contract.version == 1
    assert publish(version, store) == f"{url}/1"


def test_a_damaged_version_is_not_published(store: Store, small: Artifact, tmp_path: Path) -> None:
    """Nothing is written."""
    version = add_version(tmp_path, 1, small)
    damage(version)
    with pytest.raises(ArtifactError, match=r"model\.keras: damaged"):
        publish(version, store)
    assert list(store.list()) == []


def test_a_version_is_pulled_into_a_folder(
    store: Store, published: Publish, proxy: FaultyProxy, tmp_path: Path
) -> None:
    """The served one or another, continued after a failure; a different one of its number stays."""
    for number in (1, 2):
        published(number)
    folder = tmp_path / "pulled"
    proxy.sent = 0
    proxy.fault = lambda piece: piece if proxy.sent < 500_000 else None
    with pytest.raises(StoreUnavailable):
        pull(store, None, folder)
    assert not (folder / "2").exists()
    proxy.fault = None
    assert pull(store, None, folder) == folder / "2"
    assert pull(store, 1, folder) == folder / "1"
    assert pull(store, 1, folder) == folder / "1"
    assert {open_artifact(folder / name).contract.version for name in "12"} == {1, 2}
    assert [child.name for child in sorted(folder.iterdir())] == ["1", "2"]
    (folder / "1" / CONTRACT_FILE).write_text("{}")
    with pytest.raises(ArtifactError, match="another version 1; choose another folder"):
        pull(store, 1, folder)
    with pytest.raises(ArtifactError, match=r"7/contract\.json: does not exist; `artifact list` shows"):
        pull(store, 7, folder)
