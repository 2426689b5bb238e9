"""Refuses JSON of far too many lists, objects and values before it is parsed into Python objects."""

from __future__ import annotations

import numpy as np

from app.errors import MalformedPayload
from app.series.spec import SeriesSpec

# A parsed list costs hundreds of times its bytes: a body of 16 MB made of brackets would take gigabytes.
# The structure of a larger body than this is counted before it is parsed.
_UNCOUNTED_BYTES = 64 * 1024
# Lists, objects and fields beyond one a series: enough to report an ordinary mistake exactly.
_SPARE_NODES = 20_000
# With several channels every time step is a list: 256 series of 500 have as many. Beyond that, which is 40 MB
# and a third of a second, a body is read only if it is plain.
_MOST_LISTS = 2**17
# Values too: 4 MB of `1,`, which gzip makes 4 kB of, would take a quarter of a second to refuse. An ordinary
# mistake is a few series too many, or a few values in each.
_SPARE_FACTOR = 2


def check_structure(body: bytes, spec: SeriesSpec, *, max_instances: int, nodes_per_series: int = 1) -> None:
    """Check that a body has not far more lists, objects, fields and values than a request may have.

    Args:
        body: JSON, or what is sent for it.
        spec: of its series.
        max_instances: most series.
        nodes_per_series: lists, objects and fields of each series, time steps aside.

    Raises:
        MalformedPayload: it has.
    """
    if len(body) <= _UNCOUNTED_BYTES:
        return
    characters = np.frombuffer(body, np.uint8)
    nodes = sum(int(np.count_nonzero(characters == ord(opening))) for opening in "[{:")
    count, size = max_instances, spec.values
    lists = count * (nodes_per_series + (0 if spec.channels == 1 else spec.length))
    found = f"too many lists, objects and fields: {nodes:,}"
    if nodes > lists + _SPARE_NODES:
        raise MalformedPayload(f"{found}; {count} series need {lists + 3}")
    if nodes > max(count * nodes_per_series, _MOST_LISTS) + _SPARE_NODES:
        raise MalformedPayload(f"{found}; send fewer series to get the exact errors")
    values = body.count(b",") + 1
    if values > _SPARE_FACTOR * count * size + _SPARE_NODES:
        raise MalformedPayload(f"too many values: {values:,}; {count} series of {size} have {count * size:,}")
