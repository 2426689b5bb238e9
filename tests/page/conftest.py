"""A real Chromium on a real server. Without Chromium these tests are skipped."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Browser, BrowserContext, Page, expect

from app.contract import Artifact
from qa.harness.browser import find_chromium, running_browser, wait_until_classified
from qa.harness.server import ServerProcess

# A response of the server that is expected: browsers log all of these as errors.
_EXPECTED = "Failed to load resource"
TIMEOUT_MS = 15_000

OpenPage = Callable[..., Page]


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """A browser for this folder: while Playwright runs, its thread can run no other event loop."""
    program = find_chromium()
    if program is None:
        pytest.skip("Chromium is not installed: apt-get install chromium")
    expect.set_options(timeout=TIMEOUT_MS)
    with running_browser(program) as running:
        yield running


@pytest.fixture
def open_page(browser: Browser, server: ServerProcess) -> Iterator[OpenPage]:
    """Opens the page in a context of its own. At the end, no script has failed and no policy was violated."""
    contexts: list[BrowserContext] = []
    errors: list[str] = []

    def open_(
        url: str = server.url,
        *,
        wait: bool = True,
        prepare: Callable[[Page], None] = lambda page: None,  # noqa: ARG005 - nothing to prepare
        **options: Any,
    ) -> Page:
        options = {"viewport": {"width": 1280, "height": 860}, "reduced_motion": "reduce", **options}
        context = browser.new_context(**options)
        contexts.append(context)
        context.set_default_timeout(TIMEOUT_MS)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        prepare(page)
        page.goto(url)
        if wait:
            wait_until_classified(page)
        return page

    yield open_
    for context in contexts:
        context.close()
    assert [error for error in errors if not error.startswith(_EXPECTED)] == []


@pytest.fixture
def page(open_page: OpenPage) -> Page:
    """The page, opened, with its first prediction."""
    return open_page()


@pytest.fixture(scope="session")
def golden(artifact: Artifact) -> NDArray[np.float32]:
    """The golden series of the committed artifact, `float32[n, length]`."""
    return artifact.golden.series


def paste(page: Page, text: str) -> None:
    """Paste a text and have it classified."""
    page.get_by_role("tab", name="Paste").click()
    page.fill("#paste-input", text)
    page.click("#paste-button")


def choose_file(page: Page, name: str, content: bytes) -> None:
    """Choose a file."""
    page.get_by_role("tab", name="File").click()
    page.set_input_files(
        "#file-input", {"name": name, "mimeType": "application/octet-stream", "buffer": content}
    )


def headline(page: Page) -> str:
    """The verdict on the series on screen, once the server has answered."""
    wait_until_classified(page)
    return page.locator("#result .headline").inner_text()


def bar_values(page: Page) -> list[str]:
    """The probabilities as they are shown, in the order of the labels."""
    wait_until_classified(page)
    return page.locator("#result .bar-value").all_inner_texts()
