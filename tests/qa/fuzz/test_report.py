"""`qa.fuzz.report`: a row for each target, and a line for each finding."""

from __future__ import annotations

from qa.fuzz.report import SHOWN, Finding, Outcome, details, table


def test_every_target_has_a_row() -> None:
    """Cases, seconds and findings, and what else was measured."""
    outcomes = [Outcome("json", 60_000, 12.4, [Finding("json/1", "x")], "5 read"), Outcome("wire")]
    assert table(outcomes) == (
        "| target | cases | seconds | findings | measured |\n"
        "|---|---|---|---|---|\n"
        "| json | 60,000 | 12 | 1 | 5 read |\n"
        "| wire | 0 | 0 | 0 |  |"
    )


def test_findings_are_shown_and_the_rest_counted() -> None:
    """The first ones with what makes them again; after what a tool has to say."""
    found = [Finding(f"json/{number}", "broken") for number in range(SHOWN + 2)]
    lines = details([Outcome("json", findings=found, transcript="said"), Outcome("npy")]).splitlines()
    assert lines[:2] == ["said", "json/0: broken"]
    assert lines[-1] == "json: 2 more"
    assert len(lines) == SHOWN + 2
