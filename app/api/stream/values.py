"""Reads the values of a recording from the pieces of a body: lines of JSON, or raw float32.

A piece may end anywhere. Values before an invalid one are returned together with the error, so that none is
lost.
"""

from __future__ import annotations

import codecs
import json
from typing import Any, NamedTuple, NoReturn, Protocol

import numpy as np
import simdjson
from numpy.typing import NDArray

from app.api.payloads.plain_json import NOT_STRUCTURE
from app.api.payloads.wording import BEYOND_FLOAT32, NOT_FINITE, kind_of, shown, wrong_channels
from app.errors import ContractViolation, MalformedPayload, PayloadError
from app.series.offset import FLOAT32_END
from app.series.spec import SeriesSpec

# Bytes of one line.
MAX_LINE_BYTES = 64 * 1024


class Parsed(NamedTuple):
    """The time steps of a piece.

    Attributes:
        values: `[steps]` or `[steps, channels]`, finite and in the range of float32.
        error: what is wrong with the next one; nothing after it was read.
    """

    values: NDArray[Any]
    error: PayloadError | None = None


class ValueReader(Protocol):
    """Reads the body of one request."""

    def feed(self, data: bytes) -> Parsed:
        """The time steps that are complete with this piece."""
        ...

    def finish(self) -> Parsed:
        """The time step that the body ended with, if it was incomplete until then."""
        ...


class Float32Reader:
    """Reads raw float32, little-endian; with several channels, those of a time step one after the other.

    Args:
        spec: of the model.
    """

    def __init__(self, spec: SeriesSpec) -> None:
        self._shape = (-1, *spec.shape[1:])
        self._step_bytes = 4 * spec.channels
        self._rest = b""
        self._steps = 0

    def feed(self, data: bytes) -> Parsed:
        """The time steps that are complete with this piece."""
        data = self._rest + data
        end = len(data) - len(data) % self._step_bytes
        self._rest = data[end:]
        values = np.frombuffer(data[:end], "<f4").astype(np.float32).reshape(self._shape)
        parsed = _in_range(values, self._steps)
        self._steps += len(values)
        return parsed

    def finish(self) -> Parsed:
        """No time step, and an error if one is incomplete."""
        nothing = np.empty((0, *self._shape[1:]), np.float32)
        if not self._rest:
            return Parsed(nothing)
        count = len(self._rest)
        return Parsed(
            nothing,
            MalformedPayload(
                f"the body ends with {count} byte{'' if count == 1 else 's'} of a time step of "
                f"{self._step_bytes}; send little-endian float32"
            ),
        )


