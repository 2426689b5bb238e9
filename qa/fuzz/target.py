"""The fuzz targets in this process: decoders, each with its cases and its oracle."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import NamedTuple

from qa.fuzz import (
    dialects,
    encoded_bodies,
    explain_queries,
    json_bodies,
    npy_bodies,
    oracles,
    v1_bodies,
    v2_bodies,
)
from qa.fuzz.cases import Case


class Target(NamedTuple):
    """One decoder.

    Attributes:
        name: name of the target, and part of every case's seed.
        make: generates a random case.
        call: calls only the decoder, to measure time and memory; it may raise.
        check: the oracle: returns the violation of a case, or None. An exception is a violation, too.
    """

    name: str
    make: Callable[[Random], Case]
    call: Callable[[Case], object]
    check: Callable[[Case], str | None]

    def case(self, seed: int, number: int) -> Case:
        """The case with this number."""
        return self.make(Random(f"{seed}/{self.name}/{number}"))


def _json(case: Case) -> object:
    return oracles.json_decoder(case.size)(case.body)


def _npy(case: Case) -> object:
    return oracles.npy_decoder(case.size)(case.body)


TARGETS = {
    target.name: target
    for target in (
        Target("json", json_bodies.case, _json, oracles.check_json),
        Target("npy", npy_bodies.case, _npy, oracles.check_npy),
        Target("v2", v2_bodies.case, dialects.decode_v2, dialects.check_v2),
        Target("v1", v1_bodies.case, dialects.decode_v1, dialects.check_v1),
        Target("explain", explain_queries.case, explain_queries.read, explain_queries.check),
        Target("encoding", encoded_bodies.case, oracles.unpack, oracles.check_encoded),
    )
}
