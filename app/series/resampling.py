"""Resamples a recording to the model's sampling rate, with an anti-aliasing filter, in constant memory.

The filter is that of `scipy.signal.resample_poly`: a zero-phase low-pass FIR filter (Kaiser window, beta 5)
at the lower of both Nyquist frequencies, computed as a polyphase filter bank (Crochiere and Rabiner,
"Multirate Digital Signal Processing", 1983, section 3.3). Each output value depends on the input values
within half the filter's length, so chunks that overlap by as much give the same values as the whole recording
at once: there are no seams. Before its first and after its last value, a recording is taken as constant.

SciPy is no part of the base install: it comes with the extra `recordings`, and is imported at the first use.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.errors import UnreadableSeries
from app.series.windows import CHUNK_STEPS, Recording, finite_chunks

# The largest numerator or denominator of the ratio of both rates: the filter has 20 times as many values.
MAX_RATIO = 1000
# The largest relative error of a ratio: a recording of a million values is off by one value at its end.
_TOLERANCE = 1e-6
# Half the length of the filter, in periods of the lower rate, as `resample_poly` has it.
_HALF_PERIODS = 10


def resample(
    recording: Recording, *, rate: float, model_rate: float, chunk_steps: int = CHUNK_STEPS
) -> Iterator[NDArray[np.float64]]:
    """Yield the chunks of a recording at the model's sampling rate.

    Args:
        recording: `[steps]` or `[steps, channels]`, or an iterable of such chunks; finite.
        rate: sampling rate of the recording, in Hz or any other unit.
        model_rate: sampling rate that the model was trained at, in the same unit.
        chunk_steps: values of the recording that are filtered at once, about.

    Raises:
        UnreadableSeries: the ratio of the rates is not a fraction of numbers up to `MAX_RATIO`, SciPy is not
            installed, or a value is not finite.
    """
    ratio = ratio_of(rate, model_rate)
    if ratio == 1:
        yield from _finite_chunks(recording)
        return
    yield from _Resampler(ratio.numerator, ratio.denominator, chunk_steps).run(recording)


def ratio_of(rate: float, model_rate: float) -> Fraction:
    """Values after resampling for each value before.

    Raises:
        UnreadableSeries: it is not a fraction of numbers up to `MAX_RATIO`.
    """
    if not (0 < rate < np.inf and 0 < model_rate < np.inf):
        raise UnreadableSeries(
            f"sampling rates of {rate:g} and {model_rate:g}", remedy="give positive numbers of the same unit"
        )
    exact = Fraction(model_rate) / Fraction(rate)
    ratio = exact.limit_denominator(MAX_RATIO)
    if not 0 < ratio.numerator <= MAX_RATIO or abs(ratio / exact - 1) > _TOLERANCE:
        raise UnreadableSeries(
            f"sampling rates of {rate:g} and {model_rate:g} have no ratio of whole numbers up to {MAX_RATIO}",
            remedy="resample the recording to the model's rate before",
        )
    return ratio


class _Resampler:
    """Filters a recording piece by piece.

    Args:
        up: values after, for each `down` values before.
        down: see `up`. Both have no common factor.
        chunk_steps: values before, in a piece, about.
    """

    def __init__(self, up: int, down: int, chunk_steps: int) -> None:
        self._signal = _import_signal()
        self._up, self._down = up, down
        half = _HALF_PERIODS * max(up, down)
        self._filter = _low_pass(self._signal, up, half=half, cutoff=1 / max(up, down))
        # Pieces and their margins begin at multiples of `down`, where the filter bank begins anew.
        self._margin = -(-(half // up + 1) // down) * down
        self._piece = max(1, chunk_steps // down) * down

    def run(self, recording: Recording) -> Iterator[NDArray[np.float64]]:
        """Yield the filtered pieces."""
        margin, piece = self._margin, self._piece
        kept: NDArray[np.float64] | None = None  # a margin, and what was not filtered yet
        for values in _finite_chunks(recording):
            if kept is None:
                kept = np.repeat(values[:1], margin, axis=0)
            for start in range(0, len(values), piece):
                kept = np.concatenate((kept, values[start : start + piece]))
                while len(kept) >= piece + 2 * margin:
                    yield self._filtered(kept[: piece + 2 * margin], piece)
                    kept = kept[piece:]
        if kept is not None:
            left = len(kept) - margin
            yield self._filtered(np.concatenate((kept, np.repeat(kept[-1:], margin, axis=0))), left)

    def _filtered(self, values: NDArray[np.float64], steps: int) -> NDArray[np.float64]:
        """The output of `steps` values between two margins."""
        found = self._signal.resample_poly(values, self._up, self._down, axis=0, window=self._filter)
        first = self._margin * self._up // self._down
        return np.asarray(found[first : first - (-steps * self._up // self._down)], np.float64)


def _low_pass(signal: Any, up: int, *, half: int, cutoff: float) -> NDArray[np.float64]:
    """The filter of `resample_poly`, with the same gain at frequency 0 in each of its `up` phases.

    Designed alone, the phases differ by about 0.1 %, which turns a large offset into a ripple.
    """
    taps = np.asarray(signal.firwin(2 * half + 1, cutoff, window=("kaiser", 5.0)), np.float64)
    for phase in range(up):
        taps[phase::up] /= up * taps[phase::up].sum()
    return taps


def _finite_chunks(recording: Recording) -> Iterator[NDArray[np.float64]]:
    """The chunks as float64. A value that is not finite would spread over its neighbours."""
    for chunk in finite_chunks(recording):
        if len(chunk):
            yield np.asarray(chunk, np.float64)


def _import_signal() -> Any:
    try:
        from scipy import signal
    except ImportError as error:
        raise UnreadableSeries(
            "the recording has another sampling rate than the model, and SciPy is not installed",
            remedy='install the extra: pip install "timeseries-server[recordings]"',
        ) from error
    return signal