class LinesReader:
    """Reads lines of JSON: a number each, or a list with a number for each channel. Blank lines are ignored.

    Args:
        spec: of the model.
    """

    def __init__(self, spec: SeriesSpec) -> None:
        self._spec = spec
        self._rest = b""
        self._lines = self._steps = 0

    def feed(self, data: bytes) -> Parsed:
        """The time steps of the lines that are complete with this piece."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        parsed = self._parsed(lines)
        if parsed.error is None and len(self._rest) > MAX_LINE_BYTES:
            return Parsed(parsed.values, self._too_long(self._lines + 1))
        return parsed

    def finish(self) -> Parsed:
        """The time step of a last line without a line feed."""
        rest, self._rest = self._rest, b""
        return self._parsed([rest])

    def _parsed(self, lines: list[bytes]) -> Parsed:
        if lines and not self._lines:  # RFC 8259, 8.1 lets a reader ignore a byte order mark
            lines[0] = lines[0].removeprefix(codecs.BOM_UTF8)
        texts = [text for line in lines if (text := line.strip())]
        values = self._read_plain(texts)
        if values is None or max(map(len, lines), default=0) > MAX_LINE_BYTES:
            return self._read_one_by_one(lines)
        parsed = _in_range(values, self._steps)
        self._lines += len(lines)
        self._steps += len(texts)
        return parsed

    def _read_plain(self, texts: list[bytes]) -> NDArray[np.float64] | None:
        """The values of lines without errors, all at once; None if one may be wrong."""
        spec, count = self._spec, len(texts)
        if not texts:
            return np.empty((0, *spec.shape[1:]))
        body = b"[%b]" % b",".join(texts)
        if not body.isascii():
            return None
        structure = body.translate(None, delete=NOT_STRUCTURE)
        if spec.channels == 1:
            # A line with two numbers would have a comma, one with a list a bracket.
            is_plain = structure == b"[%b]" % (b"," * (count - 1))
        else:
            step = b"[%b]" % (b"," * (spec.channels - 1))
            is_plain = structure == b"[%b]" % b",".join([step] * count) and all(
                text[:1] == b"[" and text[-1:] == b"]" for text in texts
            )
        if not is_plain:
            return None
        try:
            found = simdjson.Parser().parse(body)
            if not isinstance(found, simdjson.Array):
                return None
            numbers = np.frombuffer(found.as_buffer(of_type="d"), np.float64)
        except (ValueError, TypeError, RuntimeError):  # all that simdjson raises
            return None
        return numbers.reshape(-1, *spec.shape[1:]) if len(numbers) == count * spec.channels else None

    def _read_one_by_one(self, lines: list[bytes]) -> Parsed:
        """The values of these lines up to the first invalid one."""
        steps: list[Any] = []
        error: PayloadError | None = None
        for line in lines:
            self._lines += 1
            text = line.strip()
            try:
                if len(line) > MAX_LINE_BYTES:
                    raise self._too_long(self._lines)
                if text:
                    steps.append(self._read_line(text))
            except PayloadError as found:
                error = found
                break
        parsed = _in_range(np.array(steps, np.float64).reshape(-1, *self._spec.shape[1:]), self._steps)
        self._steps += len(steps)
        return parsed if parsed.error is not None else Parsed(parsed.values, error)

    def _read_line(self, text: bytes) -> float | list[float]:
        try:
            step = _DECODER.decode(text.decode())
        except _NotFiniteWord:
            raise self._violation(NOT_FINITE) from None
        except (ValueError, RecursionError):  # not JSON, not UTF-8, too many digits, or nested too deeply
            message = f"line {self._lines} is not JSON: {shown(text[:80].decode('utf-8', 'replace'))}"
            raise MalformedPayload(f"{message}; send {self._form}") from None
        if self._spec.channels == 1:
            return self._number(step)
        if not isinstance(step, list):
            raise self._violation(f"expected {self._form}, got {kind_of(step)}")
        if len(step) != self._spec.channels:
            raise self._violation(wrong_channels(len(step), self._spec))
        return [self._number(value) for value in step]

    def _number(self, value: object) -> float:
        if not isinstance(value, float):
            raise self._violation(f"expected a number, got {kind_of(value)}")
        return value

    @property
    def _form(self) -> str:
        channels = self._spec.channels
        return "a number on each line" if channels == 1 else f"a list of {channels} numbers on each line"

    def _violation(self, message: str) -> ContractViolation:
        return ContractViolation([(f"lines/{self._lines}", message)])

    def _too_long(self, line: int) -> MalformedPayload:
        return MalformedPayload(f"line {line} is longer than {MAX_LINE_BYTES} bytes; send {self._form}")


class _NotFiniteWord(Exception):
    """NaN or Infinity, which JSON does not have but Python's parser reads."""


def _refuse_word(_: str) -> NoReturn:
    raise _NotFiniteWord


# Integers as floats, as the fast way has them: their digits are not limited, and no boolean is one.
_DECODER = json.JSONDecoder(parse_constant=_refuse_word, parse_int=float)


def _in_range(values: NDArray[Any], steps: int) -> Parsed:
    """These values up to the first that is not finite in float32; `steps` came before them."""
    fits = np.isfinite(values) if values.dtype == np.float32 else np.abs(values) < FLOAT32_END
    if fits.all():
        return Parsed(values)
    step, *channel = np.argwhere(~fits)[0].tolist()
    value = values[(step, *channel)]
    pointer = "/".join(map(str, ("values", steps + step, *channel)))
    message = NOT_FINITE if np.isnan(value) or values.dtype == np.float32 else BEYOND_FLOAT32
    return Parsed(values[:step], ContractViolation([(pointer, message)]))
