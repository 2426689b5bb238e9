"""How the page opens: with a real series, small, from this server alone."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page, expect

from app.contract import Artifact
from qa.harness.browser import wait_until_classified
from qa.harness.server import ServerProcess
from tests.page.conftest import OpenPage, bar_values, headline

MAX_BYTES = 200_000


def test_it_opens_with_a_real_series_that_is_drawn_and_classified(page: Page, artifact: Artifact) -> None:
    """A person sees what the model does before doing anything."""
    assert headline(page) in {label.meaning.capitalize() for label in artifact.contract.labels}
    assert page.locator("#series-chart canvas").count() == 1
    assert len(bar_values(page)) == len(artifact.contract.labels)
    question = page.locator("h1").inner_text()
    assert all(label.meaning in question.lower() for label in artifact.contract.labels)


def test_all_that_it_loads_is_small_and_from_this_server(browser: Browser, server: ServerProcess) -> None:
    """Counted on the wire, up to the first prediction; nothing has another address."""
    context = browser.new_context()
    page = context.new_page()
    addresses: list[str] = []
    page.on("request", lambda request: addresses.append(request.url))
    session = context.new_cdp_session(page)
    session.send("Network.enable")
    sizes: list[float] = []
    session.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
    page.goto(server.url)
    wait_until_classified(page)
    page.wait_for_load_state("networkidle")
    context.close()
    assert {urlsplit(address).netloc for address in addresses} == {server.address}
    assert len(sizes) >= 20
    assert sum(sizes) < MAX_BYTES


def test_its_files_are_requested_once(open_page: OpenPage) -> None:
    """Their names change with their content, so a browser keeps them."""
    page = open_page()
    again: list[Any] = []
    page.on("response", lambda response: again.append(response))
    page.reload()
    wait_until_classified(page)
    kept = [each for each in again if "/page/" in each.url and "start.json" not in each.url]
    assert len(kept) > 20
    assert all("immutable" in each.headers["cache-control"] for each in kept)


def test_it_keeps_nothing_in_the_browser(page: Page) -> None:
    """No cookie and no storage."""
    assert page.context.cookies() == []
    assert page.evaluate("localStorage.length + sessionStorage.length") == 0


def test_the_samples_cover_each_class_and_what_is_unlike(page: Page, artifact: Artifact) -> None:
    """Easy ones, one on the border, and series unlike the training data; the note names the data set."""
    groups = page.locator("#samples [role=group]")
    titles = [groups.nth(index).get_attribute("aria-label") for index in range(groups.count())]
    assert titles == [*(label.meaning for label in artifact.contract.labels), "unlike training"]
    for index in range(groups.count() - 1):
        names = groups.nth(index).get_by_role("button").all_inner_texts()
        assert [name.strip() for name in names] == ["easy", "easy", "on the border"]
    assert artifact.contract.provenance.dataset in page.locator("#samples-note").inner_text()


def test_a_sample_of_each_kind_gets_its_verdict(page: Page) -> None:
    """Sure, unsure between two labels, and unlike anything seen in training."""
    page.get_by_role("button", name="symptom present: easy").first.click()
    expect(page.locator("#result .headline")).to_have_text("symptom present")
    page.get_by_role("button", name="symptom present: on the border").click()
    page.wait_for_selector(".verdict.unsure")
    assert headline(page) == "Unsure: either"
    sentence = page.locator("#result .sentence").inner_text()
    assert "“symptom absent” or “symptom present”" in sentence
    page.get_by_role("button", name="unlike training: white noise").click()
    page.wait_for_selector("#result .verdict.unlike")
    assert headline(page) == "Unlike anything seen in training"
