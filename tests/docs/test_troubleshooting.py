"""docs/troubleshooting.md and docs/runbook.md are complete, and everything that they name exists."""

from __future__ import annotations

import re
from collections.abc import Iterator

import httpx
import pytest
from prometheus_client import generate_latest

from app.api.problem_kinds import ALL_KINDS, Kind
from app.contract import Artifact
from app.settings import Settings
from qa.harness.messages import as_json
from qa.harness.server import ServerProcess
from tests.conftest import ROOT
from tests.deploy.monitoring import Known, known, of_drift, of_store, of_supervisor, rules, unknown
from tests.deploy.promql import parse
from tests.docs.pages import Page, blocks

TROUBLESHOOTING, RUNBOOK = Page("docs/troubleshooting.md"), Page("docs/runbook.md")
PAGES = pytest.mark.parametrize("page", [TROUBLESHOOTING, RUNBOOK], ids=lambda page: page.path.name)
ALERTS = {alert["alert"]: alert for alert in rules("alerts.yml")}
BALANCER = (ROOT / "deploy" / "haproxy.cfg").read_text(encoding="utf-8")

# An entry of a problem begins with its status and title; others are about the process.
PROBLEM = re.compile(r"(\d{3}), (.+?)(?:\.$|, with `|\. )", re.MULTILINE)
METRIC = re.compile(r"\b(?:timeseries|process)_\w+|\b(?:job|instance)\w*:\w+")
FILE = re.compile(r"(?:app|deploy|docs|requirements|tests)/[\w./-]+|docker-compose\.yml")


@pytest.fixture(scope="module")
def metrics(server: ServerProcess, artifact: Artifact) -> Known:
    """All metrics, labels and values that an expression can name."""
    body = as_json(artifact.golden.series[:2])
    with httpx.Client(base_url=server.url, trust_env=False) as client:
        client.post("/predict", content=body, headers={"Content-Type": "application/json"}).raise_for_status()
        text = client.get("/metrics").raise_for_status().text
    return known(text + (generate_latest(of_supervisor()) + of_store() + of_drift(artifact)).decode())


def problem_entries() -> Iterator[str]:
    """The slugs that have an entry."""
    return (heading for heading, body in TROUBLESHOOTING.entries.items() if PROBLEM.match(body))


def test_the_entries_are_the_problems() -> None:
    """No entry is left of a problem that was renamed or removed."""
    assert set(problem_entries()) == {kind.slug for kind in ALL_KINDS}


@pytest.mark.parametrize("kind", ALL_KINDS, ids=lambda kind: kind.slug)
def test_every_problem_has_its_entry(kind: Kind) -> None:
    """With its status and title, a reason, and what callers and operators can do."""
    entry = TROUBLESHOOTING.entries[kind.slug]
    begins = PROBLEM.match(entry)
    assert begins
    assert (int(begins[1]), begins[2]) == (kind.status, kind.title)
    assert "* **Why:** " in entry or "| why |" in entry
    for role in ("Client", "Operator"):
        assert f"* **{role}:** " in entry or f"* **{role}:**\n" in entry


@pytest.mark.parametrize("kind", ALL_KINDS, ids=lambda kind: kind.slug)
def test_every_problem_is_found_by_its_status(kind: Kind) -> None:
    """The table at the top has a link from the status."""
    rows = [line for line in TROUBLESHOOTING.text.splitlines() if re.match(r"\| \d{3}", line)]
    (row,) = [row for row in rows if str(kind.status) in row.split("|")[1]]
    assert f"[{kind.slug}](#{kind.slug})" in row


def test_every_alert_has_its_entry_and_no_other_has() -> None:
    """The entries of the runbook are the alerts."""
    assert set(RUNBOOK.entries) == set(ALERTS)


@pytest.mark.parametrize("name", ALERTS)
def test_an_entry_has_severity_check_action_end_and_escalation(name: str) -> None:
    """It has the alert's severity, and the alert links to it."""
    alert, entry = ALERTS[name], RUNBOOK.entries[name]
    assert entry.startswith(f"{alert['labels']['severity']}. ")
    for part in ("Confirm", "First", "Over", "Escalate"):
        assert f"* **{part}:** " in entry or f"* **{part}:**\n" in entry
    file, _, anchor = alert["annotations"]["runbook"].partition("#")
    assert (ROOT / file, anchor) == (RUNBOOK.path, name.lower())
    assert anchor in RUNBOOK.anchors


@pytest.mark.parametrize("expression", blocks(RUNBOOK.text, "promql"), ids=str.strip)
def test_every_query_names_existing_metrics(expression: str, metrics: Known) -> None:
    """Its labels and their values exist, too."""
    assert list(unknown(expression, metrics)) == []


@PAGES
def test_every_variable_exists(page: Page) -> None:
    """Names in capitals are settings, variables of the balancer, or TMPDIR."""
    found = {match[1] for code in page.code if (match := re.fullmatch(r"([A-Z][A-Z_]{3,})(?:=.*)?:?", code))}
    variables = set(re.findall(r'"\$\{([A-Z_0-9]+)-', BALANCER))
    there = {name.upper() for name in Settings.model_fields} | variables | {"TMPDIR"}
    assert len(found) > 10
    assert found - there <= {"OPTIONS", "CRITICAL"}  # a method, and a level of the log


@PAGES
def test_every_metric_exists(page: Page, metrics: Known) -> None:
    """Also within an expression; its labels exist, too."""
    expressions = [code for code in page.code if METRIC.search(code)]
    assert len(expressions) > 3
    for expression in expressions:
        for selector in parse(expression).selectors:
            assert selector.metric in metrics, expression
            labels = {matcher.label for matcher in selector.matchers}
            assert labels <= set(metrics[selector.metric]), expression


@PAGES
def test_every_file_exists(page: Page) -> None:
    """Those in the project's folder."""
    named = [code for code in page.code if FILE.fullmatch(code)]
    assert named
    assert [name for name in named if not (ROOT / name).exists()] == []


@PAGES
def test_every_route_exists(page: Page, server: ServerProcess) -> None:
    """A path is one of the server's, and the slug behind /problems/ one of a problem."""
    paths = {match[1] for code in page.code if (match := re.fullmatch(r"(?:[A-Z]+ )?(/[\w/.-]+)", code))}
    with httpx.Client(base_url=server.url, trust_env=False) as client:
        missing = {path for path in paths if client.get(path).status_code == 404}
    assert len(paths) > 3
    assert missing <= {"/problems/", "/tmp"}  # noqa: S108 - named, not opened
