"""`app.http.connection_limit`: how many come in, and how many of the others may linger."""

from __future__ import annotations

from app.http.connection_limit import LINGERING, ConnectionLimit


def test_so_many_are_let_in_and_whoever_is_not_is_counted() -> None:
    """The most itself is not too many."""
    refused: list[None] = []
    gate = ConnectionLimit(3, lambda: refused.append(None))
    assert [gate.admits(count) for count in (1, 3, 4, 5)] == [True, True, False, False]
    assert len(refused) == 2


def test_zero_is_no_limit() -> None:
    """An operator's way to leave that to the balancer."""
    assert ConnectionLimit(0, lambda: None).admits(10**9)


def test_a_place_to_linger_is_free_again_when_it_is_left() -> None:
    """Only by who has it: connections that were let in leave, too."""
    gate = ConnectionLimit(1, lambda: None)
    those = [object() for _ in range(LINGERING)]
    assert all(gate.may_linger(one) for one in those)
    other = object()
    assert not gate.may_linger(other)
    gate.left(other)
    assert not gate.may_linger(other)
    gate.left(those[0])
    assert gate.may_linger(other)
