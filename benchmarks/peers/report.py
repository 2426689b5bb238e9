"""The results as Markdown."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.peers import targets
from benchmarks.peers.plan import BODIES, CONNECTIONS, Load
from benchmarks.peers.records import Results
from benchmarks.peers.servers import ALL
from benchmarks.peers.servers.base import Peer
from benchmarks.peers.tables import Column, measured, table
from benchmarks.peers.tuned import CHOSEN

LATENCIES = (Column("p50 ms", "p50", ".2f"), Column("p99 ms", "p99", ".2f"))
STEADY = (
    Column("p50 ms", "p50", ".2f"),
    Column("p90 ms", "p90", ".2f"),
    Column("p99 ms", "p99", ".2f"),
    Column("p99.9 ms", "p999", ".2f"),
    Column("sent late, p99 ms", "late_p99", ".2f"),
    Column("failed", "failed", ".0f"),
)
OVERLOAD = (
    Column("peak/s", "peak", ",.0f"),
    Column("sent, of the peak", "offered", ".2f"),
    Column("answered in time, of the peak", "answered", ".2f"),
    Column("answers' p50 ms", "answered_p50_ms", ".0f"),
    Column("refusals' p50 ms", "refused_p50_ms", ".1f"),
    Column("refusals' p99 ms", "refused_p99_ms", ".1f"),
    Column("lost", "lost", ".0f"),
    Column("recovery s", "recovery_s", ".2f"),
)
START = (
    Column("start to ready, s", "ready_s", ".2f"),
    Column("ready to first answer, s", "answered_s", ".2f"),
    Column("resident, MB", "idle_mb", ".0f"),
    Column("shared pages once, MB", "idle_once_mb", ".0f"),
    Column("after the loads, MB", "busy_mb", ".0f"),
)
ENGINE = tuple(
    column
    for size in (1, 32, 256)
    for column in (
        Column(f"{size} series: ms", f"ms_{size}", ".3f"),
        Column("series/s", f"rate_{size}", ",.0f"),
    )
)


def write(results: Results, *, pictures: tuple[str, ...] = ()) -> str:
    """The whole report.

    Args:
        results: of a run.
        pictures: names of image files in the same folder.
    """
    sections = [
        "# This server and others",
        "\n".join(f"* {name}: {text}" for name, text in results.about.items() if isinstance(text, str)),
        *_titled("Targets", "Ratios are taken within each round.", targets.table(results)),
        *(f"![{name.removesuffix('.png')}]({name})" for name in pictures),
        "## Closed loop",
        "Responses per second with status 2xx, and latencies; median of the rounds (min-max).",
        *_closed(results),
        *_titled("Constant rate", _steady_text(results), measured(results, _all("steady"), STEADY)),
        *_titled("Overload", _OVERLOAD_TEXT, measured(results, _overloads(results), OVERLOAD, "load")),
        *_titled("Start and memory", _START_TEXT, measured(results, _all("start"), START)),
        *_titled(
            "The engine alone", "One thread.", measured(results, [("engine", "engine", "bare")], ENGINE, "")
        ),
        *_titled("Servers", "", _servers(results)),
        *_titled("Commands", "Settings are in the environment.", _commands(results)),
    ]
    return "\n\n".join(sections) + "\n"


_OVERLOAD_TEXT = (
    "This server with one worker and its default limits, at three times its peak, sent by the clock. The "
    "client is on the same cores: if it sent less than that, the machine was at its limit."
)
_START_TEXT = (
    "From the start of the process until its health check succeeds. Memory is the sum over a server's "
    "processes."
)


def _titled(title: str, text: str, body: str) -> list[str]:
    return [part for part in (f"## {title}", text, body) if part] if body else []


def _all(measure: str) -> list[tuple[str, str, str]]:
    return [(peer.title, peer.key, measure) for peer in ALL]


def _overloads(results: Results) -> list[tuple[str, str, str]]:
    found = dict.fromkeys(r.measure for r in results.records if r.measure.startswith("overload "))
    return [(measure.removeprefix("overload "), "ours", measure) for measure in found]


def _steady_text(results: Results) -> str:
    rate = results.median("triton", "steady", "rate") or 0
    return (
        f"One series as JSON at {rate:,.0f} requests/s, half of Triton's peak, sent by the clock; latency "
        "counts from the time at which a request was due. Servers with a peak near that rate or below are "
        "left out."
    )


def _closed(results: Results) -> Iterator[str]:
    for form, series in BODIES:
        rows = [
            (f"{peer.title}, {connections} conn.", peer.key, Load(form, series, connections).key)
            for connections in CONNECTIONS
            for peer in ALL
        ]
        rates = [Column("requests/s", "rate", ",.0f")]
        if series > 1:
            rates.append(Column("series/s", "rate", ",.0f", series))
        body = measured(results, rows, [*rates, *LATENCIES, Column("failed", "failed", ".0f")])
        if body:
            yield f"### {'one series' if series == 1 else f'{series} series'} a request, {form}"
            yield body


def _servers(results: Results) -> str:
    heads = ("server", "version", "settings", "why", "golden answers, failures")
    return table(heads, [_server(results, peer) for peer in ALL if _is_known(results, peer)])


def _commands(results: Results) -> str:
    lines = [f"{key}: {command}" for key, command in results.about.get("commands", {}).items()]
    load = (
        "wrk --threads 1 --connections N --duration Ns --timeout 60s --script benchmarks/peers/load.lua URL"
    )
    return "\n".join(("```", *lines, f"load: {load} -- BODY HEADERS", "```")) if lines else ""


def _is_known(results: Results, peer: type[Peer]) -> bool:
    return peer.key in results.failures or results.median(peer.key, "start", "difference") is not None


def _server(results: Results, peer: type[Peer]) -> list[str]:
    choice = CHOSEN[peer.key]
    name = peer.packages[0].split("==")[0].split("[")[0] if peer.packages else ""
    installed = results.about.get("packages", {}).get(peer.key, {})
    version = f"{name} {installed.get(name, '')}" if name else "this commit"
    settings = ", ".join(f"{key}={value}" for key, value in choice.settings.items()) or "none"
    difference = results.median(peer.key, "start", "difference")
    state = [] if difference is None else [f"within {difference:.1g}"]
    state += [f"**{reason}**" for reason in dict.fromkeys(results.failures.get(peer.key, []))]
    return [peer.title, version, settings, choice.why, "; ".join(state)]
