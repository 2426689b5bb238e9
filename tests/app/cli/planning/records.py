"""A made-up record with round figures."""

from __future__ import annotations

from app.cli.planning.record import About, Curve, Point, Record


def point(rate: float, *p99_ms: float, busy: float) -> Point:
    """A load of as many rounds as there are latencies."""
    return Point(rate=rate, p99_ms=list(p99_ms), busy_cores=[busy] * len(p99_ms))


def record() -> Record:
    """JSON requests of 1 series, up to 1,000/s, and of 11, up to 100/s; npy requests of 1 series."""
    single = [
        point(100, 2, 2, 9, busy=0.1),
        point(500, 8, 4, 6, busy=0.4),
        point(1000, 20, 30, 10, busy=0.9),
    ]
    several = [point(10, 10, busy=0.1), point(50, 20, busy=0.5), point(100, 40, busy=1.0)]
    return Record(
        format=1,
        about=About(
            machine="a machine",
            command="a command",
            when="today",
            model="forda/4",
            replica="one worker",
            load="three rounds",
        ),
        cores=1,
        memory_mb=200,
        curves=[
            Curve(body="json", series=11, points=several),
            Curve(body="json", series=1, points=single),
            Curve(body="npy", series=1, points=single),
        ],
    )
