"""`app.inference.versions`: folders that are not what their names say, and versions already loaded."""

from __future__ import annotations

import asyncio
import json
import logging
import shutil
from pathlib import Path
from typing import Any

import pytest

from app.contract import CONTRACT_FILE, Artifact, pin
from tests.app.inference.test_versions import Bench, bench
from tests.support.versions import add_version


@pytest.fixture
def versions(tmp_path: Path, artifact: Artifact) -> Path:
    """A folder with version 1."""
    add_version(tmp_path, 1, artifact)
    return tmp_path


def edit(folder: Path, **changes: Any) -> None:
    """Change a version's contract."""
    path = folder / CONTRACT_FILE
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def loaded(made: Bench) -> list[int]:
    """The versions that are loaded."""
    return list(made.versions.loaded)


def refusals(caplog: pytest.LogCaptureFixture) -> list[str]:
    """The log lines of refused versions; none has a traceback."""
    records = [record for record in caplog.records if "is refused" in record.getMessage()]
    assert all(record.exc_info is None for record in records)
    return [record.getMessage() for record in records]


def test_a_folder_with_another_number_is_refused(
    versions: Path, artifact: Artifact, caplog: pytest.LogCaptureFixture
) -> None:
    """With one log line, until it is renamed."""

    async def scenario() -> None:
        async with bench(versions) as made:
            add_version(versions, 2, artifact).rename(versions / "3")
            for _ in range(3):
                await made.versions.check()
            assert made.versions.loaded == (1,)
            assert made.observer.told == [("serving", 1), ("refused", "3")]
            assert "/3: contract.json says version 2" in made.versions.refused["3"]
            (versions / "3").rename(versions / "2")
            await made.versions.check()
            assert (made.versions.loaded, dict(made.versions.refused)) == ((2,), {})

    asyncio.run(scenario())
    [line] = refusals(caplog)
    assert line.startswith("version 3 is refused, version 1 keeps serving: ")


@pytest.mark.parametrize("pinned", [False, True])
def test_a_second_folder_of_a_loaded_number_is_refused(
    versions: Path, artifact: Artifact, pinned: bool
) -> None:
    """A copy or a renamed folder: `?version=1` stays unambiguous."""

    async def scenario() -> None:
        async with bench(versions, keep=2) as made:
            shutil.copytree(versions / "1", versions / "2")
            if pinned:
                add_version(versions, 3, artifact)
                pin(versions, 2)
            await made.versions.check()
            assert made.versions.loaded == (1,)
            assert "/2: contract.json says version 1" in made.versions.refused["2"]

    asyncio.run(scenario())


def test_a_version_unpacked_a_level_too_high_is_refused(versions: Path, artifact: Artifact) -> None:
    """Any version but one with a loaded number is accepted there."""

    async def scenario() -> None:
        async with bench(versions, keep=2) as made:
            shutil.copytree(versions / "1", versions, dirs_exist_ok=True)
            await made.versions.check()
            reason = "version 1 is already loaded from another folder"
            assert (loaded(made), reason in made.versions.refused[versions.name]) == ([1], True)
            edit(versions, version=2)
            await made.versions.check()
            assert loaded(made) == [2, 1]
            (versions / CONTRACT_FILE).unlink()
            add_version(versions, 2, artifact)
            await made.versions.check()
            reason = "version 2 is already loaded from another folder"
            assert (loaded(made), reason in made.versions.refused["2"]) == ([2, 1], True)

    asyncio.run(scenario())


