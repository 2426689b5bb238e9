"""Swap the version that is served, again and again under load, with broken ones in between."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Sequence
from itertools import pairwise

from qa.chaos.faults.swaps import Shelf, Span, holds, is_refused
from qa.chaos.finding import Finding, Promise, nothing_but_answers, of_ledger
from qa.chaos.judge import Outcome
from qa.chaos.ledger import Ledger
from qa.chaos.load import Load
from qa.chaos.questions import JSON, Book, Question
from qa.chaos.serving import serving
from qa.chaos.stage import Stage
from qa.chaos.trend import slope
from qa.chaos.versions import wrong_digest, wrong_golden
from qa.harness.proc import Held
from qa.harness.server import ServerProcess

NAME = "version-swaps"
SHARED_NAME = "version-swaps-2"
SHARED_WORKERS = 2
CONNECTIONS = 8
RATE = 100.0
RELOAD_SECONDS = 0.5
HOWS = ("SIGHUP", "look", "pin")
BROKEN = {"wrong digest": wrong_digest, "fails its golden answers": wrong_golden}
# Right answers after each swap and each refusal.
SOME = 20
# A broken version of each kind comes early: to prove that the model itself does not keep its word, the first
# time, a converter is loaded, which stays.
BROKEN_AFTER = (0, 1, 12, 24, 36)
WARM = 3
# Swaps until memory has its working size: allocators keep what the first ones took.
WARM_UP = 10
MOST_GROWTH = 0.1
# A model that is not given up adds tens of them.
MOST_MB_PER_SWAP = 0.25
SETTLE_SECONDS = 15.0


async def inject(
    stage: Stage, *, times: int | None = None, broken_after: Sequence[int] = BROKEN_AFTER
) -> Finding:
    """Swap the version of a single process, so often, with a broken one after swaps of these numbers."""
    return await _swap(stage, NAME, workers=1, times=times, broken_after=broken_after)


async def inject_shared(stage: Stage) -> Finding:
    """Swap the version of two workers, each of which looks for itself."""
    return await _swap(stage, SHARED_NAME, workers=SHARED_WORKERS)


async def _swap(
    stage: Stage,
    name: str,
    *,
    workers: int,
    times: int | None = None,
    broken_after: Sequence[int] = BROKEN_AFTER,
) -> Finding:
    shelf = Shelf(stage.folder / "versions", stage.artifact)
    settings = stage.serves | {"ARTIFACT": str(shelf.folder), "RELOAD_SECONDS": str(RELOAD_SECONDS)}
    times = times or (6 if stage.quick else 50)
    held: list[Held] = []
    broken: list[int] = []
    async with (
        serving(settings, log=stage.log("server"), workers=workers) as server,
        Load(server.port, stage.book, _questions(stage.book), connections=CONNECTIONS, rate=RATE) as load,
    ):
        pids = [server.pid, *server.workers]
        held.append(holds(pids))
        for number in range(times):
            await shelf.swap(server, workers, how=HOWS[number % len(HOWS)])
            await load.wait_for_answers(SOME)
            held.append(holds(pids))  # by now what asked for the metrics has hung up
            if number in broken_after:
                broken.append(await _refuse(shelf, server, workers, place=len(broken)))
                await load.wait_for_answers(SOME)
        last = await _settled(pids, held[WARM])
        log = server.output
    return of_ledger(
        name,
        load.ledger,
        load=f"{workers} {'worker' if workers == 1 else 'workers'}, no balancer; {load.words}",
        injected=f"{times} swaps: {_counted(times)}; {len(broken)} broken versions in between: "
        f"{', '.join(list(BROKEN)[: len(broken)])}",
        promises=[
            nothing_but_answers(load.ledger.tally()),
            only_while_they_serve(load.ledger, shelf.spans),
            _all_told(log, broken, workers),
            *_comes_back(held, last),
            *([] if stage.quick else [_no_slope(held, workers)]),
        ],
        measured=[_swap_times(shelf.spans)],
    )


def _questions(book: Book) -> list[Question]:
    """Such whose answers name the version."""
    good = [book.json(size, seed=seed) for seed in range(8) for size in (1, 1, 1, 8)]
    return [*good, *(book.npy(32, seed=seed, accept=JSON) for seed in range(4))]


async def _refuse(shelf: Shelf, server: ServerProcess, workers: int, *, place: int) -> int:
    """Add a broken version and wait until it is refused; its number.

    Raises:
        NotServing: it is not.
    """
    breaking = list(BROKEN.values())[place % len(BROKEN)]
    version = await shelf.add_broken(breaking)
    await asyncio.to_thread(
        server.wait_until, lambda: is_refused(server, version, workers), f"refusing version {version}"
    )
    return version


async def _settled(pids: list[int], before: Held) -> Held:
    """What they hold once it is no more descriptors and threads than before, or after a while."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while _has_more(now := holds(pids), before) and time.monotonic() < deadline:  # noqa: ASYNC110 - /proc
        await asyncio.sleep(0.1)
    return now


