"""Builders of hostile HDF5 files: the committed model's weights and one thing more, at the root."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import h5py  # type: ignore[import-untyped]

from tests.app.inference.engines.keras.hostile import WEIGHTS, members_of, write


def with_weights(source: Path, target: Path, build: Callable[[h5py.File, Path], object]) -> Path:
    """A copy with something more in the HDF5 file of its weights."""
    members = members_of(source)
    weights = io.BytesIO(members[WEIGHTS])
    with h5py.File(weights, "r+") as file:
        build(file, target.parent)
    return write(target, {**members, WEIGHTS: weights.getvalue()})


def external_link(file: h5py.File, folder: Path) -> None:
    """A name that leads into another file."""
    with h5py.File(folder / "secret.h5", "w") as secret:
        secret["key"] = [1.0, 2.0]
    file["evil"] = h5py.ExternalLink(str(folder / "secret.h5"), "/key")


def soft_link(file: h5py.File, _: Path) -> None:
    """A name that leads elsewhere in the file, here to nowhere."""
    file["evil"] = h5py.SoftLink("/nowhere")


def external_storage(file: h5py.File, folder: Path) -> None:
    """A dataset whose numbers are the bytes of another file."""
    (folder / "secret").write_bytes(bytes(40))
    file.create_dataset("evil", (10,), "f4", external=[(str(folder / "secret"), 0, 40)])


def virtual_dataset(file: h5py.File, folder: Path) -> None:
    """A dataset put together from another file, of a size that only that file knows."""
    source = h5py.VirtualSource(str(folder / "secret.h5"), "key", (10,), maxshape=(None,))
    layout = h5py.VirtualLayout((10,), "f4", maxshape=(None,))
    layout[0 : h5py.h5s.UNLIMITED : 1] = source[0 : h5py.h5s.UNLIMITED : 1]
    file.create_virtual_dataset("evil", layout)


def chunked_shape_bomb(file: h5py.File, _: Path) -> None:
    """4 TiB of a fill value, of which not a byte is stored."""
    file.create_dataset("evil", (2**40,), "f4", chunks=(2**20,), compression="gzip")


def empty_shape_bomb(file: h5py.File, _: Path) -> None:
    """4 TiB in one piece, which were never written."""
    late = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    late.set_alloc_time(h5py.h5d.ALLOC_TIME_LATE)
    space = h5py.h5s.create_simple((2**40,))
    h5py.h5d.create(file.id, b"evil", h5py.h5t.IEEE_F32LE, space, late)


def group_in_itself(file: h5py.File, _: Path) -> None:
    """A group that is below itself: walking it never ends."""
    file["layers/evil"] = file["layers"]


def one_dataset_many_times(file: h5py.File, _: Path) -> None:
    """Two names for the same numbers."""
    file["first"] = [1.0]
    file["second"] = file["first"]


def text_dataset(file: h5py.File, _: Path) -> None:
    """Text where there should be numbers."""
    file.create_dataset("evil", data=[b"import os"], dtype=h5py.string_dtype())


def odd_attribute(file: h5py.File, _: Path) -> None:
    """Keras reads a dataset's attribute; this one is an array."""
    file["evil"] = [1.0]
    file["evil"].attrs["dtype"] = [0.0] * 8


def stored_type(file: h5py.File, _: Path) -> None:
    """A thing that is neither a group nor a dataset."""
    file["evil"] = h5py.h5t.IEEE_F32LE.dtype
