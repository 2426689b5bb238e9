"""`app.inference.versions`: a new version replaces another without a failed request."""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from app.contract import Artifact, open_artifact, pin
from app.errors import ArtifactError, ContractViolation, NotReady, StoreUnavailable
from app.inference.service import Service
from app.inference.versions import ModelVersions
from tests.app.inference.test_service import series, soon, until
from tests.support.fakes import FakeEngine
from tests.support.versions import add_version, damage

FINISH = 10.0


class Observer:
    """Records events."""

    def __init__(self) -> None:
        self.told: list[tuple[str, int | str]] = []

    def serving(self, *, model: str, version: int, engine: str) -> None:  # noqa: ARG002
        """Note which version serves."""
        self.told.append(("serving", version))

    def retired(self, *, model: str, version: int, engine: str) -> None:  # noqa: ARG002
        """Record which version was unloaded."""
        self.told.append(("retired", version))

    def version_refused(self, *, version: str) -> None:
        """Record which version is refused."""
        self.told.append(("refused", version))


class Bench:
    """Versions in a folder, each on an engine that the test controls."""

    def __init__(self, folder: Path, *, keep: int) -> None:
        self.folder = folder
        self.engines: dict[int, FakeEngine] = {}
        self.faults: dict[str, Exception] = {}
        self.observer = Observer()
        self.versions = ModelVersions(
            self.open(folder), self.open, folder, keep=keep, close_timeout=FINISH, observer=self.observer
        )

    def open(self, path: Path) -> Service:
        """The service of a version, unless its folder's name has a fault."""
        if fault := self.faults.get(path.name):
            raise fault
        artifact = open_artifact(path)
        version = artifact.contract.version
        self.engines[version] = FakeEngine()
        plain = replace(artifact, contract=artifact.contract.model_copy(update={"trust": None}))
        return Service(plain, lambda: self.engines[version])


@asynccontextmanager
async def bench(folder: Path, *, keep: int = 1) -> AsyncIterator[Bench]:
    """Started versions; closed at the end."""
    made = Bench(folder, keep=keep)
    await made.versions.start()
    try:
        yield made
    finally:
        for engine in made.engines.values():
            engine.release()
        await made.versions.close(timeout=FINISH)


@pytest.fixture
def versions(tmp_path: Path, artifact: Artifact) -> Path:
    """A folder with version 1."""
    add_version(tmp_path, 1, artifact)
    return tmp_path


def test_a_new_version_takes_the_next_request(versions: Path, artifact: Artifact) -> None:
    """It is found, verified and serves; the version before is unloaded."""

    async def scenario() -> None:
        async with bench(versions) as made:
            add_version(versions, 2, artifact)
            await made.versions.check()
            assert made.versions.loaded == (2,)
            await made.versions.current.predict(series(1.0), deadline=soon())
            assert 1 not in made.engines[1].batches
            assert made.engines[2].batches[-1] == 1
            await until(lambda: ("retired", 1) in made.observer.told)
            assert made.observer.told == [("serving", 1), ("serving", 2), ("retired", 1)]

    asyncio.run(scenario())


def test_a_check_requested_during_startup_runs_after_it(versions: Path, artifact: Artifact) -> None:
    """A requested check is not lost; a periodic one is skipped."""

    async def scenario() -> None:
        for again, served in ((False, 1), (True, 2)):
            shutil.rmtree(versions / "2", ignore_errors=True)
            made = Bench(versions, keep=1)
            add_version(versions, 2, artifact)
            await made.versions.check(again=again)
            await made.versions.check()
            await made.versions.start()
            while again and made.versions.loaded != (served,):
                await asyncio.sleep(0.001)
            assert made.versions.loaded == (served,)
            await made.versions.close(timeout=FINISH)

    asyncio.run(scenario())


