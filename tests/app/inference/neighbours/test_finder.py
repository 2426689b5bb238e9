"""`app.inference.neighbours`: lazy, bounded, one attempt for all who wait."""

from __future__ import annotations

import asyncio
import dataclasses
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from app.contract import Artifact, sha256_of
from app.contract.neighbours import (
    EmbeddingSpec,
    ExtraContent,
    ExtraOutputs,
    NeighbourFile,
    NeighboursSpec,
    store_series,
)
from app.errors import ArtifactError, DeadlineExceeded, EngineError, NotReady, QueueFull
from app.inference.neighbours import NeighbourOptions, finder
from app.inference.service import Service
from tests.support.fakes import FakeEngine

LENGTH, NUMBER = 500, 50
TRAINING = np.random.default_rng(0).standard_normal((NUMBER, LENGTH))


def embed(series: NDArray[np.float32]) -> NDArray[np.float32]:
    """The first four values."""
    return np.ascontiguousarray(series[:, :4])


@pytest.fixture
def indexed(plain_artifact: Artifact, tmp_path: Path) -> Artifact:
    """The committed contract with an index of made-up series."""
    index = NeighbourFile(
        embeddings=embed(TRAINING.astype(np.float32)),
        targets=np.arange(NUMBER, dtype=np.int32) % 2,
        rows=np.arange(NUMBER, dtype=np.int32) + 7,
        golden=embed(plain_artifact.golden.series),
        series=store_series(TRAINING),
    )
    np.savez(tmp_path / "neighbours.npz", allow_pickle=False, **index.arrays())
    spec = NeighboursSpec(
        file="neighbours.npz",
        embedding=EmbeddingSpec(output="embedding", layer="embedding", dimension=4, tolerance=1e-3),
        number=NUMBER,
        bytes=1,
        training_file="Made_TRAIN.tsv",
        series_error=1e-5,
        median_distance=1.0,
    )
    extra = ExtraOutputs(files=(spec.file,), content=ExtraContent(neighbours=spec))
    files = {**plain_artifact.contract.files, spec.file: sha256_of(tmp_path / spec.file)}
    contract = plain_artifact.contract.model_copy(update={"extra_outputs": extra, "files": files})
    return dataclasses.replace(plain_artifact, folder=tmp_path, contract=contract)


@asynccontextmanager
async def started(artifact: Artifact, load: Callable[..., Any], **limits: Any) -> AsyncIterator[Service]:
    """A service with a fake engine and this function to load one for embeddings."""
    service = Service(artifact, FakeEngine, load_embedder=load, **limits)
    await service.start()
    try:
        yield service
    finally:
        await service.close(timeout=10)


def find(service: Service, count: int = 2, *, within: float = 60.0, **options: Any) -> Any:
    """A search for the neighbours of some training series."""
    deadline = asyncio.get_running_loop().time() + within
    wanted = NeighbourOptions(**{"k": 3, **options})
    return service.neighbours(TRAINING[:count].astype(np.float32), wanted, deadline=deadline)


def test_nothing_is_loaded_before_the_first_search_and_then_once(indexed: Artifact) -> None:
    """Not at the start; and searches that come at once share one attempt. A series is nearest to itself."""
    calls = []

    def load(*arguments: Any) -> FakeEngine:
        calls.append(arguments)
        return FakeEngine(embed)

    async def scenario() -> None:
        async with started(indexed, load) as service:
            await service.predict(TRAINING[:1].astype(np.float32), deadline=1e12)
            assert not calls
            found, *_ = await asyncio.gather(*(find(service) for _ in range(5)))
            [(spec, golden, runtime)] = calls
            assert (spec, runtime) == (indexed.contract.neighbours, "fake")
            np.testing.assert_array_equal(golden, embed(indexed.golden.series))
            assert found.rows[:, 0].tolist() == [7, 8]
            assert found.targets[:, 0].tolist() == [0, 1]
            assert found.distances[:, 0].tolist() == [0, 0]
            np.testing.assert_allclose(found.series[:, 0], TRAINING[:2], atol=1e-3)
            assert found.series.shape == (2, 3, LENGTH)
            assert (await find(service, with_series=False)).series is None
            assert len(calls) == 1

    asyncio.run(scenario())