def _has_more(now: Held, before: Held) -> bool:
    return now.descriptors > before.descriptors or now.threads > before.threads


def _counted(times: int) -> str:
    done = [HOWS[number % len(HOWS)] for number in range(times)]
    words = {"SIGHUP": "by SIGHUP", "look": "by the look every half second", "pin": "back, by the pin file"}
    return ", ".join(f"{done.count(how)} {words[how]}" for how in HOWS)


def only_while_they_serve(ledger: Ledger, spans: Sequence[Span]) -> Promise:
    """Each answer names a version that was whole, and that some worker had, while the request was there."""

    def fits(version: int | None, sent: float, ended: float) -> bool:
        return any(span.version == version and span.since <= ended and sent <= span.until for span in spans)

    answered = ledger.of(Outcome.ANSWERED)
    strays = [entry for entry in answered if not fits(entry.version, entry.sent, entry.ended)]
    named = {entry.version for entry in answered}
    return Promise(
        "every answer names a version that was whole and serving then",
        not strays and named == {span.version for span in spans},
        f"{len(strays)} others; {len(named)} versions answered",
    )


def _all_told(log: str, broken: Sequence[int], workers: int) -> Promise:
    """Every worker logs each refusal; the metric and `/model` were waited for."""
    logged = [len(re.findall(rf"version {version} is refused", log)) for version in broken]
    return Promise(
        "each broken version is refused: logged by every worker, counted, shown at /model",
        all(times == workers for times in logged) and "Traceback" not in log,
        f"{len(broken)} of {len(broken)} shown and counted; {sum(logged)} lines of the log",
    )


def _comes_back(held: Sequence[Held], last: Held) -> list[Promise]:
    """Compared with what they held when ready, and after so many swaps."""
    warm, warm_up = held[WARM], min(WARM_UP, len(held) - 1)
    ready, one, early, end = (each.resident / 1e6 for each in (held[0], held[1], held[warm_up], last))
    return [
        Promise(
            f"no more descriptors and threads than after {WARM} swaps",
            not _has_more(last, warm),
            f"{warm.descriptors}, {warm.threads} then; {last.descriptors}, {last.threads} at the end",
        ),
        Promise(
            f"resident memory as after {warm_up} swaps, up to {MOST_GROWTH:.0%}",
            end <= (1 + MOST_GROWTH) * early,
            f"{ready:.0f} MB when ready, {one:.0f} after one swap, {early:.0f} after {warm_up}, {end:.0f} at "
            "the end",
        ),
    ]


def _no_slope(held: Sequence[Held], workers: int) -> Promise:
    sizes = [each.resident / 1e6 / workers for each in held[WARM_UP:]]
    growth = slope(list(range(len(sizes))), sizes)
    return Promise(
        f"then at most {MOST_MB_PER_SWAP:g} MB more a swap and worker, two standard errors allowed",
        growth.value - 2 * growth.error <= MOST_MB_PER_SWAP,
        f"{growth.value:+.2f} ± {growth.error:.2f} MB",
    )


def _swap_times(spans: Sequence[Span]) -> str:
    seconds = sorted(old.until - new.since for old, new in pairwise(spans))
    return (
        f"from a version's appearance until every worker has it alone: {seconds[len(seconds) // 2]:.1f} s in "
        f"the middle, {seconds[-1]:.1f} s at most"
    )
