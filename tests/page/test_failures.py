"""What the page says when the server does not answer with a prediction."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from app.api.middleware.api_keys import line_of, new_key
from qa.harness.browser import wait_until_classified
from qa.harness.server import ServerProcess, running_server
from tests.page.conftest import OpenPage

KEY = new_key()


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server that needs a key."""
    file: Path = tmp_path_factory.mktemp("keys") / "keys"
    file.write_text(line_of("engineer", KEY))
    with running_server(API_KEYS_FILE=str(file)) as server:
        yield server


def refuse_once(page: Page, status: int, detail: str, retry_after: str = "1") -> None:
    """Answer the next prediction as a server in trouble does, and all later ones as it is."""
    refused: list[Route] = []

    def handle(route: Route) -> None:
        if refused:
            route.continue_()
            return
        refused.append(route)
        problem = {
            "type": "/problems/x",
            "title": "x",
            "status": status,
            "detail": detail,
            "request_id": "r1",
        }
        headers = {"Retry-After": retry_after, "Content-Type": "application/problem+json"}
        route.fulfill(status=status, headers=headers, body=json.dumps(problem))

    page.route("**/predict", handle)


def test_an_overloaded_server_gets_a_retry(page: Page) -> None:
    """After the time that it says; until then there is a sentence with its reason."""
    sentences = {
        429: "The server is busy.",
        503: "The server is not ready.",
        504: "The server did not answer in time.",
    }
    for status, sentence in sentences.items():
        refuse_once(page, status, "64 series wait: more would start in 1.2 s")
        page.get_by_role("button", name="symptom present: easy").first.click()
        notice = page.locator("#notice")
        expect(notice).to_have_text(
            f"{sentence} 64 series wait: more would start in 1.2 s. Trying again in 1 s."
        )
        expect(notice).to_be_hidden()
        expect(page.locator("#result .headline")).to_have_text("symptom present")


def test_an_error_of_the_server_has_its_request_id(page: Page) -> None:
    """For the operator, who finds it in the log."""
    refuse_once(page, 500, "the engine failed on this batch")
    page.get_by_role("button", name="symptom present: easy").first.click()
    expect(page.locator("#notice")).to_contain_text("The engine failed on this batch. Request id: r1.")


def test_a_missing_network_is_reported_until_it_is_back(page: Page) -> None:
    """The series is classified once the network is back."""
    page.context.set_offline(offline=True)
    page.get_by_role("button", name="symptom present: easy").first.click()
    expect(page.locator("#notice")).to_contain_text(
        "The server cannot be reached. Check the network connection."
    )
    expect(page.locator("#health")).to_have_text("offline")
    page.context.set_offline(offline=False)
    expect(page.locator("#result .headline")).to_have_text("symptom present")
    expect(page.locator("#notice")).to_be_hidden()
    expect(page.locator("#health")).to_have_text("ready")


def test_a_server_that_shuts_down_is_seen(open_page: OpenPage) -> None:
    """It still answers while it drains; then it cannot be reached."""
    with running_server(DRAIN_DELAY="3") as server:
        page = open_page(server.url)
        os.kill(server.pid, signal.SIGTERM)
        server.wait_until(lambda: server.status("/readyz") == 503, "draining")
        page.evaluate("dispatchEvent(new Event('online'))")  # asks at once, as every 10 s
        expect(page.locator("#health")).to_have_text(re.compile("shutting down|offline"))
        server.wait_until(lambda: server.status("/livez") == 0, "gone")
        page.get_by_role("button", name="symptom present: easy").first.click()
        expect(page.locator("#notice")).to_contain_text("The server cannot be reached.")


def test_a_key_is_requested_and_kept_in_memory_only(guarded: ServerProcess, open_page: OpenPage) -> None:
    """A wrong one is refused in a sentence; a reload forgets the right one; the code has its header."""
    page = open_page(guarded.url, wait=False)
    dialog = page.get_by_role("dialog", name="API key")
    expect(dialog).to_be_visible()
    page.get_by_label("Key", exact=True).fill("wrong")
    page.keyboard.press("Enter")
    expect(page.locator("#key-error")).to_contain_text("The server does not know this key.")
    page.get_by_label("Key", exact=True).fill(KEY)
    page.get_by_role("button", name="Use this key").click()
    wait_until_classified(page)
    expect(dialog).to_be_hidden()
    assert 'Authorization: Bearer $API_KEY"' in page.locator("#code-panels code").first.inner_text()
    assert KEY not in page.content()
    assert KEY not in page.url
    assert page.evaluate("localStorage.length + sessionStorage.length") == 0
    page.reload()
    expect(dialog).to_be_visible()


def test_a_key_that_stops_working_is_requested_again(page: Page) -> None:
    """The series on screen is classified with the new one."""
    refuse_once(page, 401, "send one valid API key")
    page.get_by_role("button", name="symptom present: easy").first.click()
    page.get_by_label("Key", exact=True).fill("another")
    page.keyboard.press("Enter")
    expect(page.locator("#result .headline")).to_have_text("symptom present")


def test_a_start_that_fails_says_so_and_is_tried_again(page: Page) -> None:
    """By itself, or by its button."""
    page.route("**/page/start.json", lambda route: route.abort())
    page.reload()
    expect(page.locator("#start-error-text")).to_have_text(
        "The server cannot be reached. Check the network connection."
    )
    page.unroute("**/page/start.json")
    page.click("#start-retry")
    wait_until_classified(page)
    expect(page.locator("#start-error")).to_be_hidden()


def test_a_new_version_is_noticed(page: Page) -> None:
    """The prediction is that of the new version; samples and card are still those of the old one."""

    def answer_as_the_next_version(route: Route) -> None:
        response = route.fetch()
        document = response.json()
        document["version"] += 1
        route.fulfill(response=response, json=document)

    page.route("**/predict", answer_as_the_next_version)
    page.get_by_role("button", name="symptom present: easy").first.click()
    expect(page.locator("#result .headline")).to_have_text("symptom present")
    expect(page.locator("#notice")).to_contain_text("Reload the page to see its samples and card.")
