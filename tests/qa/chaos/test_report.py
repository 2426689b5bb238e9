"""The report says what held, and what did not."""

from __future__ import annotations

import json
from pathlib import Path

from qa.chaos import report
from qa.chaos.finding import (
    Finding,
    Promise,
    aborted,
    all_answered,
    finding_from,
    no_wrong_answer,
    not_run,
)
from qa.chaos.oracle import Outcome, Verdict
from qa.chaos.request_log import RequestLog, Tally


def finding(*promises: Promise) -> Finding:
    """What a load of two requests showed, one of them lost."""
    request_log = RequestLog()
    request_log.finish(request_log.add("JSON, 1", port=1), Verdict(Outcome.ANSWERED))
    request_log.finish(request_log.add("JSON, 1", port=1), Verdict(Outcome.LOST, "cut"))
    return finding_from("a-fault", request_log, load="1 connection", injected="a | kill", promises=promises)


def test_a_broken_promise_is_named() -> None:
    """Its row says no, and to what; the words of what failed stand below the table."""
    kept, broken = Promise("it goes on", held=True), Promise("nothing is lost", held=False, measured="1 lost")
    assert not finding(kept, broken).held
    assert report.verdict(finding(kept, broken)) == "**no**: nothing is lost"
    assert "BROKEN: nothing is lost (1 lost)" in report.summary(finding(kept, broken))
    text = report.markdown([finding(kept, broken)], {"machine": "this one"})
    row = next(line for line in text.splitlines() if line.startswith("| a-fault"))
    assert row.count("|") == len(report.HEADINGS) + 1
    assert "| 2 | 1 | 0 | 0 | 1 | 0 |" in row
    assert "nothing is lost (1 lost)" in row
    assert "* a-fault: JSON, 1, lost: cut" in text


def test_only_what_was_seen_to_hold_held() -> None:
    """Nothing promised, not tried and broken off are each not a yes."""
    assert finding(Promise("it goes on", held=True)).held
    for other in (finding(), not_run("x", "no disk"), aborted("x", "it did not start")):
        assert not other.held
        assert report.verdict(other) != "yes"


def test_files_hold_the_same(tmp_path: Path) -> None:
    """The Markdown that is returned is written; the JSON has every number, and whether all held."""
    findings = [finding(Promise("it goes on", held=True)), not_run("other", "no disk")]
    text = report.write(findings, {"when": "now"}, tmp_path)
    assert (tmp_path / "report.md").read_text() == text
    found = json.loads((tmp_path / "results.json").read_text())
    assert not found["held"]
    assert [item["held"] for item in found["findings"]] == [True, False]
    assert found["findings"][0]["tally"] == {
        "sent": 2, "answered": 1, "refused": 0, "failed": 0, "lost": 1, "wrong": 0,
    }  # fmt: skip


def test_promises_about_answers_can_be_broken() -> None:
    """By one request that was lost, refused, failed or wrong; and by no answers at all."""
    assert all_answered(Tally(3, 3, 0, 0, 0, 0)).held
    assert not any(
        all_answered(tally).held
        for tally in (
            Tally(3, 2, 1, 0, 0, 0),
            Tally(3, 2, 0, 1, 0, 0),
            Tally(3, 2, 0, 0, 1, 0),
            Tally(3, 2, 0, 0, 0, 1),
            Tally(0, 0, 0, 0, 0, 0),
        )
    )
    assert no_wrong_answer(Tally(3, 1, 0, 0, 2, 0)).held
    assert not no_wrong_answer(Tally(3, 2, 0, 0, 0, 1)).held
    assert not no_wrong_answer(Tally(3, 0, 0, 0, 3, 0)).held
