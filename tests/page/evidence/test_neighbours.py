"""The nearest training series beside the series on screen."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page, Request, Route, expect

from qa.harness.page_answers import extend_model, neighbours, offer_evidence
from tests.page.conftest import OpenPage


def shown(page: Page) -> list[str]:
    """The text of each item of the list."""
    page.wait_for_selector("#neighbours-details .neighbours-body[aria-busy=false] .neighbour.own")
    return [" ".join(text.split()) for text in page.locator("#neighbour-list li").all_inner_texts()]


def answered_by(change: Callable[[dict[str, Any]], None]) -> Callable[[Route], None]:
    """Answers a prediction as `offer_evidence` does, then changes each neighbour."""

    def answer(route: Route) -> None:
        [series] = json.loads(route.request.post_data or "")["instances"]
        found = [each.model_dump() for each in neighbours([series] * 3)]
        for each in found:
            change(each)
        route.fulfill(json={"model": "forda", "version": 1, "predictions": [{"neighbours": found}]})

    return answer


def test_they_are_beside_the_series_once_their_section_is_opened(open_page: OpenPage) -> None:
    """Nothing is requested before; afterwards each with its label in words, its distance and its chart.

    They follow the series, and a failure is a sentence at their place.
    """
    page = open_page(prepare=offer_evidence)
    asked: list[Request] = []
    page.on("request", lambda request: asked.append(request) if "neighbours" in request.url else None)
    page.get_by_role("button", name="symptom present: easy").first.click()
    page.wait_for_timeout(400)
    assert asked == []
    page.get_by_role("heading", name="Nearest training series").click()
    assert shown(page) == [
        "this series",
        "symptom present distance 0.5 training series 1,234",
        "symptom present distance 0.75 training series 2,467",
        "symptom present distance 1 training series 3,700",
    ]
    expect(page.locator("#neighbour-list polyline")).to_have_count(4)
    summary = "3 of 3 are “symptom present”. The nearest one is at 1.3 times the usual distance"
    expect(page.locator("#neighbours-summary")).to_contain_text(summary)
    expect(page.locator("#neighbours-meaning")).to_contain_text("Of 3,601 training series, those that look")
    page.focus("#slider-noise")
    with page.expect_request("**/predict?neighbours=3") as request:
        for _ in range(4):
            page.keyboard.press("ArrowRight")
    assert request.value.post_data != asked[0].post_data
    shown(page)
    assert len(asked) == 2

    page.unroute_all()
    labels = iter(("1", "-1", "1"))
    page.route("**/predict?*", answered_by(lambda each: each.update(label=next(labels), series=None)))
    page.get_by_role("button", name="symptom absent: easy").first.click()
    expect(page.locator("#neighbours-summary")).to_contain_text(
        "2 of 3 are “symptom present” and 1 “symptom absent”."
    )
    expect(page.locator("#neighbour-list polyline")).to_have_count(1)  # an index without series

    page.unroute_all()
    problem = {"title": "Busy", "detail": "32 searches run"}
    page.route("**/predict?*", lambda route: route.fulfill(status=429, json=problem))
    page.get_by_role("button", name="symptom present: easy").first.click()
    sentence = "No neighbours. The server is busy. 32 searches run."
    expect(page.locator("#neighbours-error")).to_have_text(sentence)
    expect(page.locator("#neighbour-list li")).to_have_count(0)
    expect(page.locator("#result .headline")).to_have_text("symptom present")


def test_they_are_absent_where_the_model_has_no_index(open_page: OpenPage) -> None:
    """Of a version that was sealed without one."""
    page = open_page(prepare=lambda page: extend_model(page, {}, {"extra_outputs": None}))
    expect(page.locator("#neighbours")).to_be_hidden()
