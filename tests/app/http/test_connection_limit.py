"""`app.http.connection_limit`: admitted connections, and refused ones that may linger."""

from __future__ import annotations

from app.http.connection_limit import MAX_LINGERING, ConnectionLimit


def test_connections_over_the_limit_are_refused_and_counted() -> None:
    """As many connections as the limit are admitted."""
    refused: list[None] = []
    limit = ConnectionLimit(3, lambda: refused.append(None))
    assert [limit.admits(count) for count in (1, 3, 4, 5)] == [True, True, False, False]
    assert len(refused) == 2


def test_zero_is_no_limit() -> None:
    """For an operator whose load balancer limits connections."""
    assert ConnectionLimit(0, lambda: None).admits(10**9)


def test_a_closed_connection_makes_room_for_another_to_linger() -> None:
    """Only if it was one of those that linger."""
    limit = ConnectionLimit(1, lambda: None)
    lingering = [object() for _ in range(MAX_LINGERING)]
    assert all(limit.may_linger(one) for one in lingering)
    other = object()
    assert not limit.may_linger(other)
    limit.release(other)
    assert not limit.may_linger(other)
    limit.release(lingering[0])
    assert limit.may_linger(other)
