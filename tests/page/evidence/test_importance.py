"""What an explanation shows: colours, words, and numbers that are read without seeing colours."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from app.client.explanations.schemas import ExplainResponse
from qa.harness.page_answers import explanation, respond_explained
from tests.page.evidence.conftest import explain


def module(page: Page, name: str) -> str:
    """The address of one of the page's modules."""
    address = page.locator(f"link[rel=modulepreload][href$='{name}']").get_attribute("href")
    assert address is not None
    return address


def open_table(page: Page) -> None:
    """Open the table of regions."""
    page.evaluate("document.getElementById('explanation-regions').open = true")


def test_it_is_what_the_server_answers(real: Page) -> None:
    """The strongest band of the real answer, the label's probability, and a cell for each of the answer's."""
    with real.expect_response("**/explain") as response:
        explain(real)
    answer = ExplainResponse.model_validate(response.value.json())
    [found] = answer.explanations
    assert found.frequency is not None
    assert found.cells is not None
    open_table(real)
    shown = real.locator("#explanation-table tbody").nth(1).locator("tr:has(td)").first.inner_text()
    strongest = int(np.abs(found.frequency.importances).argmax())
    edges = (100 * found.frequency.bands.starts[strongest], 100 * found.frequency.bands.ends[strongest])
    assert shown.split("\t")[0] == "{:.1f} to {:.1f}".format(*edges)
    assert float(shown.split("\t")[2].replace("\N{MINUS SIGN}", "-")) == pytest.approx(
        found.frequency.importances[strongest], abs=0.006
    )
    expect(real.locator("#cells-chart rect")).to_have_count(np.size(found.cells.importances))
    expect(real.locator("#explanation-words strong")).to_have_text("“symptom absent”")
    expect(real.locator("#explanation-meaning")).to_contain_text(f"{answer.variants} copies took ")


def test_it_is_said_in_words(explaining: Page) -> None:
    """What speaks most for the label, the share of copies unlike the training data, and what was done."""
    explain(explaining)
    words = explaining.locator("#explanation-words").inner_text()
    title, time, frequency, unlike = [line for line in words.splitlines() if line]
    assert title == "What speaks for “symptom present”, whose probability is 97.12\xa0%:"
    assert time == (
        "In time, values 276 to 375 speak most for it: with them perturbed, its probability falls from "
        "97.12\xa0% to 92.62\xa0%."
    )
    assert frequency == (
        "In frequency, 9.0 to 13.0 cycles per 100 values speak most for it: with them perturbed, its "
        "probability falls from 97.12\xa0% to 35.62\xa0%."
    )
    assert unlike.startswith("4\xa0% of the perturbed copies are unlike the training data")
    for legend, whole in (("#series-importance", 0.9), ("#spectrum-importance", 4.1)):
        expect(explaining.locator(legend)).to_have_text(
            f"speaks against “symptom present”speaks for it (whole colour: {whole} log-odds)"
        )
    meaning = explaining.locator("#explanation-meaning")
    expect(meaning).to_contain_text("A frequency band is set to the power that training series usually have")
    expect(meaning).to_contain_text("not what causes the label. 285 copies took 61 ms")
    expect(explaining.locator("#explain-status")).to_contain_text("Explained “symptom present”. In time,")


def test_its_colours_are_behind_the_series_and_the_spectrum(explaining: Page) -> None:
    """In the strip along the bottom, at its strongest region: nothing before, the whole colour after."""

    def colours(chart: str, at: float) -> list[int]:
        found: list[int] = explaining.evaluate(
            """([chart, at]) => {
                const over = document.querySelector(`${chart} .u-over`).getBoundingClientRect();
                const canvas = document.querySelector(`${chart} canvas`);
                const left = over.left + at * over.width - canvas.getBoundingClientRect().left;
                const top = over.bottom - 4 - canvas.getBoundingClientRect().top;
                return [...canvas.getContext("2d").getImageData(left, top, 1, 1).data];
            }""",
            [chart, at],
        )
        return found

    # In the middle of the strongest window, and of the strongest band.
    places = {"#series-chart": 0.652, "#spectrum-chart": 0.206}
    before = {chart: colours(chart, at) for chart, at in places.items()}
    explain(explaining)
    explaining.wait_for_timeout(100)
    after = {chart: colours(chart, at) for chart, at in places.items()}
    for chart in places:
        assert after[chart] == [0x3F, 0x94, 0x50, 255], chart
        assert before[chart] != after[chart]
    explaining.get_by_role("button", name="Hide").click()
    explaining.wait_for_timeout(100)
    assert {chart: colours(chart, at) for chart, at in places.items()} == before


