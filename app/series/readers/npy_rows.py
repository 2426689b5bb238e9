"""Ranges of rows of a `.npy` file, read from a file object: a local file, or one of an object store.

A mapped file would end the process with SIGBUS if another program cut it off meanwhile.
"""

from __future__ import annotations

from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from app.series.readers.numpy_files import BROKEN_ARRAY, MAX_HEADER_BYTES, first_line
from app.series.readers.parsed import Refused, quoted

_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


class NpyRows:
    """The array of a `.npy` file in C order.

    Args:
        file: at any position; it is read from and moved.

    Attributes:
        shape: of the array.
        dtype: of its values.
        is_divisible: False for an array in Fortran order, whose rows are spread over the file.

    Raises:
        Refused: the header is damaged, or the array holds Python objects.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        file.seek(0)
        try:
            version = np.lib.format.read_magic(file)
            read = _HEADERS.get(version)
            if read is None:  # only for arrays with named fields
                raise ValueError(f"format version {version}")
            self.shape, is_fortran, self.dtype = read(file, max_header_size=MAX_HEADER_BYTES)
        except BROKEN_ARRAY as error:
            raise Refused(f"a damaged .npy file: {quoted(first_line(error))}", "save it again") from error
        if self.dtype.hasobject:
            raise Refused("an array of Python objects, a pickle, which is never loaded", "save numbers")
        self.is_divisible = not is_fortran or len(self.shape) == 1
        self._start = file.tell()

    def read(self, first: int, end: int, shape: tuple[int, ...]) -> NDArray[Any]:
        """Rows `[end - first, *shape]`, from 0, of an array whose rows have this shape.

        Raises:
            Refused: the file is cut off.
            OSError: it cannot be read.
        """
        size = self.dtype.itemsize * int(np.prod(shape))
        self._file.seek(self._start + first * size)
        wanted = (end - first) * size
        content = self._file.read(wanted)
        if len(content) != wanted:
            raise Refused("a damaged .npy file: it is cut off", "save it again")
        values: NDArray[Any] = np.frombuffer(content, self.dtype).reshape(end - first, *shape)
        return values
