"""Checks `model.weights.h5` before Keras reads it: only numbers that are stored in the file itself.

HDF5 supports links to other files, external and virtual data, and shapes far larger than the stored data. The
check uses h5py's low-level API, which reports links without following them. h5py comes with Keras; a server
that runs the sealed graph has neither and never reads the weights.
"""

from __future__ import annotations

import io
import math
from typing import Any, NamedTuple

from app.contract.wording import reason_of, shown
from app.errors import ArtifactError

SIGNATURE = b"\x89HDF\r\n\x1a\n"


class _Place(NamedTuple):
    """A group and its name."""

    name: str
    group: Any


def count_numbers(content: bytes) -> int:
    """Count the numbers in an HDF5 file, all of which are stored in the file itself.

    Raises:
        ArtifactError: the file is damaged, or contains an object that is not allowed.
    """
    import h5py  # type: ignore[import-untyped]

    if not content.startswith(SIGNATURE):
        raise ArtifactError("not an HDF5 file")
    try:
        with h5py.File(io.BytesIO(content), "r") as file:
            return _walk(h5py, file.id, len(content))
    except ArtifactError:
        raise
    except Exception as error:  # h5py raises many types
        raise ArtifactError(f"damaged HDF5 file: {reason_of(error)}") from error


def _walk(h5py: Any, root: Any, file_bytes: int) -> int:
    """Count the numbers below the root; each object must be reached once, through a hard link."""
    waiting, numbers, stored = [_Place("", root)], 0, 0
    seen = {h5py.h5o.get_info(root).addr}
    while waiting:
        place = waiting.pop()
        for key in place.group:
            name = f"{place.name}/{key.decode(errors='replace')}"
            if place.group.links.get_info(key).type != h5py.h5l.TYPE_HARD:
                raise ArtifactError(f"{shown(name)} is a soft or external link")
            found = h5py.h5o.open(place.group, key)
            address = h5py.h5o.get_info(found).addr
            if address in seen:
                raise ArtifactError(f"{shown(name)} is in the file twice")
            seen.add(address)
            if problem := _attribute_problem(h5py, found) or _problem(h5py, found):
                raise ArtifactError(f"{shown(name)} {problem}")
            if isinstance(found, h5py.h5g.GroupID):
                waiting.append(_Place(name, found))
                continue
            numbers += math.prod(found.shape)
            stored += _declared_bytes(found)
            # Nothing is compressed, so the total cannot exceed the size of the file.
            if stored > file_bytes:
                raise ArtifactError(f"{shown(name)} is {list(found.shape)}: larger than the file")
    return numbers


def _attribute_problem(h5py: Any, found: Any) -> str | None:
    for index in range(h5py.h5a.get_num_attrs(found)):
        attribute = h5py.h5a.open(found, index=index)
        if attribute.shape != () or attribute.get_type().get_class() != h5py.h5t.STRING:
            return "has an attribute that is not text"
    return None


def _problem(h5py: Any, found: Any) -> str | None:
    if isinstance(found, h5py.h5g.GroupID):
        return None
    if not isinstance(found, h5py.h5d.DatasetID):
        return "is neither a group nor a dataset"
    # The layout first: even reading the shape of a virtual dataset may open other files.
    storage = found.get_create_plist()
    if storage.get_layout() == h5py.h5d.VIRTUAL:
        return "is a virtual dataset of other files"
    if storage.get_external_count():
        return "has its data in another file"
    if storage.get_layout() not in (h5py.h5d.CONTIGUOUS, h5py.h5d.COMPACT):
        return "is stored in chunks; Keras stores weights as they are"
    if found.get_type().get_class() not in (h5py.h5t.FLOAT, h5py.h5t.INTEGER):
        return "has a type that is not numeric"
    if found.shape is None or found.get_storage_size() < _declared_bytes(found):
        return "has no shape, or a shape larger than its stored data"
    return None


def _declared_bytes(dataset: Any) -> int:
    size: int = dataset.get_type().get_size()
    return size * int(math.prod(dataset.shape))
