"""What is shown of a series: chart, spectrum, score, warnings, comparison, and the link."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray
from playwright.sync_api import Page, expect

from app.api.page.samples import mean_power
from qa.harness.browser import wait_until_classified
from tests.page.conftest import OpenPage, bar_values, paste


def test_the_value_under_the_pointer_is_shown(page: Page) -> None:
    """By mouse and by keyboard, which is also spoken."""
    box = page.locator("#series-chart .u-over").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 20)
    readout = page.locator("#series-chart + .readout")
    expect(readout).to_contain_text("value 2")
    page.focus("#series-chart")
    page.keyboard.press("Home")
    expect(readout).to_have_text("value 1: 964.9")
    page.keyboard.press("Shift+ArrowRight")
    expect(page.locator("#series-chart ~ [aria-live]")).to_contain_text("value 11: ")


def test_it_zooms_and_pans(page: Page) -> None:
    """By dragging, by buttons and by keys; the link has what is shown."""
    box = page.locator("#series-chart .u-over").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 0.4 * box["width"], box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.6 * box["width"], box["y"] + 60, steps=4)
    page.mouse.up()
    expect(page).to_have_url(re.compile(r"zoom=20\d-30\d"))
    page.focus("#series-chart")
    page.keyboard.press("PageDown")
    expect(page).to_have_url(re.compile(r"zoom=25\d-35\d"))
    page.keyboard.down("Shift")
    page.mouse.move(box["x"] + 0.2 * box["width"], box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.7 * box["width"], box["y"] + 20, steps=4)
    page.mouse.up()
    page.keyboard.up("Shift")
    expect(page).to_have_url(re.compile(r"zoom=20\d-30\d"))
    page.click("#zoom-all")
    expect(page).not_to_have_url(re.compile("zoom"))
    expect(page.locator("#zoom-all")).to_be_disabled()


def test_the_spectrum_is_computed_as_those_of_the_classes(page: Page, golden: NDArray[np.float32]) -> None:
    """The browser's and the server's are the same numbers."""
    address = page.locator("link[rel=modulepreload][href$='spectrum.js']").get_attribute("href")
    computed = page.evaluate(
        "([address, values]) => import(address).then((module) => module.logPower([values], 128))",
        [address, golden[1].tolist()],
    )
    wanted = np.log10(mean_power(golden[1][np.newaxis].astype(np.float64), 128)[0])
    np.testing.assert_allclose(computed, wanted, atol=1e-6)
    names = page.locator("#spectrum-legend li").all_inner_texts()
    assert names == ["symptom absent", "symptom present", "this series"]


def test_a_warning_has_its_remedy(page: Page) -> None:
    """As the service says them."""
    paste(page, "7 " * 500)
    expect(page.locator("#result .warning-text").first).to_have_text("All values of the series are equal.")
    expect(page.locator("#result .warning-remedy").first).to_contain_text(
        "Check that the sensor is connected"
    )


def test_the_score_is_shown_on_its_reference(page: Page) -> None:
    """In words for those who do not see the picture, and beyond the threshold for what is unlike."""
    picture = page.locator("#result svg.reference")
    words = (
        "Out-of-distribution score 0.3919: 39\xa0% of the series held out of training are less unusual. "
        "Within the threshold."
    )
    expect(picture).to_have_attribute("aria-label", words)
    page.get_by_role("button", name="unlike training: sine").click()
    expect(page.locator("#result svg.reference circle.unlike")).to_be_visible()
    mark, threshold = (
        float(page.locator(f"#result svg.reference line.{kind}").get_attribute("x1") or "nan")
        for kind in ("mark", "threshold")
    )
    assert mark > threshold


def test_two_series_are_compared_side_by_side(page: Page) -> None:
    """The pinned one stays while the other changes."""
    page.click("#pin")
    expect(page.locator("#comparison")).to_be_visible()
    page.get_by_role("button", name="symptom present: easy").first.click()
    expect(page.locator("#current-result .headline")).to_have_text("symptom present")
    expect(page.locator("#pinned-result .headline")).to_have_text("symptom absent")
    expect(page.locator("#pinned-chart canvas")).to_be_visible()
    page.click("#pin")
    expect(page.locator("#comparison")).to_be_hidden()


def test_the_link_reproduces_the_view(page: Page, open_page: OpenPage, golden: NDArray[np.float32]) -> None:
    """A pasted series with changes, a pinned one, and the zoom, in another browser."""
    page.click("#pin")
    paste(page, " ".join(map(str, golden[4].tolist())))
    page.focus("#slider-noise")
    page.keyboard.press("ArrowRight")
    page.focus("#series-chart")
    page.keyboard.press("+")
    expect(page).to_have_url(re.compile("noise=.*zoom="))
    wait_until_classified(page)
    other = open_page(page.url)
    for shown in ("#series-name", "#code-panels code", "#sliders", "#pinned-name", "#current-name"):
        assert other.locator(shown).first.inner_text() == page.locator(shown).first.inner_text()
    assert bar_values(other) == bar_values(page)
    expect(other.locator("#zoom-all")).to_be_enabled()
    expect(other).to_have_url(page.url)


def test_a_link_that_is_not_valid_opens_the_first_sample(open_page: OpenPage, server: Any) -> None:
    """Whatever was cut off or changed."""
    page = open_page(server.url + "/#sample=nothing")
    for fragment in ("values=fAAA", "values=d%%%", "noise=x&zoom=9-1", "a" * 5000):
        expect(page.locator("#series-name")).to_have_text("Symptom absent, easy")
        page.get_by_role("button", name="unlike training: sine").click()
        expect(page.locator("#series-name")).to_have_text("Sine, unlike training")
        page.evaluate("(fragment) => { location.hash = fragment; }", fragment)
    expect(page.locator("#series-name")).to_have_text("Symptom absent, easy")
