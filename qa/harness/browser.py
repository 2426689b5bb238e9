"""A headless Chromium, as Debian has it, driven by Playwright."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, Page, sync_playwright

# It runs as root in containers, has no GPU, and must not look for anything outside this machine.
_FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
)
# Set by the page when a series has been drawn and classified.
CLASSIFIED = "html[data-classified]"


def find_chromium() -> str | None:
    """Path of the program; None if it is not installed."""
    return shutil.which("chromium")


@contextmanager
def running_browser(program: str) -> Iterator[Browser]:
    """A browser, closed at the end."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=_FLAGS)
        try:
            yield browser
        finally:
            browser.close()


def wait_until_classified(page: Page) -> None:
    """Wait until the series on screen has a prediction."""
    page.wait_for_selector(CLASSIFIED, state="attached")
    page.wait_for_selector('#prediction[aria-busy="false"] .verdict', state="attached")
