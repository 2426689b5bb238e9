"""Whether the series that arrive are still like the training data, beside the model's facts."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
from playwright.sync_api import Page, Request, expect

from app.contract import Artifact
from app.telemetry.drift.report import DriftReport
from qa.harness.page_answers import drift_report, extend_model, fulfil, offer_evidence
from qa.harness.server import running_server
from tests.page.conftest import OpenPage
from tests.support import plain_http
from tests.support.drift import add_version_with_reference, usual_series

HEADLINE = "#drift .headline"
SECONDS = 31


def answer_with(page: Page, report: DriftReport) -> None:
    """Answer with another report from now on, and let the time pass until the page has fetched it."""
    page.unroute_all()
    page.route("**/drift", lambda route: fulfil(route, report))
    page.clock.fast_forward(SECONDS * 1000)


def test_the_state_of_the_alarm_is_said_in_words(open_page: OpenPage) -> None:
    """Fetched when the section is opened and then slowly; since when, how many series, and what it means."""

    def prepare(page: Page) -> None:
        page.clock.install()
        offer_evidence(page)

    page = open_page(prepare=prepare)
    asked: list[Request] = []
    page.on("request", lambda request: asked.append(request) if request.url.endswith("/drift") else None)
    page.clock.fast_forward(SECONDS * 1000)
    assert asked == []
    page.get_by_text("Drift: are the series that arrive").click()
    expect(page.locator(HEADLINE)).to_have_text("No evidence of drift")
    body = page.locator("#drift .drift-body")
    for sentence in (
        "The evidence (e-value) is 1.36; the alarm is raised at 200.",
        "12,345 series counted; left out: 40 that overlap with another one, 12 that were seen before.",
        "with a probability of 1\xa0% at most, however long the server runs",
        "No alarm does not mean that predictions are right",
    ):
        expect(body).to_contain_text(sentence)
    rows = [row.split("\t") for row in page.locator("#drift tbody tr").all_inner_texts()]
    assert ["Labelled “symptom absent”", "51.3\xa0%", "51.0\xa0%", "49.0\xa0%"] in rows
    assert ["Mean confidence", "97.1\xa0% to 97.9\xa0%", "98.2\xa0%", "98.3\xa0%"] in rows
    assert [row[0] for row in rows if row[0].startswith("Warning")] == ["Warning: flat"]
    assert len(asked) == 1

    answer_with(page, drift_report(log_evidence=300.0, raised=True))
    expect(page.locator(HEADLINE)).to_have_text("Alarm: the series are not like the training data")
    expect(body).to_contain_text("after 900 series. The evidence (e-value) is over a million now;")
    expect(body).to_contain_text("That does not say that predictions are wrong")
    assert page.locator("#drift .drift-verdict").get_attribute("class") == "drift-verdict alarm"

    answer_with(page, drift_report(series=0))
    expect(page.locator(HEADLINE)).to_have_text("No series counted yet")
    expect(page.locator("#drift table")).to_have_count(0)

    page.unroute_all()
    page.route("**/drift", lambda route: route.abort())
    page.clock.fast_forward(SECONDS * 1000)
    expect(page.locator("#drift .error")).to_contain_text(
        "No figures of drift. The server cannot be reached."
    )
    page.get_by_text("Drift: are the series that arrive").click()
    fetched = len(asked)
    page.clock.fast_forward(SECONDS * 1000)
    assert len(asked) == fetched


def test_it_is_what_the_server_counted(
    trusted_artifact: Artifact, tmp_path: Path, open_page: OpenPage
) -> None:
    """Nothing but the page's own first series, then an alarm for series that are all unlike the reference."""
    versions = tmp_path / "versions"
    versions.mkdir()
    add_version_with_reference(versions, 1, trusted_artifact)
    with running_server(ARTIFACT=str(versions)) as server:
        page = open_page(server.url)
        page.get_by_text("Drift: are the series that arrive").click()
        expect(page.locator(HEADLINE)).to_have_text("No evidence of drift")
        expect(page.locator("#drift .drift-body")).to_contain_text(": 1 series counted.")
        body = io.BytesIO()
        np.save(body, usual_series(200, 5, novelty=(3, 4)))
        plain_http.post(
            f"{server.url}/predict", content=body.getvalue(), headers={"Content-Type": "application/x-npy"}
        ).raise_for_status()
        server.wait_until(lambda: json.loads(server.get("/drift").body)["alarm"]["raised"], "an alarm")
        for _ in range(2):  # closed and opened again, it is fetched at once
            page.get_by_text("Drift: are the series that arrive").click()
        expect(page.locator(HEADLINE)).to_have_text("Alarm: the series are not like the training data")


def test_it_is_absent_where_the_model_has_no_reference(open_page: OpenPage) -> None:
    """Of a version that was sealed without one."""
    page = open_page(prepare=lambda page: extend_model(page, {}, {"drift_reference": None}))
    expect(page.locator("#drift")).to_be_hidden()
