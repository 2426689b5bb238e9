"""`Service.explain`: explanations through the background queue, within limits."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from app.contract import Artifact
from app.errors import ContractViolation, DeadlineExceeded, EngineError, NotReady, NotSealed, QueueFull
from app.inference.explanation import ExplainOptions, Explanations
from app.inference.explanation.variants import Piece, chunks_of
from app.inference.service import Service
from app.series.perturbations import create_perturbation, median_spectrum
from tests.app.inference.explanation.planted import FREQUENCY, STRETCH, background, engine, planted
from tests.support.explanation_reference import explained
from tests.support.fakes import FakeEngine
from tests.support.trusted import TRUST

ALL = ExplainOptions(windows=10, bands=25, cells=(10, 25))


@pytest.fixture(scope="module")
def explainable(plain_artifact: Artifact) -> Artifact:
    """The committed artifact's shape, without trust, explained by the noise that the cause is planted in."""
    return explained(plain_artifact, background(50))


@asynccontextmanager
async def started(artifact: Artifact, fake: FakeEngine, **options: Any) -> AsyncIterator[Service]:
    """A service on a fake engine; closed at the end."""
    service = Service(artifact, lambda: fake, **options)
    await service.start()
    try:
        yield service
    finally:
        fake.release()
        await service.close(timeout=10)


def on_service(
    artifact: Artifact,
    act: Callable[[Service], Awaitable[Any]],
    fake: FakeEngine | None = None,
    **options: Any,
) -> Any:
    """What an action on a started service returns."""

    async def scenario() -> Any:
        async with started(artifact, fake or engine(), **options) as service:
            return await act(service)

    return asyncio.run(scenario())


async def explain(
    service: Service, series: NDArray[np.float32], options: ExplainOptions = ALL, *, within: float = 60.0
) -> Explanations:
    """Explanations within some seconds."""
    deadline = asyncio.get_running_loop().time() + within
    return await service.explain(series, options, deadline=deadline)


@pytest.fixture(scope="module")
def found(explainable: Artifact) -> Explanations:
    """Explanations of three series with the planted cause."""
    result = on_service(explainable, lambda service: explain(service, planted(3)))
    assert isinstance(result, Explanations)
    return result


def test_every_part_has_its_shape(found: Explanations) -> None:
    """Regions, changes and importances belong together; the last axes are time, then frequency."""
    assert found.targets.tolist() == [1, 1, 1]
    assert found.probabilities.dtype == np.float32
    assert (found.probabilities > 0.9).all()
    assert found.variants == 10 + 25 + 250
    assert np.isnan(found.unlike).all()
    assert found.time is not None
    assert found.time.time is not None
    assert (found.time.perturbation, found.time.frequency) == ("smooth_window", None)
    assert (found.time.changes.shape, len(found.time.time)) == ((3, 10), 10)
    assert found.frequency is not None
    assert found.frequency.frequency is not None
    assert (found.frequency.changes.shape, len(found.frequency.frequency)) == ((3, 25), 25)
    assert found.cells is not None
    assert found.cells.changes.shape == found.cells.importances.shape == (3, 10, 25)


def test_a_planted_cause_is_found_in_its_place_and_band(found: Explanations) -> None:
    """The most important window, band and cell of each series hold the cause that was planted there."""
    assert found.time is not None
    assert found.frequency is not None
    assert found.cells is not None
    middle = (STRETCH.start + STRETCH.stop) / 2
    for number in range(3):
        window, band = found.time.importances[number].argmax(), found.frequency.importances[number].argmax()
        cell = np.unravel_index(found.cells.importances[number].argmax(), (10, 25))
        for part, at in ((found.time, window), (found.cells, cell[0])):
            assert part.time is not None
            assert part.time.starts[at] <= middle < part.time.ends[at]
        for part, at in ((found.frequency, band), (found.cells, cell[1])):
            assert part.frequency is not None
            assert part.frequency.starts[at] <= FREQUENCY < part.frequency.ends[at]


