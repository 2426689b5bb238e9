"""Pictures of the page at `/`, from a real server in a real browser: `python -m qa.screenshots [FOLDER]`.

Every state at three widths in both themes, to look at before a change of the page is committed. With
`--readme` only the picture that the README shows.
"""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, FilePayload, Page

from qa.harness.browser import find_chromium, running_browser, wait_until_classified
from qa.harness.page_answers import drift_report, explanation, fulfil, respond_explained
from qa.harness.server import running_server

README_PICTURE = Path(__file__).parents[1] / "docs" / "page.png"
WIDTHS = (390, 1280, 2560)
THEMES = ("light", "dark")
_HEIGHTS = {390: 844, 1280: 860, 2560: 1440}
_MANY = 60
_COLOURS = 160


def unsure(page: Page) -> None:
    """A series on the border."""
    page.get_by_role("tab", name="Samples").click()
    page.get_by_role("button", name="symptom present: on the border").click()


def unlike(page: Page) -> None:
    """A series unlike the training data, with its warnings."""
    page.get_by_role("tab", name="Samples").click()
    page.get_by_role("button", name="unlike training: sine").click()


def evidence(page: Page) -> None:
    """A series with its explanation, its neighbours, and drift, all opened."""
    page.get_by_role("tab", name="Samples").click()
    page.get_by_role("button", name="symptom present: easy").first.click()
    page.get_by_role("button", name="Explain", exact=True).click()
    page.wait_for_selector("#explanation[data-state=shown]")
    for details in ("explanation-regions", "neighbours-details", "drift"):
        page.evaluate("(id) => { document.getElementById(id).open = true; }", details)
    page.wait_for_selector(".neighbours-body[aria-busy=false] .neighbour.own")
    page.wait_for_selector(".drift-verdict")


def doubtful(page: Page) -> None:
    """An explanation whose perturbed copies are mostly unlike the training data, and an alarm of drift."""
    page.route("**/explain*", lambda route: respond_explained(route, explanation(unlike=0.62)))
    page.route("**/drift", lambda route: fulfil(route, drift_report(log_evidence=300.0, raised=True)))
    for details in ("neighbours-details", "drift"):
        page.evaluate("(id) => { document.getElementById(id).open = false; }", details)
    evidence(page)
    page.wait_for_selector(".drift-verdict.alarm")


def busy(page: Page) -> None:
    """An explanation that the server refuses."""
    problem = {"title": "Too many requests", "detail": "16,384 series wait in the background queue"}
    page.route("**/explain*", lambda route: route.fulfill(status=429, json=problem))
    unlike(page)
    page.get_by_role("button", name="Explain", exact=True).click()
    page.wait_for_selector("#explain-error:not(:empty)")


def compared(page: Page) -> None:
    """Two series side by side."""
    page.locator("#pin").click()
    unlike(page)
    wait_until_classified(page)
    page.locator("#comparison").scroll_into_view_if_needed()


def many(page: Page) -> None:
    """A file of many series."""
    series = page.evaluate(
        "fetch('page/start.json').then(r => r.json()).then(d => d.samples.map(s => s.series))"
    )
    rows = [
        "\t".join(["1", *(f"{value + 0.02 * number * (-1) ** place:.4f}" for place, value in enumerate(row))])
        for number, row in enumerate((series * _MANY)[:_MANY])
    ]
    content = "\n".join(rows).encode()
    file: FilePayload = {"name": "engines.tsv", "mimeType": "text/plain", "buffer": content}
    page.get_by_role("tab", name="File").click()
    page.set_input_files("#file-input", file)
    page.wait_for_selector("#many-csv:not([hidden])")


def refused(page: Page) -> None:
    """Pasted numbers that the service refuses."""
    page.get_by_role("tab", name="Paste").click()
    page.fill("#paste-input", "1.5, 2.25, -0.75, 3")
    page.click("#paste-button")
    page.wait_for_selector("#paste-error:not(:empty)")


def drawing(page: Page) -> None:
    """The chart that takes a drawing."""
    page.get_by_role("tab", name="Draw").click()


def key(page: Page) -> None:
    """The dialog that asks for a key."""
    page.route("**/predict", lambda route: route.fulfill(status=401, json={"detail": "no key"}))
    unsure(page)
    page.wait_for_selector("#key-dialog[open]")


def draining(page: Page) -> None:
    """A server that shuts down, and asks for another try."""
    detail = "the service is shutting down"
    page.route(
        "**/predict",
        lambda route: route.fulfill(status=503, headers={"Retry-After": "60"}, json={"detail": detail}),
    )
    unsure(page)


def unreachable(page: Page) -> None:
    """No network."""
    page.route("**/predict", lambda route: route.abort())
    unsure(page)


STATES: dict[str, Callable[[Page], None]] = {
    "first": lambda page: None,  # noqa: ARG005 - as it opens
    "unsure": unsure,
    "unlike": unlike,
    "evidence": evidence,
    "doubtful": doubtful,
    "busy": busy,
    "compared": compared,
    "many": many,
    "refused": refused,
    "drawing": drawing,
    "key": key,
    "draining": draining,
    "unreachable": unreachable,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the pictures; the exit code is 2 without a browser."""
    parser = argparse.ArgumentParser(prog="python -m qa.screenshots", description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=Path(".cache/screenshots"))
    parser.add_argument("--readme", action="store_true", help=f"only {README_PICTURE.name}, for the README")
    options = parser.parse_args(arguments)
    program = find_chromium()
    if program is None:
        sys.stderr.write("qa.screenshots: Chromium is not installed: apt-get install chromium\n")
        return 2
    with running_server() as server, running_browser(program) as browser:
        if options.readme:
            _readme(browser, server.url)
        else:
            _all(browser, server.url, options.folder)
    sys.stdout.write(f"{README_PICTURE if options.readme else options.folder}\n")
    return 0


def _all(browser: Browser, url: str, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for theme in THEMES:
        for width in WIDTHS:
            for name, reach in STATES.items():
                page = _open(browser, url, width=width, theme=theme)
                reach(page)
                page.wait_for_timeout(400)  # until the answer is drawn
                page.screenshot(path=folder / f"{name}-{width}-{theme}.png", full_page=True)
                page.close()


def _readme(browser: Browser, url: str) -> None:
    page = _open(browser, url, width=1280, theme="light")
    unsure(page)
    page.wait_for_timeout(400)
    taken = page.screenshot(clip={"x": 0, "y": 0, "width": 1280, "height": 1050}, full_page=True)
    # It has few colours: a palette takes a third of the bytes.
    Image.open(io.BytesIO(taken)).convert("RGB").quantize(_COLOURS).save(README_PICTURE, optimize=True)


def _open(browser: Browser, url: str, *, width: int, theme: str) -> Page:
    page = browser.new_page(
        viewport={"width": width, "height": _HEIGHTS[width]},
        color_scheme="dark" if theme == "dark" else "light",
        reduced_motion="reduce",
    )
    page.goto(url)
    wait_until_classified(page)
    return page


if __name__ == "__main__":
    sys.exit(main())