def test_a_folder_whose_files_are_replaced_while_loaded_is_refused(
    versions: Path, artifact: Artifact, caplog: pytest.LogCaptureFixture
) -> None:
    """The loaded version keeps serving and the log names the reason. Touching a file changes nothing."""

    async def scenario() -> None:
        async with bench(versions) as made:
            first = made.versions.current
            (versions / "1" / CONTRACT_FILE).touch()
            (versions / "1" / "notes.txt").touch()
            await made.versions.check()
            assert not made.versions.refused
            sealed = (versions / "1" / CONTRACT_FILE).read_bytes()
            edit(versions / "1", description="another")
            for _ in range(3):
                await made.versions.check()
            assert made.versions.current is first
            assert made.observer.told == [("serving", 1), ("refused", "1")]
            assert "/1: its files were replaced after it was loaded" in (made.versions.refused["1"])
            (versions / "1" / CONTRACT_FILE).write_bytes(sealed)
            await made.versions.check()
            assert not made.versions.refused
            add_version(versions, 2, artifact)
            await made.versions.check()
            assert made.versions.loaded == (2,)

    asyncio.run(scenario())
    assert len(refusals(caplog)) == 1


def test_a_rollback_to_a_loaded_version_needs_unchanged_files(versions: Path, artifact: Artifact) -> None:
    """A rollback loads nothing, so the files must equal the loaded ones."""

    async def scenario() -> None:
        async with bench(versions, keep=2) as made:
            add_version(versions, 2, artifact)
            await made.versions.check()
            sealed = (versions / "1" / CONTRACT_FILE).read_bytes()
            edit(versions / "1", description="another")
            pin(versions, 1)
            await made.versions.check()
            assert made.versions.loaded == (2, 1)
            assert list(made.versions.refused) == ["1"]
            (versions / "1" / CONTRACT_FILE).write_bytes(sealed)
            await made.versions.check()
            assert (made.versions.loaded, dict(made.versions.refused)) == ((1, 2), {})

    asyncio.run(scenario())


def test_a_directly_named_version_is_not_compared(versions: Path) -> None:
    """It is served for the life of the process, even if its files change."""

    async def scenario() -> None:
        (versions / "1").rename(versions / "served")
        async with bench(versions / "served") as made:
            edit(versions / "served", version=2)
            await made.versions.check(again=True)
            assert (made.versions.loaded, dict(made.versions.refused)) == ((1,), {})

    asyncio.run(scenario())


@pytest.mark.parametrize("name", ["002", "٢", "1" * 200])
def test_a_folder_whose_name_is_not_a_plain_number_is_reported(
    versions: Path, artifact: Artifact, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    """Once, while other versions are served; not after it is renamed."""

    async def scenario() -> None:
        async with bench(versions) as made:
            add_version(versions, 2, artifact).rename(versions / name)
            for _ in range(3):
                await made.versions.check()
            assert (made.versions.loaded, list(made.versions.refused)) == ((1,), [name])
            assert made.observer.told == [("serving", 1), ("refused", name)]
            add_version(versions, 3, artifact)
            await made.versions.check()
            assert (made.versions.loaded, list(made.versions.refused)) == ((3,), [name])
            shutil.rmtree(versions / "3")
            (versions / name).rename(versions / "2")
            await made.versions.check()
            assert (made.versions.loaded, dict(made.versions.refused)) == ((2,), {})

    asyncio.run(scenario())
    [line] = refusals(caplog)
    assert "not a version name" in line


def test_a_refusal_is_cleared_when_its_folder_is_deleted(versions: Path, artifact: Artifact) -> None:
    """`/model` must not list a folder that no longer exists."""

    async def scenario() -> None:
        async with bench(versions) as made:
            add_version(versions, 2, artifact).rename(versions / "3")
            await made.versions.check()
            assert list(made.versions.refused) == ["3"]
            shutil.rmtree(versions / "3")
            await made.versions.check()
            assert not made.versions.refused

    asyncio.run(scenario())


def test_an_error_of_a_library_is_reported_in_one_line(
    versions: Path, artifact: Artifact, caplog: pytest.LogCaptureFixture
) -> None:
    """The line is shown at `/model`; the traceback is in the log."""

    async def scenario() -> None:
        async with bench(versions) as made:
            made.faults["2"] = ValueError("first line\n\n  second line \x1b[31m")
            add_version(versions, 2, artifact)
            await made.versions.check()
            assert made.versions.refused == {"2": r"ValueError: first line second line \x1b[31m"}

    asyncio.run(scenario())
    [record] = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert record.exc_info