def test_changes_are_those_of_the_targets_probability(found: Explanations) -> None:
    """After minus before, computed here from the variants themselves."""
    series, spectrum = planted(3), median_spectrum(background(50), is_relative=True)
    it = create_perturbation("band_gain", 500, spectrum, bands=25)
    fake = engine()
    before = fake.predict(series)[:, 1]
    after = np.stack([fake.predict(it(one, np.eye(25, dtype=np.bool_)))[:, 1] for one in series])
    assert found.frequency is not None
    np.testing.assert_allclose(found.frequency.changes, after - before[:, np.newaxis], atol=1e-6)
    odds = [np.log(p / (1 - p)) for p in (before[:, np.newaxis].astype(np.float64), after.astype(np.float64))]
    np.testing.assert_allclose(found.frequency.importances, odds[0] - odds[1], rtol=1e-2, atol=1e-3)


def test_a_named_class_is_explained(explainable: Artifact, found: Explanations) -> None:
    """For the other one of two classes, all changes have the other sign."""
    options = dataclasses.replace(ALL, target=0)
    other = on_service(explainable, lambda service: explain(service, planted(3), options))
    assert other.targets.tolist() == [0, 0, 0]
    assert found.time is not None
    np.testing.assert_allclose(other.time.changes, -found.time.changes, atol=1e-6)
    np.testing.assert_allclose(other.probabilities, 1 - found.probabilities, atol=1e-6)


def test_repeated_calls_agree_alone_and_among_others(explainable: Artifact, found: Explanations) -> None:
    """To the last bit with this engine, whichever chunk a variant is computed in."""

    async def both(service: Service) -> list[Explanations]:
        return list(
            await asyncio.gather(*(explain(service, planted(3)[part]) for part in (slice(0, 1), slice(1, 3))))
        )

    first, rest = on_service(explainable, both)
    for name in ("time", "frequency", "cells"):
        joined = np.concatenate([getattr(each, name).changes for each in (first, rest)])
        np.testing.assert_allclose(joined, getattr(found, name).changes, atol=1e-6)


def test_parts_can_be_left_out(explainable: Artifact) -> None:
    """They are None, and their variants are not computed."""
    options = ExplainOptions(windows=4, bands=0)
    found = on_service(explainable, lambda service: explain(service, planted(1), options))
    assert (found.frequency, found.cells, found.variants) == (None, None, 4)


def test_variants_unlike_the_training_data_are_counted(explainable: Artifact) -> None:
    """By the contract's threshold of the novelty; NaN counts as unlike."""
    trust = TRUST
    artifact = dataclasses.replace(
        explainable, contract=explainable.contract.model_copy(update={"trust": trust})
    )

    def predict(series: NDArray[np.float32]) -> NDArray[np.float32]:
        novelty = np.where(series.std(axis=1) < 0.5, trust.novelty.threshold + 1, trust.novelty.threshold)
        novelty[(series == 0).all(axis=1)] = np.nan
        return np.column_stack([np.full((len(series), 2), 0.5), novelty]).astype(np.float32)

    quiet, silent = np.full(500, 0.4, np.float32), np.zeros(500, np.float32)
    quiet[::2] *= -1
    series = np.stack([quiet * 4, quiet, silent])
    options = ExplainOptions(windows=2, bands=0)
    found = on_service(artifact, lambda service: explain(service, series, options), FakeEngine(predict))
    assert found.unlike.tolist() == [0.0, 1.0, 1.0]


@pytest.mark.parametrize(
    ("options", "place", "message"),
    [
        (ExplainOptions(target=2), "target", "class 2; the model has classes 0 to 1"),
        (ExplainOptions(windows=501), "windows", "501 windows; from 0 to 500, the time steps of a series"),
        (ExplainOptions(bands=251), "bands", "251 bands; from 0 to 250, the frequencies above 0 of a series"),
        (ExplainOptions(bands=-1), "bands", "-1 bands; from 0 to 250"),
        (ExplainOptions(cells=(0, 5)), "cells", "0 windows; from 1 to 500"),
        (ExplainOptions(cells=(5, 0)), "cells", "0 bands; from 1 to 250"),
        (ExplainOptions(windows=0, bands=0), "", "there is nothing to explain"),
        (
            ExplainOptions(cells=(100, 100)),
            "instances",
            "are 10,036 variants, the series included; at most 4,096",
        ),
    ],
)
def test_options_out_of_range_are_violations(
    explainable: Artifact, options: ExplainOptions, place: str, message: str
) -> None:
    """Before anything is computed; the message has the range."""
    with pytest.raises(ContractViolation, match=message) as refused:
        on_service(explainable, lambda service: explain(service, planted(1), options))
    assert refused.value.violations[0][0] == place


