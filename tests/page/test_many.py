"""Many series: progress, table, histogram, CSV and cancel."""

from __future__ import annotations

import csv
import io
import json

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Page, Route, expect

from app.client import Client
from qa.harness.server import ServerProcess
from tests.page.conftest import choose_file


def tsv(series: NDArray[np.float32], labels: list[str]) -> bytes:
    """A file as the UCR archive has them."""
    rows = ("\t".join([label, *map(str, row)]) for label, row in zip(labels, series.tolist(), strict=True))
    return "\n".join(rows).encode()


@pytest.fixture
def done(page: Page, golden: NDArray[np.float32]) -> Page:
    """The page with the results of 150 series, all labelled 1."""
    choose_file(page, "fleet.tsv", tsv(np.resize(golden, (150, 500)), ["1"] * 150))
    page.wait_for_selector("#many-csv:not([hidden])")
    return page


def test_all_series_are_classified_as_the_client_does(
    done: Page, server: ServerProcess, golden: NDArray[np.float32]
) -> None:
    """The CSV has every series in its order, with all that the service says."""
    with done.expect_download() as download:
        done.click("#many-csv")
    assert download.value.suggested_filename == "fleet-predictions.csv"
    rows = list(csv.DictReader(io.StringIO(download.value.path().read_text())))
    assert [row["series"] for row in rows] == [str(number) for number in range(1, 151)]
    with Client(server.url) as client:
        wanted = client.predict(np.resize(golden, (150, 500)))
    for row, prediction in zip(rows, wanted, strict=True):
        assert (row["label"], row["label_in_file"]) == (prediction.label, "1")
        assert float(row["p(1)"]) == pytest.approx(prediction.probabilities["1"], abs=1e-6)
        assert row["label_set"].split() == prediction.label_set
        assert row["warnings"].split() == [warning.code for warning in prediction.warnings]


def test_the_state_is_announced(done: Page) -> None:
    """How many are done, and how many equal the labels of the file."""
    expect(done.locator("#many-status")).to_contain_text("150 of 150 series classified.")
    expect(done.locator("#many-status")).to_contain_text("of 150 predictions equal the file's labels")
    assert done.locator("#many-progress").evaluate("(bar) => bar.value === bar.max")


def test_the_table_is_sorted_by_any_column(done: Page) -> None:
    """In pages of a hundred; its state is in `aria-sort`."""
    table = done.locator("#many-table")
    assert table.locator("tbody tr").count() == 100
    table.get_by_role("button", name="OOD score").click()
    expect(table.locator("th", has_text="OOD score")).to_have_attribute("aria-sort", "descending")
    scores = [float(text) for text in table.locator("tbody td:nth-child(6)").all_inner_texts()]
    assert scores == sorted(scores, reverse=True)
    table.get_by_role("button", name="OOD score").click()
    expect(table.locator("th", has_text="OOD score")).to_have_attribute("aria-sort", "ascending")
    done.get_by_role("button", name="Next").click()
    assert table.locator("tbody tr").count() == 50
    expect(done.locator("#many-pages")).to_contain_text("101 to 150 of 150")


def test_the_histogram_counts_all_series(done: Page) -> None:
    """Of the probability of the class that is chosen."""
    for label in ("symptom present", "symptom absent"):
        done.select_option("#many-class", label=label)
        picture = done.locator("#many-histogram [role=img]")
        expect(picture).to_have_attribute(
            "aria-label", f"Histogram of the probability of {label}, over 150 series"
        )
        counts = picture.locator(".count").all_text_contents()
        assert sum(map(int, counts)) == 150


def test_a_row_opens_its_series(done: Page) -> None:
    """Drawn and classified alone."""
    done.get_by_role("button", name="Open series 6", exact=True).click()
    expect(done.locator("#series-name")).to_have_text("Series 6 of fleet.tsv")
    expect(done.locator("#result .headline")).to_have_text("symptom present")


def test_it_shows_progress_and_can_be_cancelled(page: Page, golden: NDArray[np.float32]) -> None:
    """What is done by then stays."""
    held: list[Route] = []

    def hold(route: Route) -> None:
        instances = json.loads(route.request.post_data or "")["instances"]
        if len(instances) > 1 and len(held) >= 1:
            held.append(route)  # never answered
        else:
            held.append(route)
            route.continue_()

    page.route("**/predict", hold)
    choose_file(page, "fleet.npy", npy_of(np.resize(golden, (500, 500))))
    expect(page.locator("#many-status")).to_contain_text("64 of 500 series classified.")
    assert page.locator("#many-progress").evaluate("(bar) => bar.value / bar.max") == pytest.approx(0.128)
    page.click("#many-cancel")
    expect(page.locator("#many-status")).to_contain_text("Cancelled. 64 of 500 series classified.")
    expect(page.locator("#many-cancel")).to_be_hidden()
    expect(page.locator("#many-csv")).to_be_visible()


def test_a_series_that_is_refused_is_named(page: Page, golden: NDArray[np.float32]) -> None:
    """By its place in the file, in the words of the service."""
    rows = [" ".join(map(str, row)) for row in golden[:3].tolist()]
    rows[2] = rows[2].replace(rows[2].split()[7], "1e39", 1)
    choose_file(page, "three.csv", "\n".join(rows).encode())
    expect(page.locator("#many-error")).to_contain_text("Series 3: Value 8: beyond the range of float32.")
    expect(page.locator("#many-status")).to_contain_text("Stopped.")


def npy_of(array: NDArray[np.float32]) -> bytes:
    """A file as `numpy.save` writes it."""
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()
