"""The series that the page shows: samples of each class, and the mean spectrum of each class.

They are golden series of the artifact, chosen by the model's own answers to them, and two that are made here
and are unlike any training data. Nothing is computed by the engine.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from app.contract import Artifact
from app.series.spec import SeriesSpec

Kind = Literal["easy", "border", "unlike"]

# Of models with many classes only the first ones are shown.
MAX_CLASSES = 8
# Samples of a class that the model is sure of.
_EASY = 2
_WINDOW = 128
_SEED = 1


@dataclass(frozen=True, slots=True)
class Sample:
    """A series to try.

    Attributes:
        id: stable within a version: it is part of links.
        kind: `easy` if the model is sure of its class, `border` for the class's least sure one, `unlike` if
            it is unlike the training data.
        name: what the page calls it.
        label: the model's own answer; None for a series that is made here.
        series: `float32[*SeriesSpec.shape]`.
    """

    id: str
    kind: Kind
    name: str
    label: str | None
    series: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class MeanSpectra:
    """Mean power spectra of classes.

    Attributes:
        window: number of values in a Hann window; windows overlap by half.
        log_power: by label, the logarithm to base 10 of the mean power, `float64[window // 2 + 1]`, at the
            frequencies k / window cycles per value.
    """

    window: int
    log_power: dict[str, NDArray[np.float64]]


def samples_of(artifact: Artifact) -> list[Sample]:
    """Samples of the first classes, the easiest of each first, then series unlike the training data."""
    golden, contract = artifact.golden, artifact.contract
    likely, sure = golden.probabilities.argmax(axis=1), golden.probabilities.max(axis=1)
    known = _known(artifact)
    found = []
    for index, label in enumerate(contract.labels[:MAX_CLASSES]):
        rows = np.flatnonzero((likely == index) & known)
        rows = rows[np.argsort(-sure[rows], kind="stable")]
        chosen: list[tuple[Kind, np.intp]] = [("easy", row) for row in rows[:_EASY]]
        chosen += [("border", row) for row in rows[_EASY:][-1:]]
        found += [
            Sample(f"golden-{row}", kind, label.meaning or label.name, label.name, golden.series[row])
            for kind, row in chosen
        ]
    for row in np.flatnonzero(~known)[:1]:
        label = contract.labels[likely[row]].name
        found.append(Sample(f"golden-{row}", "unlike", "test series", label, golden.series[row]))
    return found + list(_foreign(contract.input.spec))


def mean_spectra(artifact: Artifact) -> MeanSpectra:
    """Mean spectra of the first classes, over the golden series that the model takes for that class."""
    golden, contract = artifact.golden, artifact.contract
    window = min(_WINDOW, contract.input.length)
    likely, known = golden.probabilities.argmax(axis=1), _known(artifact)
    found = {}
    for index, label in enumerate(contract.labels[:MAX_CLASSES]):
        rows = (likely == index) & known
        if rows.any():
            power = mean_power(golden.series[rows].astype(np.float64), window).mean(axis=0)
            found[label.name] = np.log10(power + np.finfo(np.float32).tiny)
    return MeanSpectra(window, found)


def mean_power(series: NDArray[np.float64], window: int) -> NDArray[np.float64]:
    """Power spectra averaged over overlapping Hann windows (Welch), of series that are first standardised.

    Args:
        series: `float64[n, length]`, or `[n, length, channels]`, of which the mean over channels is returned.
        window: number of values in a window.

    Returns:
        `float64[n, window // 2 + 1]`.
    """
    values = series if series.ndim == 3 else series[..., np.newaxis]
    deviation = values.std(axis=1, keepdims=True)
    values = (values - values.mean(axis=1, keepdims=True)) / np.where(deviation > 0, deviation, 1.0)
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window) / window)
    starts = range(0, values.shape[1] - window + 1, max(1, window // 2))
    parts = [values[:, start : start + window] * hann[:, np.newaxis] for start in starts]
    spectra = np.abs(np.fft.rfft(parts, axis=2)) ** 2
    power = spectra.mean(axis=(0, 3)) / (hann**2).sum()
    return np.asarray(power, np.float64)


def _known(artifact: Artifact) -> NDArray[np.bool_]:
    """`bool[n]`, which golden series are like the training data; all, if the model has no score for that."""
    novelty, trust = artifact.golden.novelty, artifact.contract.trust
    if novelty is None or trust is None:
        return np.ones(len(artifact.golden.series), np.bool_)
    return np.asarray(novelty[:, 0] <= trust.novelty.threshold)


def _foreign(spec: SeriesSpec) -> Iterator[Sample]:
    noise = np.random.default_rng(_SEED).standard_normal(spec.shape).astype(np.float32)
    yield Sample("noise", "unlike", "white noise", None, noise)
    steps = np.arange(spec.length) * (2 * np.pi * max(2, spec.length // 60) / spec.length)
    sine = np.sin(steps).astype(np.float32)
    shaped = sine if len(spec.shape) == 1 else np.repeat(sine[:, np.newaxis], spec.channels, axis=1)
    yield Sample("sine", "unlike", "sine", None, shaped)