def test_embeddings_are_computed_in_chunks_on_the_engines_thread(indexed: Artifact) -> None:
    """No call has more rows than a chunk, and none runs on the event loop."""
    threads, engine = set(), FakeEngine(max_rows=finder.CHUNK.rows)

    def watched(series: NDArray[np.float32]) -> NDArray[np.float32]:
        threads.add(threading.current_thread().name)
        return embed(series)

    engine._predict = watched

    async def scenario() -> None:
        async with started(indexed, lambda *_: engine) as service:
            await find(service)
            engine.batches.clear()
            threads.clear()
            await find(service, count=40)
            assert sum(engine.batches) == 40
            assert max(engine.batches) <= finder.CHUNK.rows
            assert threads == {"engine"}

    asyncio.run(scenario())


def test_an_index_that_cannot_be_used_fails_searches_and_nothing_else(
    indexed: Artifact, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One attempt and one line in the log for a while, then another attempt. Predictions go on."""
    calls = []

    def load(*_: Any) -> FakeEngine:
        calls.append(1)
        if len(calls) == 1:
            raise ArtifactError("embeddings differ")
        return FakeEngine(embed)

    async def scenario() -> None:
        async with started(indexed, load) as service:
            for _ in range(3):
                with pytest.raises(EngineError, match="index of neighbours cannot be used"):
                    await find(service)
            assert len(calls) == 1
            assert await service.predict(TRAINING[:1].astype(np.float32), deadline=1e12)
            monkeypatch.setattr(service._finder, "_retry_at", 0.0)
            assert (await find(service)).rows.shape == (2, 3)

    asyncio.run(scenario())
    assert [line.message for line in caplog.records if line.levelname == "ERROR"] == [
        "neighbours of version 4: embeddings differ"
    ]


def test_a_file_that_is_gone_is_an_engine_error(indexed: Artifact) -> None:
    """A version may be served after its folder was deleted."""
    (indexed.folder / "neighbours.npz").unlink()

    async def scenario() -> None:
        async with started(indexed, lambda *_: FakeEngine(embed)) as service:
            with pytest.raises(EngineError, match="cannot be used"):
                await find(service)

    asyncio.run(scenario())


def test_searches_are_bounded_and_end_at_their_deadline(indexed: Artifact) -> None:
    """While the index is loaded, too: those who wait time out, and the next one finds it loaded."""
    may_go_on = threading.Event()

    def load(*_: Any) -> FakeEngine:
        assert may_go_on.wait(timeout=60)
        return FakeEngine(embed)

    async def scenario() -> None:
        async with started(indexed, load) as service:
            waiting = [asyncio.create_task(find(service, within=0.05)) for _ in range(finder.MAX_SEARCHES)]
            await asyncio.sleep(0)
            with pytest.raises(QueueFull, match="32 searches for neighbours are running; try again in 1 s"):
                await find(service)
            results = await asyncio.gather(*waiting, return_exceptions=True)
            assert {type(result) for result in results} == {DeadlineExceeded}
            may_go_on.set()
            assert (await find(service)).rows.shape == (2, 3)

    asyncio.run(scenario())


def test_a_closed_service_finds_nothing(indexed: Artifact) -> None:
    """Closing waits for what is being loaded, and refuses searches."""

    async def scenario() -> None:
        async with started(indexed, lambda *_: FakeEngine(embed)) as service:
            await find(service)
            await service.close(timeout=10)
            with pytest.raises(NotReady):
                await find(service)

    asyncio.run(scenario())


def test_an_embedding_that_is_not_finite_is_an_engine_error(indexed: Artifact) -> None:
    """It has no nearest series."""

    def not_a_number(series: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.full((len(series), 4), np.nan, np.float32)

    async def scenario() -> None:
        async with started(indexed, lambda *_: FakeEngine(not_a_number)) as service:
            with pytest.raises(EngineError, match="an embedding that is not finite"):
                await find(service)

    asyncio.run(scenario())
