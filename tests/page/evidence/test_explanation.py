"""The explanation of the series on screen: asked for by a button, and gone with its series."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import Page, Request, Route, expect

from qa.harness.page_answers import explanation, extend_model, respond_explained
from tests.page.conftest import OpenPage
from tests.page.evidence.conftest import CLOSED, SHOWN, explain

# What "Copy" puts onto the clipboard is kept here: a headless browser has none to read from.
_KEEP = """
const clipboard = { writeText: async (text) => { window.copied = text; } };
Object.defineProperty(navigator, "clipboard", { value: clipboard });
"""


def test_it_is_asked_for_by_its_button_alone(explaining: Page) -> None:
    """One request for the series on screen; none for a slider. What it costs is said before."""
    asked: list[Request] = []
    explaining.on("request", lambda request: asked.append(request) if "/explain" in request.url else None)
    expect(explaining.locator("#explain-cost")).to_contain_text("about the work of 285 predictions")
    explaining.focus("#slider-noise")
    explaining.keyboard.press("ArrowRight")
    with explaining.expect_request("**/predict") as predicted:
        explaining.get_by_role("button", name="symptom present: easy").first.click()
    assert asked == []
    explain(explaining)
    [request] = asked
    assert request.post_data == predicted.value.post_data
    expect(explaining.locator("#explain-cost")).to_be_hidden()
    explaining.get_by_role("button", name="Hide").click()
    expect(explaining.locator("#explanation-result")).to_be_hidden()
    assert len(asked) == 1


def test_the_calls_for_engineers_give_the_same(real: Page, root: Path) -> None:
    """Run as they are copied: curl's by a shell, the client's by Python."""
    with real.expect_response("**/explain") as response:
        explain(real)
    real.evaluate(_KEEP)
    copied = {}
    for tab in ("curl", "Python"):
        real.get_by_role("tab", name=f"Explain: {tab}").click()
        real.locator("#code-panels [role=tabpanel]:visible").get_by_role("button").click()
        copied[tab] = real.evaluate("window.copied")
    answer = subprocess.run(copied["curl"], shell=True, check=True, capture_output=True, timeout=60)  # noqa: S602
    assert json.loads(answer.stdout) == response.value.json()
    answer = subprocess.run(
        [sys.executable, "-c", copied["Python"]],
        env={**os.environ, "PYTHONPATH": str(root)},
        check=True,
        capture_output=True,
        timeout=60,
    )
    [found] = response.value.json()["explanations"]
    first, *lines = answer.stdout.decode().splitlines()
    assert first == f"{found['label']} {found['probability']}"
    assert len(lines) == len(found["frequency"]["importances"])
    assert lines[5].endswith(f"{found['frequency']['importances'][5]:+.2f}")


def test_any_label_can_be_explained(explaining: Page) -> None:
    """The request names it, and so does the code for engineers."""
    explain(explaining)
    explaining.unroute_all()
    other = explanation("-1", sign=-1)
    explaining.route("**/explain*", lambda route: respond_explained(route, other))
    with explaining.expect_request("**/explain?label=-1"):
        explaining.get_by_label("Explain", exact=True).select_option(label="“symptom absent”")
    expect(explaining.locator("#explanation-words strong")).to_have_text("“symptom absent”")
    expect(explaining.locator("#code-explain-curl code")).to_contain_text("/explain?label=-1'")
    expect(explaining.locator("#code-explain-python code")).to_contain_text('label="-1")')


def test_it_is_gone_with_its_series(explaining: Page) -> None:
    """Another series has another explanation, which nobody asked for yet."""
    explain(explaining)
    explaining.get_by_role("button", name="symptom present: easy").first.click()
    explaining.wait_for_selector(CLOSED)
    expect(explaining.locator("#explanation-result")).to_be_hidden()
    expect(explaining.locator("#spectrum-importance")).to_be_hidden()
    explaining.focus("#series-chart")
    explaining.keyboard.press("End")
    expect(explaining.locator("#series-chart + .readout")).not_to_contain_text("·")


def test_a_request_is_aborted_when_the_series_changes_or_by_its_button(explaining: Page) -> None:
    """So that one is in flight at most, and none for a series that nobody looks at."""
    explaining.unroute_all()
    waiting: list[Route] = []
    explaining.route("**/explain*", lambda route: waiting.append(route))
    for stop in ("symptom present: easy", "Cancel"):
        explaining.get_by_role("button", name="Explain", exact=True).click()
        expect(explaining.locator("#explain-status")).to_have_text("Explaining: 285 perturbed copies.")
        with explaining.expect_event("requestfailed", lambda request: "/explain" in request.url):
            explaining.get_by_role("button", name=stop).first.click()
        explaining.wait_for_selector(CLOSED)
        expect(explaining.locator("#explain-error")).to_have_text("")
    assert len(waiting) == 2


@pytest.mark.parametrize(
    ("status", "detail", "sentence"),
    [
        (429, "the background queue is full", "The server is busy. The background queue is full."),
        (504, "no explanation within 30 s", "The server did not answer in time. No explanation within 30 s."),
        (501, "forda/1 was sealed without it", "Not offered. Forda/1 was sealed without it."),
        (0, "", "The server cannot be reached. Check the network connection."),
    ],
)
def test_a_failure_is_a_sentence_at_its_place(
    explaining: Page, status: int, detail: str, sentence: str
) -> None:
    """Nothing is asked again by itself; the button asks again. The prediction stays."""
    explaining.unroute_all()
    problem = {"title": "Not offered", "status": status, "detail": detail, "request_id": "r1"}

    def refuse(route: Route) -> None:
        route.fulfill(status=status, body=json.dumps(problem)) if status else route.abort()

    explaining.route("**/explain*", refuse)
    explaining.get_by_role("button", name="Explain", exact=True).click()
    expect(explaining.locator("#explain-error")).to_have_text(f"No explanation. {sentence}")
    expect(explaining.locator("#notice")).to_be_hidden()
    expect(explaining.locator("#result .verdict")).to_be_visible()
    explaining.unroute_all()
    explaining.route("**/explain*", lambda route: respond_explained(route, explanation()))
    explain(explaining)
    expect(explaining.locator("#explain-error")).to_have_text("")


def test_a_key_is_requested_where_it_is_missing(explaining: Page) -> None:
    """As for a prediction."""
    explaining.unroute_all()
    explaining.route("**/explain*", lambda route: route.fulfill(status=401, body="{}"))
    explaining.get_by_role("button", name="Explain", exact=True).click()
    expect(explaining.get_by_role("dialog", name="API key")).to_be_visible()
    explaining.keyboard.press("Escape")


def test_the_link_has_whether_it_is_open(real: Page, open_page: OpenPage) -> None:
    """And of which label; another browser asks for the same."""
    expect(real).not_to_have_url(re.compile("explain"))
    real.get_by_label("Explain", exact=True).select_option("1")
    explain(real)
    expect(real).to_have_url(re.compile("explain=1"))
    other = open_page(real.url)
    other.wait_for_selector(SHOWN)
    expect(other.get_by_label("Explain", exact=True)).to_have_value("1")
    real.get_by_role("button", name="Hide").click()
    expect(real).not_to_have_url(re.compile("explain"))


def test_it_is_absent_where_the_model_has_none(open_page: OpenPage) -> None:
    """With its calls for engineers, also if a link asks for it."""

    def take_away(page: Page) -> None:
        extend_model(page, {"explanations": None})

    page = open_page(prepare=take_away)
    expect(page.locator("#explanation")).to_be_hidden()
    expect(page.locator("#code-tabs")).not_to_contain_text("Explain")
    page.evaluate("location.hash = `${location.hash}&explain=`")
    page.wait_for_timeout(100)
    expect(page.locator("#explanation")).to_be_hidden()
