"""`app.inference.versions` on folders that do not answer, or hold what is no file: nobody waits for them."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.contract import PIN_FILE, Artifact, find_version, pin
from app.inference.service import Service
from tests.app.inference.test_service import series, soon, until
from tests.app.inference.test_versions import FINISH, Bench, bench
from tests.support.not_files import KINDS
from tests.support.versions import add_version


class HeldFolder:
    """Blocks every search for versions until the test releases it."""

    def __init__(self) -> None:
        self.looks = 0
        self.may_answer = threading.Event()

    def find_version(self, path: Path) -> Path:
        """Wait, and find it."""
        self.looks += 1
        assert self.may_answer.wait(timeout=60), "a test held a folder and never let it go"
        return find_version(path)


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Iterator[HeldFolder]:
    """Have no folder of versions answer."""
    folder = HeldFolder()
    monkeypatch.setattr("app.inference.version_search.find_version", folder.find_version)
    yield folder
    folder.may_answer.set()


@pytest.fixture
def versions(tmp_path: Path, artifact: Artifact) -> Path:
    """A folder with version 1."""
    add_version(tmp_path, 1, artifact)
    return tmp_path


def test_a_folder_that_hangs_delays_no_request(
    versions: Path,
    artifact: Artifact,
    held: HeldFolder,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Requests are answered, no second check starts, the log has one warning, and then it continues."""
    monkeypatch.setattr("app.system.file_reads.SLOW_SECONDS", 0.01)
    warning = (
        f"{versions}: versions not listed after 0.01 s, its file system may hang; version 1 keeps serving"
    )

    async def scenario() -> None:
        async with bench(versions) as made:
            watching = asyncio.create_task(made.versions.watch(seconds=0.001))
            await until(lambda: warning in caplog.text)
            add_version(versions, 2, artifact)
            asked = asyncio.create_task(made.versions.check(again=True))
            await made.versions.current.predict(series(1.0), deadline=soon())
            assert (held.looks, made.versions.loaded) == (1, (1,))
            held.may_answer.set()
            await asked
            assert made.versions.loaded == (2,)
            watching.cancel()

    asyncio.run(scenario())
    assert [each.getMessage() for each in caplog.records].count(warning) == 1


def test_a_version_whose_files_hang_delays_no_request(versions: Path, artifact: Artifact) -> None:
    """Requests are answered while files are read, and shutdown is not delayed."""

    async def scenario() -> None:
        async with bench(versions) as made:
            opened, entered, may_open = made.open, threading.Event(), threading.Event()

            def open_slowly(path: Path) -> Service:
                entered.set()
                may_open.wait(timeout=60)
                return opened(path)

            made.versions._open = open_slowly
            add_version(versions, 2, artifact)
            looking = asyncio.create_task(made.versions.check())
            await until(entered.is_set)
            await made.versions.current.predict(series(1.0), deadline=soon())
            looking.cancel()
            await made.versions.close(timeout=0)
            assert made.versions.loaded == (1,)
            may_open.set()

    asyncio.run(scenario())


def test_the_start_does_not_wait_for_a_check(versions: Path, held: HeldFolder) -> None:
    """A check requested meanwhile may hang; closing cancels it."""

    async def scenario() -> None:
        made = Bench(versions, keep=1)
        await made.versions.check(again=True)
        await made.versions.start()
        await until(lambda: held.looks == 1)
        await made.versions.current.predict(series(1.0), deadline=soon())
        await made.versions.close(timeout=FINISH)
        await until(lambda: len(asyncio.all_tasks()) == 1)

    held.may_answer.clear()
    asyncio.run(scenario())


def test_shutdown_during_a_check_finishes_admitted_requests(
    versions: Path, artifact: Artifact, held: HeldFolder
) -> None:
    """The version that would have become the current one is not closed early."""
    held.may_answer.set()

    async def scenario() -> None:
        async with bench(versions, keep=2) as made:
            old = made.versions.current
            add_version(versions, 2, artifact)
            await made.versions.check()
            assert made.versions.loaded == (2, 1)
            made.engines[1].hold()
            entry = old.admit(series(1.0), deadline=soon())
            pin(versions, 1)
            held.may_answer.clear()
            looking = asyncio.create_task(made.versions.check())
            await until(lambda: held.looks == 2)
            made.versions.drain()
            held.may_answer.set()
            await looking
            made.engines[1].release()
            await entry.future
            assert made.versions.loaded == (2, 1)

    asyncio.run(scenario())


def test_without_a_thread_for_a_check_the_version_keeps_serving(
    versions: Path, artifact: Artifact, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """At a process limit, say; the next check runs all the same."""

    def no_thread(*, name: str) -> None:
        raise RuntimeError(f"can't start new thread: {name}")

    async def scenario() -> None:
        async with bench(versions) as made:
            add_version(versions, 2, artifact)
            with monkeypatch.context() as context:
                context.setattr("app.system.file_reads.EngineThread", no_thread)
                await made.versions.check()
            assert made.versions.loaded == (1,)
            await made.versions.check()
            assert made.versions.loaded == (2,)

    asyncio.run(scenario())
    assert "cannot check for new versions: can't start new thread: files" in caplog.text


def test_a_broken_link_is_ignored_unless_the_contract_names_it(versions: Path, artifact: Artifact) -> None:
    """If it is named, the version is refused with the file."""

    async def scenario() -> None:
        async with bench(versions) as made:
            (add_version(versions, 2, artifact) / "notes").symlink_to("nowhere")
            await made.versions.check()
            assert made.versions.loaded == (2,)
            card = add_version(versions, 3, artifact) / "CARD.md"
            card.unlink()
            card.symlink_to("nowhere")
            await made.versions.check()
            assert "CARD.md: cannot be read (No such file" in made.versions.refused["3"]

    asyncio.run(scenario())


@pytest.mark.parametrize("kind", KINDS)
def test_a_pin_that_is_not_a_file_changes_nothing(
    versions: Path, artifact: Artifact, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    """One warning; the next check after its removal works."""
    make, message = KINDS[kind]
    file = versions / PIN_FILE

    async def scenario() -> None:
        async with bench(versions) as made:
            make(file)
            add_version(versions, 2, artifact)
            for _ in range(3):
                await made.versions.check()
            assert made.versions.loaded == (1,)
            file.rmdir() if kind == "folder" else file.unlink()
            await made.versions.check()
            assert made.versions.loaded == (2,)

    asyncio.run(scenario())
    [warning] = [each.getMessage() for each in caplog.records if each.levelno == logging.WARNING]
    assert warning.startswith(f"cannot check for new versions: {file}: cannot be read ({message}")
