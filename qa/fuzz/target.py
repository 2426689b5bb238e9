"""What is fuzzed in this process: the three decoders, each with its bodies and its judge."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import NamedTuple

from qa.fuzz import encoded_bodies, json_bodies, judging, npy_bodies
from qa.fuzz.cases import Case


class Target(NamedTuple):
    """One decoder.

    Attributes:
        name: for reports, and part of every case's seed.
        make: a case, by chance.
        call: the decoder and nothing else, for its time and memory; it may raise.
        judge: the complaint about what becomes of a case, None if there is none; what it raises is one too.
    """

    name: str
    make: Callable[[Random], Case]
    call: Callable[[Case], object]
    judge: Callable[[Case], str | None]

    def case(self, seed: int, number: int) -> Case:
        """The case of a number."""
        return self.make(Random(f"{seed}/{self.name}/{number}"))


def _json(case: Case) -> object:
    return judging.json_decoder(case.size)(case.body)


def _npy(case: Case) -> object:
    return judging.npy_decoder(case.size)(case.body)


TARGETS = {
    target.name: target
    for target in (
        Target("json", json_bodies.case, _json, judging.judge_json),
        Target("npy", npy_bodies.case, _npy, judging.judge_npy),
        Target("encoding", encoded_bodies.case, judging.unpack, judging.judge_encoded),
    )
}
