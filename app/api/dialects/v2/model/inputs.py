"""The input tensor of the Open Inference Protocol: name, datatype, shape and values to series.

The metadata say FP32. Other numbers are taken as the server's own protocol takes them in npy:

* FP32, FP16, INT8, INT16, UINT8, UINT16: exact in float32.
* FP64, INT32, INT64, UINT32, UINT64: a large offset is subtracted in the tensor's own precision, if the
  model does not depend on it (`app.series.offset`); what remains is rounded to float32.
* Numbers in JSON are float64 for all FP datatypes, so an FP32 tensor in JSON keeps all its digits. For INT
  and UINT datatypes they must be integers of that datatype's range.
* BOOL, BYTES and BF16 are refused.
* Values that are not finite, or not in float32, are refused.

Nothing here depends on JSON or HTTP.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.api.payloads.finite import not_finite
from app.api.payloads.wording import NO_SERIES, shown, too_many_series
from app.contract import Contract
from app.errors import ContractViolation
from app.series.offset import Narrowed, NotFloat32, narrow

DATATYPES: Mapping[str, np.dtype[np.number]] = {
    "FP16": np.dtype("<f2"),
    "FP32": np.dtype("<f4"),
    "FP64": np.dtype("<f8"),
    "INT8": np.dtype("i1"),
    "INT16": np.dtype("<i2"),
    "INT32": np.dtype("<i4"),
    "INT64": np.dtype("<i8"),
    "UINT8": np.dtype("u1"),
    "UINT16": np.dtype("<u2"),
    "UINT32": np.dtype("<u4"),
    "UINT64": np.dtype("<u8"),
}
# Enough for any shape that the model takes; a longer one is not shown.
MAX_DIMENSIONS = 8


class TensorSpec(NamedTuple):
    """A tensor of a model, as its metadata have it.

    Attributes:
        name: of the tensor.
        datatype: as the protocol names it.
        shape: -1 for the number of series.
    """

    name: str
    datatype: str
    shape: tuple[int, ...]


class ModelInput:
    """The one input of a model.

    Args:
        contract: of the model.
        max_series: most series in a request.

    Attributes:
        spec: as the metadata have it; the contract names it.
        values: of one series.
    """

    def __init__(self, contract: Contract, *, max_series: int) -> None:
        spec = contract.input.spec
        self.spec = TensorSpec(contract.input.name, "FP32", (-1, *spec.shape))
        self.values = spec.values
        self._is_invariant = spec.is_invariant
        self._max_series = max_series
        self._taken = spec.taken_shapes

    def check_names(self, names: Sequence[str]) -> None:
        """Check the names of a request's inputs.

        Raises:
            ContractViolation: they are not exactly this input.
        """
        own = self.spec.name
        if tuple(names) == (own,):
            return
        if not names:
            raise ContractViolation([("inputs", f"no tensor; send one, named {own!r}")])
        for index, name in enumerate(names):
            if name != own:
                message = f"{shown(name)!r} is no input of the model; its only input is {own!r}"
                raise ContractViolation([(f"inputs[{index}].name", message)])
        raise ContractViolation([("inputs[1].name", f"{own!r} is given twice; send it once")])

    def check_head(self, datatype: str, shape: Sequence[int], *, at: str = "inputs[0]") -> None:
        """Check a tensor's datatype and shape; call it before its values are read.

        Args:
            datatype: as the protocol names it.
            shape: of the tensor, any integers.
            at: place of the tensor in the request, for messages.

        Raises:
            ContractViolation: the model takes no such tensor.
        """
        if datatype not in DATATYPES:
            message = f"{shown(datatype)} is not supported; send {self.spec.datatype} or other numbers"
            raise ContractViolation([(f"{at}.datatype", message)])
        if not self.series_count(shape):
            raise ContractViolation([(f"{at}.shape", self._shape_problem(shape))])

    def series_count(self, shape: Sequence[Any]) -> int:
        """The number of series of a tensor of this shape; 0 if the model takes no such tensor."""
        for size in shape:
            if type(size) is not int:
                return 0
        count: int = shape[0] if shape else 0
        return count if 0 < count <= self._max_series and tuple(shape[1:]) in self._taken else 0

    def from_bytes(
        self, data: bytes | memoryview, datatype: str, shape: Sequence[int], *, at: str = "inputs[0]"
    ) -> Narrowed:
        """The series of a tensor in the binary form: little-endian, C order.

        Args:
            data: all of the tensor, not copied if it is aligned and float32.
            datatype: checked by `check_head`.
            shape: checked by `check_head`.
            at: place of the tensor in the request, for messages.

        Raises:
            ContractViolation: the data have another size, or a value is not finite in float32.
        """
        dtype = DATATYPES[datatype]
        if len(data) != (needed := prod(shape) * dtype.itemsize):
            message = f"{len(data)} bytes; {datatype} {shown(str(list(shape)))} has {needed}"
            raise ContractViolation([(at, message)])
        values = np.frombuffer(data, dtype)
        if not values.flags.aligned:  # one copy costs less than arithmetic on values that are not aligned
            values = values.copy()
        return self.narrowed(values, at)

    def from_numbers(
        self, numbers: NDArray[np.number], datatype: str, shape: Sequence[int], *, at: str = "inputs[0]"
    ) -> Narrowed:
        """The series of a tensor whose elements were numbers of another form: JSON, protobuf.

        Args:
            numbers: flat: float64, int64 or uint64, or the datatype's own.
            datatype: checked by `check_head`.
            shape: checked by `check_head`.
            at: place of the tensor in the request, for messages.

        Raises:
            ContractViolation: too many or too few numbers, one is out of the datatype's range, or one is not
                finite in float32.
        """
        if len(numbers) != (needed := prod(shape)):
            message = f"{len(numbers)} values; shape {shown(str(list(shape)))} has {needed}"
            raise ContractViolation([(at, message)])
        dtype = DATATYPES[datatype]
        if dtype.kind in "iu" and numbers.dtype != dtype:
            _check_range(numbers, dtype, datatype, at)
        return self.narrowed(numbers, at)

    def narrowed(self, values: NDArray[np.number], at: str = "inputs[0]") -> Narrowed:
        """Series as float32, from as many flat values as they have; raises as `from_numbers` does."""
        series = values.reshape(self.spec.shape)
        try:
            return narrow(series, is_invariant=self._is_invariant)
        except NotFloat32:
            places, total = not_finite(series)
            raise ContractViolation(
                [(at, f"element {list(place)} is {problem}") for place, problem in places], total=total
            ) from None

    def _shape_problem(self, shape: Sequence[int]) -> str:
        given = shown(str(list(shape[:MAX_DIMENSIONS])))
        series = tuple(shape)
        if series in self._taken:
            return f"{given} has no dimension for the number of series; send {[1, *series]}"
        if tuple(shape[1:]) not in self._taken:
            taken = " or ".join(f"[n, {', '.join(map(str, each))}]" for each in self._taken)
            return f"{given}; the model takes {taken}"
        if shape[0] > self._max_series:
            return too_many_series(shape[0], max_instances=self._max_series)
        return NO_SERIES if shape[0] == 0 else f"{given}; the number of series is negative"


def _check_range(numbers: NDArray[np.number], dtype: np.dtype[np.number], datatype: str, at: str) -> None:
    limits = np.iinfo(dtype)  # type: ignore[type-var]
    # As Python's integers: NumPy compares int64 with uint64 as float64.
    low, high = numbers.min().item(), numbers.max().item()
    if low < limits.min or high > limits.max:
        value = low if low < limits.min else high
        message = f"{value} is out of range of {datatype}: {limits.min} to {limits.max}"
        raise ContractViolation([(at, message)])