def test_requests_in_flight_finish_on_the_version_that_admitted_them(
    versions: Path, artifact: Artifact
) -> None:
    """Both the one in the engine and those in the queue."""

    async def scenario() -> None:
        async with bench(versions) as made:
            made.engines[1].batches.clear()
            made.engines[1].hold()
            old = made.versions.current
            entries = [old.admit(series(value), deadline=soon()) for value in (1.0, 2.0)]
            await until(made.engines[1].entered.is_set)
            entries.append(old.admit(series(3.0), deadline=soon()))
            add_version(versions, 2, artifact)
            await made.versions.check()
            assert made.versions.loaded == (2,)
            made.engines[1].release()
            await asyncio.gather(*(entry.future for entry in entries))
            assert sum(made.engines[1].batches) == 3
            with pytest.raises(NotReady):
                await old.predict(series(1.0), deadline=soon())

    asyncio.run(scenario())


def test_a_version_that_is_reloaded_while_it_retires_counts_as_loaded(
    versions: Path, artifact: Artifact
) -> None:
    """A rollback to a version that still finishes its last batch is not reported as retired."""

    async def scenario() -> None:
        async with bench(versions) as made:
            made.engines[1].hold()
            old, held = made.versions.current, made.engines[1]
            entry = old.admit(series(1.0), deadline=soon())
            await until(held.entered.is_set)
            add_version(versions, 2, artifact)
            await made.versions.check()
            pin(versions, 1)
            await made.versions.check()
            assert made.versions.loaded == (1,)
            assert made.versions.current is not old
            held.release()
            await entry.future
            leaving = list(made.versions._retiring)
            await asyncio.gather(*leaving)
            serving = [number for what, number in made.observer.told if what == "serving"]
            retired = [number for what, number in made.observer.told if what == "retired"]
            assert (serving, retired) == ([1, 2, 1], [2])

    asyncio.run(scenario())


def test_a_broken_version_changes_nothing(
    versions: Path, artifact: Artifact, caplog: pytest.LogCaptureFixture
) -> None:
    """It is refused, logged and reported once, and retried when it has changed or on request."""

    async def scenario() -> None:
        async with bench(versions) as made:
            damage(add_version(versions, 2, artifact))
            for again in (False, False, True):
                await made.versions.check(again=again)
            assert made.versions.loaded == (1,)
            assert made.observer.told == [("serving", 1), ("refused", "2"), ("refused", "2")]
            assert list(made.versions.refused) == ["2"]
            assert "model.keras: damaged" in made.versions.refused["2"]
            shutil.copy(artifact.model_path, versions / "2" / "model.keras")
            await made.versions.check()
            assert (made.versions.loaded, dict(made.versions.refused)) == ((2,), {})

    asyncio.run(scenario())
    errors = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert len(errors) == 2
    assert "version 2 is refused, version 1 keeps serving" in errors[0].getMessage()


def test_an_engine_that_does_not_start_is_a_broken_version(versions: Path, artifact: Artifact) -> None:
    """An error between opening the folder and verifying the engine refuses the version."""

    async def scenario() -> None:
        async with bench(versions) as made:
            opened = made.open

            def open_broken(path: Path) -> Service:
                def load() -> FakeEngine:
                    raise ArtifactError("golden answers differ")

                return Service(opened(path).artifact, load)

            made.versions._open = open_broken
            add_version(versions, 2, artifact)
            await made.versions.check()
            assert (made.versions.loaded, dict(made.versions.refused)) == (
                (1,),
                {"2": "golden answers differ"},
            )

    asyncio.run(scenario())


def test_a_version_of_another_model_is_refused(versions: Path, artifact: Artifact) -> None:
    """A folder of another model is refused by its contract's name."""

    async def scenario() -> None:
        async with bench(versions) as made:
            contract = add_version(versions, 2, artifact) / "contract.json"
            contract.write_text(contract.read_text().replace('"name": "forda"', '"name": "fordb"', 1))
            await made.versions.check()
            assert "belongs to model 'fordb'; this server serves 'forda'" in made.versions.refused["2"]

    asyncio.run(scenario())


