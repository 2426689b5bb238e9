"""The page of the committed model, opened once for all tests of a module."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest
from playwright.sync_api import Browser, Page

from qa.harness.browser import wait_until_classified
from qa.harness.page_answers import explanation, respond_explained
from qa.harness.server import ServerProcess
from tests.page.conftest import TIMEOUT_MS

SHOWN = "#explanation[data-state=shown]"
CLOSED = "#explanation[data-state=closed]"


@pytest.fixture(scope="module")
def shared(browser: Browser, server: ServerProcess) -> Iterator[Page]:
    """The page; opening it takes a second."""
    errors: list[str] = []
    with closing(
        browser.new_context(viewport={"width": 1280, "height": 860}, reduced_motion="reduce")
    ) as context:
        context.set_default_timeout(TIMEOUT_MS)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(server.url)
        wait_until_classified(page)
        yield page
    assert errors == []


@pytest.fixture
def real(shared: Page) -> Page:
    """The page as it opens, with its first sample."""
    shared.unroute_all()
    shared.get_by_role("button", name="symptom present: easy").first.click()
    shared.get_by_role("button", name="symptom absent: easy").first.click()
    shared.get_by_label("Explain", exact=True).select_option("")
    wait_until_classified(shared)
    return shared


@pytest.fixture
def explaining(real: Page) -> Page:
    """The page, whose explanations have a known window and band."""
    real.route("**/explain*", lambda route: respond_explained(route, explanation()))
    return real


def explain(page: Page) -> None:
    """Ask for an explanation, and wait for it."""
    page.get_by_role("button", name="Explain", exact=True).click()
    page.wait_for_selector(SHOWN)
