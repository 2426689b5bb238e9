"""Anyone can use the page: keyboard, screen readers, any width, either theme, less motion."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from qa.harness.page_answers import offer_evidence
from qa.harness.server import ServerProcess
from qa.screenshots import STATES, WIDTHS
from tests.page.conftest import OpenPage

_RULES = {
    "light": {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]},
    "dark": {"runOnly": ["color-contrast", "link-in-text-block"]},
}


def asked_for_key(page: Page) -> None:
    """The dialog for a key."""
    page.evaluate("document.getElementById('key-dialog').showModal()")


def failed(page: Page) -> None:
    """No network."""
    page.get_by_role("tab", name="Samples").click()
    page.context.set_offline(offline=True)
    page.get_by_role("button", name="symptom present: easy").first.click()
    page.wait_for_selector("#notice:not([hidden])")


def card_open(page: Page) -> None:
    """The model card and the second call."""
    page.locator("#card summary").click()
    page.get_by_role("tab", name="Python client").click()


# In this order on one page: the last ones disconnect it, and cover it.
_UNCOVERED = {name: reach for name, reach in STATES.items() if name != "key"}
ALL: dict[str, Callable[[Page], None]] = {
    **_UNCOVERED,
    "card": card_open,
    "failed": failed,
    "key": asked_for_key,
}


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing(open_page: OpenPage, theme: str) -> None:
    """WCAG 2.2 AA in every state; of the rules, those on colours depend on the theme."""
    page = open_page(color_scheme=theme, prepare=offer_evidence)
    found = {}
    for state, reach in ALL.items():
        reach(page)
        expect(page.locator("#prediction")).to_have_attribute("aria-busy", "false")
        results = Axe().run(page, options=_RULES[theme]).response["violations"]
        found[state] = [(each["id"], [node["html"][:120] for node in each["nodes"]]) for each in results]
    assert found == {state: [] for state in ALL}


@pytest.mark.parametrize("state", ["compared", "many", "evidence"])
def test_nothing_is_wider_than_the_screen(open_page: OpenPage, state: str) -> None:
    """From a phone to 4k; wide tables and code scroll by themselves."""
    page = open_page(viewport={"width": 320, "height": 900}, prepare=offer_evidence)
    STATES[state](page)
    for width in (320, *WIDTHS, 3840):
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_timeout(100)  # until the charts have their new size
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_every_control_is_reached_by_the_keyboard(open_page: OpenPage, server: ServerProcess) -> None:
    """In the order of the page; one tab of each list, whose arrows reach the others."""
    page = open_page(f"{server.url}/#explain=", prepare=offer_evidence)
    page.wait_for_selector("#explanation[data-state=shown]")
    reached = []
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.id"))
    wanted = ["tab-samples", "pan-left", "series-chart", "explain-label", "explain", "cells-chart", "pin"]
    wanted += ["slider-noise", "slider-stretch", "spectrum-chart", "code-tab-curl"]
    assert [each for each in reached if each in wanted][: len(wanted)] == wanted
    page.focus("#tab-samples")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#tab-paste")).to_be_focused()
    expect(page.locator("#paste-input")).to_be_visible()


def test_the_verdict_is_spoken(page: Page) -> None:
    """To those who do not see it change."""
    page.get_by_role("button", name="unlike training: sine").click()
    expect(page.locator("#spoken")).to_contain_text(
        "Unlike anything seen in training. The label set is empty."
    )


def test_nothing_moves_for_those_who_want_that(open_page: OpenPage) -> None:
    """No transition is left."""
    page = open_page(reduced_motion="reduce")
    moving = page.evaluate(
        """[...document.querySelectorAll("*")].filter(
            (element) => getComputedStyle(element).transitionDuration !== "0s").length"""
    )
    assert moving == 0


def test_a_line_keeps_the_prediction_in_sight_on_a_phone(open_page: OpenPage) -> None:
    """While the sliders are on screen and the prediction is not."""
    page = open_page(viewport={"width": 390, "height": 600})
    expect(page.locator("#peek")).to_be_hidden()
    page.locator("#slider-stretch").scroll_into_view_if_needed()
    expect(page.locator("#peek")).to_be_visible()
    expect(page.locator("#peek")).to_contain_text("symptom absent")


def test_the_documentation_has_a_language_and_opens_dark(open_page: OpenPage, server: ServerProcess) -> None:
    """Its background is dark before any of its scripts has drawn, and its text is readable on it."""
    page = open_page(f"{server.url}/docs", wait=False, color_scheme="dark")
    assert page.locator("html").get_attribute("lang") == "en"
    assert "dark-mode" in (page.locator("html").get_attribute("class") or "")
    background = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    assert background == "rgb(28, 32, 34)"
    page.wait_for_selector(".swagger-ui .info .title")
    light = open_page(f"{server.url}/docs", wait=False, color_scheme="light")
    assert "dark-mode" not in (light.locator("html").get_attribute("class") or "")
