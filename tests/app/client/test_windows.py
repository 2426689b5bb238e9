"""`predict_windows`: recordings of any length, in any form."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from app.client import AsyncClient, Client, InvalidOptions
from app.contract import Artifact
from app.errors import UnreadableSeries
from app.series.windows import window_count
from qa.harness.server import ServerProcess
from tests.app.client.mocked import LENGTH, answer, served_by
from tests.conftest import ROOT

STEPS = 103
RECORDING = np.linspace(0, 1, STEPS, dtype=np.float32)


@pytest.fixture
def client() -> Iterator[Client]:
    """A client of a server whose probability of class `1` is the first value of a series."""
    with Client("http://server", transport=served_by(answer)) as found:
        yield found


def chunks() -> Iterator[NDArray[np.float32]]:
    """The recording, some values at a time."""
    for start in range(0, STEPS, 7):
        yield RECORDING[start : start + 7]


def written(folder: Path, name: str) -> Path:
    """The recording as a file."""
    path = folder / name
    if name == "a.npy":
        np.save(path, RECORDING)
    elif name == "a.csv":
        path.write_text("seconds;volts\n" + "".join(f"{i};{x!r}\n" for i, x in enumerate(RECORDING.tolist())))
    else:
        path.write_text("".join(f"{x!r}\n" for x in RECORDING.tolist()))
    return path


@pytest.mark.parametrize("stride", [1, 2, LENGTH])
@pytest.mark.parametrize("form", ["array", "list", "chunks", "a.npy", "a.txt"])
def test_every_form_of_a_recording_gets_the_same_predictions(
    client: Client, tmp_path: Path, form: str, stride: int
) -> None:
    """A prediction for each window, in order, with its start."""
    forms: dict[str, Any] = {"array": RECORDING, "list": RECORDING.tolist(), "chunks": chunks()}
    recording: Any = forms[form] if form in forms else written(tmp_path, form)
    found = client.predict_windows(recording, stride=stride)
    count = window_count(STEPS, LENGTH, stride)
    assert found.starts.tolist() == [number * stride for number in range(count)]
    assert found.predictions.probabilities[:, 1] == pytest.approx(RECORDING[found.starts])
    assert (found.timeline.windows, found.timeline.start) == (count, 0)
    assert found.timeline.segments[0].label == "-1"
    assert found.timeline.segments[-1].label == "1"


def test_batches_have_the_same_windows(client: Client) -> None:
    """For recordings with more windows than fit into memory."""
    batches = list(client.predict_window_batches(chunks(), stride=3))
    whole = client.predict_windows(chunks(), stride=3)
    assert len(batches) > 1
    assert np.concatenate([batch.starts for batch in batches]).tolist() == whole.starts.tolist()
    assert sum(len(batch.predictions) for batch in batches) == len(whole.predictions)


def test_the_asynchronous_client_does_the_same(client: Client) -> None:
    """From one implementation."""

    async def ask() -> tuple[list[int], list[int]]:
        async with AsyncClient("http://server", transport=served_by(answer)) as other:
            whole = await other.predict_windows(chunks(), stride=2)
            batches = [batch async for batch in other.predict_window_batches(RECORDING, stride=2)]
            return whole.starts.tolist(), np.concatenate([batch.starts for batch in batches]).tolist()

    expected = client.predict_windows(RECORDING, stride=2).starts.tolist()
    assert asyncio.run(ask()) == (expected, expected)


def test_the_end_of_a_recording_may_have_a_window_of_its_own(client: Client) -> None:
    """Otherwise, the values after the last complete window are in none."""
    assert client.predict_windows(RECORDING).timeline.end == STEPS - STEPS % LENGTH
    found = client.predict_windows(RECORDING, with_end=True)
    assert found.timeline.end == STEPS
    assert found.starts[-1] == STEPS - LENGTH


def test_a_recording_of_another_rate_is_resampled(client: Client) -> None:
    """Positions are those of the model's rate."""
    found = client.predict_windows(RECORDING, stride=1, rate=100, model_rate=200)
    assert len(found.predictions) == 2 * STEPS - LENGTH + 1
    assert found.predictions.probabilities[50, 1] == pytest.approx(RECORDING[25], abs=0.01)


def test_progress_counts_windows(client: Client) -> None:
    """Of all, nothing is known before the end."""
    seen: list[tuple[int, int | None]] = []
    client.predict_windows(RECORDING, stride=1, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (STEPS - LENGTH + 1, None)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"stride": 0}, "stride is 0; give 1 to 5"),
        ({"stride": 6}, "stride is 6; give 1 to 5"),
        ({"rate": 10.0}, "give both the recording's rate and the model's, or neither"),
    ],
)
def test_an_option_out_of_range_is_one_line(client: Client, options: Any, said: str) -> None:
    """Before anything is sent."""
    with pytest.raises(InvalidOptions, match=said):
        client.predict_windows(RECORDING, **options)


@pytest.mark.parametrize(
    ("recording", "said"),
    [
        (np.zeros(4), "the recording has 4 values; a window of the model has 5"),
        (np.zeros((9, 2)), r"a recording of shape \(9, 2\)"),
        (np.array([0.0] * 12 + [np.nan]), "value 12 of the recording is not a finite number"),
        (np.array([0.0] * 7 + [1e300]), "value 7 of the recording is not a finite number"),
        (iter([np.zeros(9), np.array(["a"])]), "a recording of dtype"),
    ],
)
def test_what_is_no_recording_is_one_line(client: Client, recording: Any, said: str) -> None:
    """It has the place."""
    with pytest.raises(UnreadableSeries, match=said):
        client.predict_windows(recording)


def test_a_recording_of_two_columns_is_not_taken_for_one_channel(client: Client, tmp_path: Path) -> None:
    """The first one may be time."""
    with pytest.raises(UnreadableSeries, match=r"a recording of shape \(103, 2\)"):
        client.predict_windows(written(tmp_path, "a.csv"))


def test_memory_stays_flat(server: ServerProcess, artifact: Artifact) -> None:
    """Ten million values from an iterator: peak memory is that of the first million."""
    code = f"""
import resource
import numpy as np
from app.client import Client

def chunks(count):
    for number in range(count):
        yield np.random.default_rng(number).standard_normal(100_000, dtype=np.float32)

with Client({server.url!r}) as client:
    peaks = []
    for count in (10, 100):
        done = client.predict_windows(chunks(count), stride=500)
        peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
print(len(done.predictions), (peaks[1] - peaks[0]) // 1024)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    windows, growth = map(int, done.stdout.split())
    assert windows == window_count(10_000_000, artifact.contract.input.length, 500)
    assert growth < 16
