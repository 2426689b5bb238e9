"""The targets of this server and the measured values.

The servers of a ratio ran in the same round, so that changes of a shared machine's speed mostly cancel.
Unless a line names one worker, this server has a worker for each core, as its peers have.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.peers import tables
from benchmarks.peers.plan import BIG_BINARY, BIG_JSON, MAIN, ONE
from benchmarks.peers.records import Results, spread

Values = Sequence[float]


@dataclass(frozen=True, slots=True)
class Target:
    """One line of the table.

    Attributes:
        measure: what is measured.
        bound: the target.
        at_least: whether more is better.
        form: format of a number.
        values: one for each round.
        unit: after the numbers.
    """

    measure: str
    bound: float
    at_least: bool
    values: Callable[[Results], Values]
    form: str = ".2f"
    unit: str = " times"

    def row(self, results: Results) -> tuple[str, str, str, str]:
        """The measure, the target, the measured value, and whether the target is met."""
        found = self.values(results)
        goal = f"{'at least' if self.at_least else 'at most'} {self.bound:{self.form}}{self.unit}"
        if not found:
            return self.measure, goal, "not measured", "-"
        median = statistics.median(found)
        met = median >= self.bound if self.at_least else median <= self.bound
        return self.measure, goal, f"{spread(found, self.form)}{self.unit}", "yes" if met else "no"


def table(results: Results) -> str:
    """All targets as a Markdown table."""
    heads = ("measure", "target", "reached: median (min-max)", "met")
    return tables.table(heads, [target.row(results) for target in TARGETS])


def _over(
    measure: str, than: str, *, name: str = "rate", ours: str = "ours-2"
) -> Callable[[Results], Values]:
    return lambda results: results.ratios(measure, name, ours, than)


def _own(subject: str, measure: str, name: str) -> Callable[[Results], Values]:
    return lambda results: list(results.values(subject, measure, name).values())


def _beyond_the_engine(results: Results) -> Values:
    ours = results.values("ours-2", ONE.key, "p50")
    engine = results.values("engine", "bare", "ms_1")
    return [ours[i] - engine[i] for i in ours if i in engine]


def _share_of_the_engine(results: Results) -> Values:
    ours = results.values("ours", BIG_BINARY.key, "rate")
    engine = results.values("engine", "bare", "rate_256")
    return [BIG_BINARY.series * ours[i] / engine[i] for i in ours if i in engine]


_RATE = "requests/s, one series as JSON, 32 connections, over"
_OF_ONE = "the same with one worker, over"
_STEADY = "p99 at a constant rate of half of Triton's peak"
_START = "process start to ready, one worker"
_MEMORY = "resident memory, one worker"
_OVERLOADS = (("one series as JSON", MAIN.key), ("32 series as binary", "binary-32x32"))

TARGETS: tuple[Target, ...] = (
    Target(f"{_RATE} Triton", 1.5, True, _over(MAIN.key, "triton")),
    Target(f"{_RATE} mosec", 2, True, _over(MAIN.key, "mosec")),
    Target(f"{_RATE} LitServe", 8, True, _over(MAIN.key, "litserve")),
    Target(f"{_RATE} BentoML", 8, True, _over(MAIN.key, "bentoml")),
    Target(f"{_RATE} Ray Serve", 8, True, _over(MAIN.key, "ray")),
    Target(f"{_RATE} a well-written FastAPI app", 1, True, _over(MAIN.key, "baseline")),
    Target(f"{_OF_ONE} Triton", 1.5, True, _over(MAIN.key, "triton", ours="ours")),
    Target(f"{_OF_ONE} mosec", 2, True, _over(MAIN.key, "mosec", ours="ours")),
    Target(f"{_OF_ONE} LitServe", 8, True, _over(MAIN.key, "litserve", ours="ours")),
    Target(f"{_STEADY}, over Triton's", 0.7, False, _over("steady", "triton", name="p99")),
    Target(
        f"{_STEADY}, one worker, over Triton's",
        0.7,
        False,
        _over("steady", "triton", name="p99", ours="ours"),
    ),
    Target(
        "one connection, one series: p50 beyond the bare engine call",
        0.5,
        False,
        _beyond_the_engine,
        unit=" ms",
    ),
    Target(
        "series/s, 256 a request, binary: one worker over the bare engine, one thread each",
        0.9,
        True,
        _share_of_the_engine,
    ),
    Target("series/s, 256 a request, binary, over Triton's", 1.2, True, _over(BIG_BINARY.key, "triton")),
    Target("series/s, 256 a request, JSON, over Triton's", 1.2, True, _over(BIG_JSON.key, "triton")),
    *(
        target
        for name, key in _OVERLOADS
        for target in (
            Target(
                f"at 3 times its capacity, {name}: answered in time, of the peak",
                0.9,
                True,
                _own("ours", f"overload {key}", "answered"),
                unit="",
            ),
            Target(
                f"at 3 times its capacity, {name}: refusals' p99",
                50,
                False,
                _own("ours", f"overload {key}", "refused_p99_ms"),
                form=".1f",
                unit=" ms",
            ),
            Target(
                f"at 3 times its capacity, {name}: requests lost",
                0,
                False,
                _own("ours", f"overload {key}", "lost"),
                form=".0f",
                unit="",
            ),
            Target(
                f"at 3 times its capacity, {name}: recovery after",
                1,
                False,
                _own("ours", f"overload {key}", "recovery_s"),
                unit=" s",
            ),
        )
    ),
    Target(
        f"{_START}, over a TensorFlow-importing app",
        0.2,
        False,
        _over("start", "naive", name="ready_s", ours="ours"),
    ),
    Target(_START, 1.5, False, _own("ours", "start", "ready_s"), unit=" s"),
    Target(
        f"{_MEMORY}, over a TensorFlow-importing app",
        0.25,
        False,
        _over("start", "naive", name="idle_mb", ours="ours"),
    ),
    Target(_MEMORY, 200, False, _own("ours", "start", "idle_mb"), form=".0f", unit=" MB"),
    # Needs a container engine; `make image-check` measures it.
    Target("image, CPU target (`make image-check`)", 450, False, lambda _: (), form=".0f", unit=" MB"),
    Target(
        "requests/s, one series as JSON, 32 connections: two workers over one, load on the same cores",
        1.7,
        True,
        _over(MAIN.key, "ours"),
    ),
    Target(
        "series/s, 256 a request, binary: two workers over one",
        1.7,
        True,
        _over(BIG_BINARY.key, "ours"),
    ),
)