def test_versions_that_stay_loaded_can_be_requested(versions: Path, artifact: Artifact) -> None:
    """As many as `keep`; a rollback to one of them loads nothing."""

    async def scenario() -> None:
        async with bench(versions, keep=2) as made:
            first = made.versions.current
            for number in (2, 3):
                add_version(versions, number, artifact)
                await made.versions.check()
            assert made.versions.loaded == (3, 2)
            assert made.versions.pick(None) is made.versions.current
            second = made.versions.pick(2)
            assert second.contract.version == 2
            with pytest.raises(ContractViolation, match="version: 1 is not loaded; loaded: 3, 2"):
                made.versions.pick(1)
            shutil.rmtree(versions / "3")
            await made.versions.check()
            assert made.versions.current is second
            assert made.versions.loaded == (2, 3)
            assert first not in (made.versions.pick(2), made.versions.pick(3))

    asyncio.run(scenario())


def test_a_deleted_folder_keeps_its_version_served(versions: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A loaded version needs no files; the failed check is logged."""

    async def scenario() -> None:
        async with bench(versions) as made:
            shutil.rmtree(versions)
            await made.versions.check()
            await made.versions.current.predict(series(1.0), deadline=soon())

    asyncio.run(scenario())
    assert "cannot check for new versions" in caplog.text


def test_a_path_to_a_version_folder_is_the_only_version(versions: Path, artifact: Artifact) -> None:
    """It is served for the life of the process."""

    async def scenario() -> None:
        async with bench(versions / "1") as made:
            add_version(versions, 2, artifact)
            await made.versions.check()
            assert made.versions.loaded == (1,)

    asyncio.run(scenario())


def test_new_versions_are_found_periodically(versions: Path, artifact: Artifact) -> None:
    """At every interval, also after an error."""

    async def scenario() -> None:
        async with bench(versions) as made:
            watching = asyncio.create_task(made.versions.watch(seconds=0.01))
            damage(add_version(versions, 2, artifact))
            await until(lambda: "2" in made.versions.refused)
            add_version(versions, 3, artifact)
            await until(lambda: made.versions.loaded == (3,))
            watching.cancel()

    asyncio.run(scenario())


def test_an_unexpected_error_does_not_end_the_watch(
    versions: Path, artifact: Artifact, caplog: pytest.LogCaptureFixture
) -> None:
    """The version is refused with a traceback in the log, and the next one is found."""

    async def scenario() -> None:
        async with bench(versions) as made:
            made.faults["2"] = MemoryError("no room")
            watching = asyncio.create_task(made.versions.watch(seconds=0.01))
            add_version(versions, 2, artifact)
            await until(lambda: made.versions.refused.get("2") == "MemoryError: no room")
            add_version(versions, 3, artifact)
            await until(lambda: made.versions.loaded == (3,))
            watching.cancel()

    asyncio.run(scenario())
    [record] = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert record.exc_info


def test_no_new_version_is_loaded_during_shutdown(versions: Path, artifact: Artifact) -> None:
    """Neither one that is found then, nor one that is being verified."""

    async def scenario() -> None:
        async with bench(versions) as made:
            add_version(versions, 2, artifact)
            opened = made.open

            def drain_meanwhile(path: Path) -> Service:
                made.versions.drain()
                return opened(path)

            made.versions._open = drain_meanwhile
            await made.versions.check()
            await made.versions.check()
            assert made.versions.loaded == (1,)
            assert made.versions.is_draining

    asyncio.run(scenario())


async def _a_store_that_fails_is_no_fault_of_a_version(folder: Path, artifact: Artifact) -> None:
    add_version(folder, 1, artifact)
    async with bench(folder) as made:
        add_version(folder, 2, artifact)
        made.faults["2"] = StoreUnavailable("s3://bucket/x: cannot be reached or fails (timeout)")
        for _ in range(2):
            await made.versions.check()
        assert made.versions.current.contract.version == 1
        assert not made.versions.refused
        made.faults.clear()
        await made.versions.check()
        assert made.versions.current.contract.version == 2


def test_a_store_that_fails_is_no_fault_of_a_version(
    tmp_path: Path, artifact: Artifact, caplog: pytest.LogCaptureFixture
) -> None:
    """A version that cannot be fetched is not refused: one warning, and the next check tries again."""
    asyncio.run(_a_store_that_fails_is_no_fault_of_a_version(tmp_path, artifact))
    warnings = [record.message for record in caplog.records if record.levelno == logging.WARNING]
    assert warnings == ["cannot check for new versions: s3://bucket/x: cannot be reached or fails (timeout)"]