def test_a_version_without_a_reference_says_how_to_get_one(plain_artifact: Artifact) -> None:
    """It serves predictions as before."""
    with pytest.raises(NotSealed, match=r"without `explanation_reference`, .*; train and seal it again"):
        on_service(plain_artifact, lambda service: explain(service, planted(1)))


def test_nothing_is_explained_before_the_start(explainable: Artifact) -> None:
    """A request during startup is refused."""

    async def scenario() -> None:
        service = Service(explainable, engine)
        with pytest.raises(NotReady, match="starting"):
            await explain(service, planted(1))
        await service.close(timeout=0)

    asyncio.run(scenario())


def test_a_full_queue_refuses_explanations_and_no_prediction(explainable: Artifact) -> None:
    """While one explanation waits, a second one does not fit; predictions pass both."""

    async def act(service: Service) -> None:
        await explain(service, planted(1))  # the first one measures the size of chunks
        fake.hold()
        waiting = asyncio.create_task(explain(service, planted(1)))
        while not fake.entered.is_set():
            await asyncio.sleep(0.001)
        with pytest.raises(QueueFull, match="BACKGROUND_QUEUE_ROWS=300"):
            await explain(service, planted(1))
        predicted = asyncio.create_task(service.predict(planted(1), deadline=_soon()))
        await asyncio.sleep(0)
        fake.release()
        assert (await predicted).predictions.probabilities.argmax() == 1
        assert not waiting.done()
        await waiting

    fake = engine()
    on_service(explainable, act, fake, background_rows=300)


def test_a_deadline_ends_an_explanation(explainable: Artifact) -> None:
    """Its own, not that of predictions; its remaining variants are not computed."""

    async def act(service: Service) -> int:
        fake.hold()
        with pytest.raises(DeadlineExceeded):
            await explain(service, planted(1), within=0.05)
        fake.release()
        await service.predict(planted(1), deadline=_soon())
        return service.background.rows

    fake = engine()
    assert on_service(explainable, act, fake) == 0


def test_a_number_that_is_not_finite_is_an_engine_error(explainable: Artifact) -> None:
    """An explanation never has NaN in place of a probability."""

    def predict(series: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.full((len(series), 2), np.nan, np.float32)

    with pytest.raises(EngineError, match="not finite"):
        on_service(explainable, lambda service: explain(service, planted(1)), FakeEngine(predict))


def _soon() -> float:
    return asyncio.get_running_loop().time() + 60


# Chunks.


def test_chunks_have_the_stated_size_and_start_with_the_series() -> None:
    """Every variant is in one chunk; a chunk may span series and parts."""
    spectrum = median_spectrum(background(5), is_relative=True)
    parts = {
        "time": create_perturbation("smooth_window", 500, spectrum, windows=4),
        "frequency": create_perturbation("band_gain", 500, spectrum, bands=3),
    }
    chunks = list(chunks_of(2, parts, rows=5))
    assert [sum(piece.rows for piece in chunk) for chunk in chunks] == [5, 5, 5, 1]
    assert chunks[0] == (Piece(0, None, 0, 1), Piece(1, None, 0, 1), Piece(0, "time", 0, 3))
    rows = [(p.series, p.part, row) for chunk in chunks for p in chunk for row in range(p.start, p.end)]
    assert len(set(rows)) == len(rows) == 2 * (1 + 4 + 3)


@pytest.mark.parametrize(("row_seconds", "expected"), [(0.0001, 20), (0.5, 1), (0.0, 256)])
def test_the_chunk_is_as_large_as_fits_into_its_time(
    explainable: Artifact, row_seconds: float, expected: int
) -> None:
    """Measured before the first explanation in small batches; at least one row, and no more than help."""
    now = 0.0

    def predict(series: NDArray[np.float32]) -> NDArray[np.float32]:
        nonlocal now
        now += row_seconds * len(series)
        return engine().predict(series)

    fake = FakeEngine(predict, max_rows=256)

    async def act(service: Service) -> None:
        service._explainer._clock = lambda: now
        for _ in range(2):
            before = len(fake.batches)
            await explain(service, planted(1))
            sizes.append(fake.batches[before:])

    sizes: list[list[int]] = []
    on_service(explainable, act, fake)
    assert sizes[0][:5] == [16] * 5
    assert sizes[0][5:] == sizes[1]
    assert max(sizes[1]) == expected
