"""Looking through `model.weights.h5` before Keras reads it: numbers that are in the file, and nothing else.

HDF5 can point anywhere: links to other files, data kept in other files, data put together from other files,
shapes far larger than what is stored. Opening a file follows none of that; it is looked at through h5py's low
level, which says what a link is without following it. h5py comes with Keras: a server that runs the sealed
graph has neither, and never reads the weights.
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
    """How many numbers an HDF5 file holds, all of them in the file itself.

    Raises:
        ArtifactError: names the first thing in it that is not allowed, or says that it is damaged.
    """
    import h5py  # type: ignore[import-untyped]

    if not content.startswith(SIGNATURE):
        raise ArtifactError("not an HDF5 file")
    try:
        with h5py.File(io.BytesIO(content), "r") as file:
            return _walk(h5py, file.id, len(content))
    except ArtifactError:
        raise
    except Exception as error:  # h5py turns the library's errors into whatever fits best
        raise ArtifactError(f"damaged HDF5 file: {reason_of(error)}") from error


def _walk(h5py: Any, root: Any, file_bytes: int) -> int:
    """Every object below the root, reached once and by hard links alone."""
    waiting, numbers, stored = [_Place("", root)], 0, 0
    seen = {h5py.h5o.get_info(root).addr}
    while waiting:
        place = waiting.pop()
        for key in place.group:
            name = f"{place.name}/{key.decode(errors='replace')}"
            if place.group.links.get_info(key).type != h5py.h5l.TYPE_HARD:
                raise ArtifactError(f"{shown(name)} is a link to elsewhere")
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
            # Nothing is compressed, so all together is no more than the file, whatever each one says.
            if stored > file_bytes:
                raise ArtifactError(f"{shown(name)} is {list(found.shape)}: more than the file holds")
    return numbers


def _attribute_problem(h5py: Any, found: Any) -> str | None:
    for index in range(h5py.h5a.get_num_attrs(found)):
        attribute = h5py.h5a.open(found, index=index)
        if attribute.shape != () or attribute.get_type().get_class() != h5py.h5t.STRING:
            return "has an attribute that is no plain text"
    return None


def _problem(h5py: Any, found: Any) -> str | None:
    if isinstance(found, h5py.h5g.GroupID):
        return None
    if not isinstance(found, h5py.h5d.DatasetID):
        return "is neither a group nor a dataset"
    # The layout first: even asking a virtual dataset for its shape may open the files that it is made of.
    storage = found.get_create_plist()
    if storage.get_layout() == h5py.h5d.VIRTUAL:
        return "is put together from other files"
    if storage.get_external_count():
        return "keeps its data in another file"
    if storage.get_layout() not in (h5py.h5d.CONTIGUOUS, h5py.h5d.COMPACT):
        return "is stored in chunks; Keras stores weights as they are"
    if found.get_type().get_class() not in (h5py.h5t.FLOAT, h5py.h5t.INTEGER):
        return "holds something else than numbers"
    if found.shape is None or found.get_storage_size() < _declared_bytes(found):
        return "has no shape, or a larger one than is stored"
    return None


def _declared_bytes(dataset: Any) -> int:
    size: int = dataset.get_type().get_size()
    return size * int(math.prod(dataset.shape))