def test_the_values_are_read_by_pointer_and_keyboard(explaining: Page) -> None:
    """On the series, on the spectrum, and in each cell, which are also spoken."""
    explain(explaining)
    for chart, sentence in (
        ("#series-chart", "value 500: 801.43 · speaks for “symptom present”, +0.14"),
        ("#spectrum-chart", re.compile(r"50\.0 cycles per 100 values: .* · hardly matters")),
    ):
        explaining.focus(chart)
        explaining.keyboard.press("End")
        expect(explaining.locator(f"{chart} + .readout")).to_contain_text(sentence)
    cells = explaining.locator("#cells-chart")
    cells.focus()
    explaining.keyboard.press("ArrowRight")
    expect(explaining.locator("#cells-chart ~ [aria-live]")).to_contain_text("values 1 to 75 at 0.0 to 3.0")
    for _ in range(5):
        explaining.keyboard.press("ArrowUp")
    sentence = "values 1 to 75 at 9.0 to 13.0 cycles per 100 values: speaks for “symptom present”, +"
    expect(explaining.locator("#cells-chart + .readout")).to_contain_text(sentence)
    explaining.locator("#cells-chart rect[data-window='6'][data-band='14']").hover()
    expect(explaining.locator("#cells-chart + .readout")).to_contain_text(
        "speaks against “symptom present”, \N{MINUS SIGN}"
    )


def test_the_strongest_regions_are_in_a_table(explaining: Page) -> None:
    """For those who do not see colours: five over time, five over frequency, five cells."""
    explain(explaining)
    open_table(explaining)
    rows = explaining.locator("#explanation-table tbody tr:has(td)")
    expect(rows).to_have_count(15)
    assert rows.nth(0).inner_text().split("\t") == ["values 276 to 375", "for", "+0.90", "\N{MINUS SIGN}4.50"]
    assert rows.nth(8).inner_text().split("\t")[1] == "against"
    assert "values 276 to 375 at 9.0 to 13.0" in rows.nth(10).inner_text()


def test_the_cells_follow_the_zoom_of_the_series(explaining: Page) -> None:
    """So that they stay below the values that they are about."""
    explain(explaining)
    picture = explaining.locator("#cells-chart svg")
    expect(picture).to_have_attribute("viewBox", "0.5 0 499 0.5")
    explaining.click("#zoom-in")
    expect(picture).to_have_attribute("viewBox", "125.25 0 249.5 0.5")
    explaining.click("#zoom-all")
    expect(picture).to_have_attribute("viewBox", "0.5 0 499 0.5")


def test_parts_that_are_missing_are_left_out(explaining: Page) -> None:
    """Of an answer without importance over time and without cells."""
    explaining.unroute_all()
    part = explanation().model_copy(update={"time": None, "cells": None})
    explaining.route("**/explain*", lambda route: respond_explained(route, part))
    explain(explaining)
    expect(explaining.locator("#cells-chart")).to_be_hidden()
    expect(explaining.locator("#explanation-words li")).to_have_count(1)


def test_what_the_words_say_depends_on_the_numbers(explaining: Page) -> None:
    """No region that matters, a probability that is saturated, and each share of unlike copies."""
    words: dict[str, Any] = explaining.evaluate(
        """(address) => import(address).then(({ strongest, unlikeSentence }) => {
            const regions = { starts: [0], ends: [250] };
            const time = (importance, change) => (
                { importances: [importance], changes: [change], windows: regions }
            );
            return {
                weak: strongest({ probability: 0.9, time: time(0.1, -0.01) }),
                saturated: strongest({ probability: 0.9999999, time: time(2.5, -1e-9) }),
                unlike: [null, 0, 0.001, 0.04, 0.62].map(unlikeSentence),
            };
        })""",
        module(explaining, "explanation/words.js"),
    )
    assert words["weak"] == ["In time, no single window speaks much for it."]
    [saturated] = words["saturated"]
    assert saturated.endswith("its probability stays > 99.99\xa0%, but its log-odds fall by 2.50.")
    texts = [each["text"] for each in words["unlike"]]
    assert "has no out-of-distribution score" in texts[0]
    assert texts[1] == "None of the perturbed copies is unlike the training data."
    assert texts[2].startswith("Less than 1 % of the perturbed copies")
    assert texts[4].startswith("62\xa0% of the perturbed copies are unlike the training data")
    assert texts[4].endswith("do not rely on this explanation.")
    assert [each["doubtful"] for each in words["unlike"]] == [False, False, False, False, True]
