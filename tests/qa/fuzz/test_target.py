"""`qa.fuzz.target`: bodies of every kind, the same for the same seed, a few of them right and most not."""

from __future__ import annotations

import json
from fractions import Fraction
from random import Random

import pytest

from app.errors import PayloadError
from qa.fuzz.cases import MAX_BYTES
from qa.fuzz.mutations import Mutator
from qa.fuzz.numbers import FLOAT32_END, NOT_JSON, float32, number
from qa.fuzz.target import TARGETS, Target

CASES = 150


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_some_cases_are_read_and_most_are_not(target: Target) -> None:
    """A decoder is tried beyond its first check, and mostly on what it must refuse."""
    read, bodies = 0, set()
    for chance in range(CASES):
        case = target.case(0, chance)
        bodies.add(case.body)
        assert len(case.body) <= 2 * MAX_BYTES
        try:
            target.call(case)
        except PayloadError:
            continue
        read += 1
    assert CASES / 20 < read < CASES / 2
    assert len(bodies) > 0.9 * CASES


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_a_case_comes_again(target: Target) -> None:
    """The seed and the number are all that a case depends on."""
    assert [target.case(5, chance) for chance in range(30)] == [
        target.case(5, chance) for chance in range(30)
    ]
    assert [target.case(5, chance) for chance in range(30)] != [
        target.case(6, chance) for chance in range(30)
    ]


def test_numbers_are_numbers() -> None:
    """What is said to be a number, JSON reads as one; what is said to be none, it does not."""
    rng = Random(0)
    for _ in range(500):
        assert isinstance(json.loads(number(rng)), int | float)
        assert abs(Fraction(float32(rng))) < FLOAT32_END
    for text in NOT_JSON:
        try:
            read = json.loads(text, parse_constant=str)
        except ValueError:
            continue
        assert type(read) not in (int, float), text


def test_mutations_are_of_every_kind() -> None:
    """Bytes get shorter, longer, or other by a bit, and fragments and other bytes come in; none is enough."""
    mutator, data = Mutator([b"<fragment>"]), b'{"instances": [[0.5, 1.5], [2.5, 3.5]]}' * 9
    made = {mutator(Random(chance), data) for chance in range(600)}
    assert len(made) > 500
    assert {(len(body) > len(data)) - (len(body) < len(data)) for body in made} == {-1, 0, 1}
    assert any(body.count(b"<fragment>") == 1 for body in made)
    assert any(b"<fragment>" * 64 in body for body in made)
    assert any(sum(map(int.bit_count, _differences(body, data))) == 1 for body in made)
    assert any(mutator(Random(chance), data, b"x" * 50).endswith(b"xxx") for chance in range(60))
    assert mutator(Random(1), data, b"x" * 50) == mutator(Random(1), data, b"x" * 50)
    assert all(isinstance(mutator(Random(0), short), bytes) for short in (b"", b"1"))


def _differences(one: bytes, other: bytes) -> list[int]:
    """Their bytes, exclusive or; those of all where they differ in length."""
    return [a ^ b for a, b in zip(one, other, strict=True)] if len(one) == len(other) else list(one)
