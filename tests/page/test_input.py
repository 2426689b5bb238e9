"""The ways to bring a series: paste, files, drawing and sliders."""

from __future__ import annotations

import io
import json
from typing import Any

import numpy as np
from numpy.typing import NDArray
from playwright.sync_api import Page, expect

from app.client import Client
from qa.harness.browser import wait_until_classified
from qa.harness.server import ServerProcess
from tests.page.conftest import bar_values, choose_file, paste

SEPARATORS = (", ", "\t", ";", " ", "\n")


def npy(array: NDArray[Any]) -> bytes:
    """A file as `numpy.save` writes it."""
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def text(values: NDArray[np.float32], separator: str = ",") -> str:
    """Values with all their digits."""
    return separator.join(map(str, values.tolist()))


def expected(server: ServerProcess, series: NDArray[np.float32]) -> str:
    """The probability of the likely label, as the page writes it, by the Python client's answer."""
    with Client(server.url) as client:
        [prediction] = client.predict(series[np.newaxis])
    largest = max(prediction.probabilities.values())
    return "> 99.99\xa0%" if largest > 0.9999 else f"{largest * 100:.2f}\xa0%"


def test_pasted_numbers_are_classified(
    page: Page, server: ServerProcess, golden: NDArray[np.float32]
) -> None:
    """Whatever separates them; with the result that the client gets."""
    for series, separator in zip(golden[3:], SEPARATORS, strict=False):
        paste(page, text(series, separator))
        expect(page.locator("#series-name")).to_have_text("Pasted series")
        expect(page.locator("#result .likely .bar-value")).to_have_text(expected(server, series))


ERRORS = [
    ("", "There are no numbers. Paste the values of one series."),
    ("1, 2, three", "Value 3 is “three”, which is not a finite number."),
    ("1 2 NaN", "Value 3 is “NaN”, which is not a finite number."),
    ("[1, 2", "This is not valid JSON"),
    ("1, 2, 3", "3 values; the model takes 500."),  # the service's own
    ("1e39 " + "0 " * 499, "Value 1: beyond the range of float32."),  # the service's own
]


def test_an_error_is_a_sentence_at_the_input(page: Page) -> None:
    """The page's own errors and those of the service; the input is marked, and goes back to normal."""
    for pasted, sentence in ERRORS:
        paste(page, pasted)
        expect(page.locator("#paste-error")).to_contain_text(sentence)
        expect(page.locator("#paste-input")).to_have_attribute("aria-invalid", "true")
    page.get_by_role("tab", name="Samples").click()
    page.get_by_role("button", name="symptom absent: easy").first.click()
    expect(page.locator("#paste-error")).to_have_text("")
    expect(page.locator("#paste-input")).to_have_attribute("aria-invalid", "false")


def test_a_file_of_one_series_is_classified(
    page: Page, server: ServerProcess, golden: NDArray[np.float32]
) -> None:
    """Of each kind; a label in front of the values is no value."""
    values = golden[4]
    files = {
        "tsv": ("1.0000000e+00\t" + text(values, "\t")).encode(),
        "csv": text(values).encode(),
        "json": f'{{"instances": [[{text(values)}]]}}'.encode(),
        "npy": npy(values),
        "float64.npy": npy(values.astype(">f8")[np.newaxis]),
        "column.txt": text(values, "\r\n").encode(),
    }
    for kind, content in files.items():
        choose_file(page, f"engine.{kind}", content)
        expect(page.locator("#series-name")).to_have_text(f"Engine.{kind}")
        expect(page.locator("#result .likely .bar-value")).to_have_text(expected(server, values))


WRONG_FILES = [
    ("a.npz", b"PK\x03\x04", "This is a zip archive"),
    ("a.gz", b"\x1f\x8b\x08", "This file is compressed. Unpack it first."),
    ("a.bin", b"\xff\xfe\x00\x01", "This file is neither text nor .npy."),
    ("a.npy", npy(np.array(["a"])), "This .npy file does not hold plain numbers."),
    ("b.npy", npy(np.zeros(500))[:200], "This .npy file is cut off: save it again."),
    ("a.csv", b"1,2,3", "3 values; the model takes 500."),
]


def test_the_reason_why_a_file_cannot_be_used_is_shown(page: Page) -> None:
    """In a sentence with what to do, at the input of files."""
    for name, content, sentence in WRONG_FILES:
        choose_file(page, name, content)
        expect(page.locator("#file-error")).to_contain_text(sentence)


def test_a_file_can_be_dropped_anywhere(page: Page, golden: NDArray[np.float32]) -> None:
    """Its panel opens."""
    page.evaluate(
        """(text) => {
            const data = new DataTransfer();
            data.items.add(new File([text], "dropped.csv"));
            for (const type of ["dragover", "drop"]) {
                document.querySelector("h1").dispatchEvent(
                    new DragEvent(type, { dataTransfer: data, bubbles: true, cancelable: true }));
            }
        }""",
        text(golden[5]),
    )
    expect(page.locator("#series-name")).to_have_text("Dropped.csv")
    expect(page.locator("#panel-file")).to_be_visible()
    expect(page.locator("body")).not_to_have_class("dropping")


def test_a_series_can_be_drawn(page: Page) -> None:
    """The chart takes the line of the mouse, and the prediction follows."""
    page.get_by_role("tab", name="Draw").click()
    page.click("#draw-flat")
    expect(page.locator("#result .warning-text").first).to_contain_text("All values of the series are equal.")
    box = page.locator("#series-chart .u-over").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 0.2 * box["width"], box["y"] + 0.5 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 0.2 * box["height"], steps=5)
    page.mouse.move(box["x"] + 0.8 * box["width"], box["y"] + 0.9 * box["height"], steps=5)
    page.mouse.up()
    expect(page.locator("#series-name")).to_have_text("Drawn series")
    expect(page.locator("#result .warning-text").first).not_to_contain_text("equal")


def test_each_slider_changes_the_series_that_is_sent(page: Page) -> None:
    """By the keyboard, too; Reset brings the series back."""
    for slider in ("noise", "decimals", "shift", "scale", "gap", "stretch"):
        page.focus(f"#slider-{slider}")
        with page.expect_request("**/predict") as changed:
            page.keyboard.press("ArrowRight")
        expect(page.locator("#series-name")).to_have_text("Symptom absent, easy, changed")
        with page.expect_request("**/predict") as reset:
            page.click("#reset-sliders")
        expect(page.locator("#series-name")).to_have_text("Symptom absent, easy")
        one, other = (
            json.loads(request.value.post_data or "")["instances"][0] for request in (changed, reset)
        )
        assert len(one) == len(other) == 500
        assert one != other


def test_a_moving_slider_never_floods_the_server(page: Page) -> None:
    """Older requests are aborted; the last one wins, and few are sent for many events."""
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if "/predict" in request.url else None)
    page.evaluate(
        """() => {
            const slider = document.getElementById("slider-noise");
            for (let value = 0; value <= 2; value += 0.01) {
                slider.value = String(value);
                slider.dispatchEvent(new Event("input", { bubbles: true }));
            }
        }"""
    )
    expect(page.locator("#sliders output").first).to_have_text("2.00 \N{GREEK SMALL LETTER SIGMA}")
    wait_until_classified(page)
    expect(page.locator("#result .verdict.unlike")).to_be_visible()
    assert 1 <= len(sent) <= 40  # of 200 events; how many depends on how long drawing takes
    assert len(bar_values(page)) == 2
