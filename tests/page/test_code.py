"""What engineers get: calls that run as they are copied, timing, the model and its state."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from app.contract import Artifact
from tests.page.conftest import OpenPage, bar_values

# What "Copy" puts onto the clipboard is kept here: a headless browser has none to read from.
_KEEP = """
const clipboard = { writeText: async (text) => { window.copied = text; } };
Object.defineProperty(navigator, "clipboard", { value: clipboard });
"""


@pytest.fixture
def copying(open_page: OpenPage) -> Page:
    """The page with a series on the border; `window.copied` has what was copied."""
    page = open_page()
    page.evaluate(_KEEP)
    page.get_by_role("button", name="symptom present: on the border").click()
    page.wait_for_selector("#result .verdict.unsure")
    return page


def copied(page: Page, tab: str) -> str:
    """The text that the Copy button of a tab copies."""
    page.get_by_role("tab", name=tab, exact=True).click()
    page.locator("#code-panels [role=tabpanel]:visible").get_by_role("button", name="Copy").click()
    expect(page.locator("#code-panels [role=tabpanel]:visible button")).to_have_text("Copied")
    text: str = page.evaluate("window.copied")
    return text


def test_the_curl_call_gives_what_is_on_screen(copying: Page) -> None:
    """Run by a shell as it was copied."""
    command = copied(copying, "curl")
    answer = subprocess.run(command, shell=True, check=True, capture_output=True, timeout=60)  # noqa: S602
    [prediction] = json.loads(answer.stdout)["predictions"]
    shown = [f"{p * 100:.2f}\xa0%" for p in prediction["probabilities"].values()]
    assert shown == bar_values(copying)


def test_the_python_call_gives_what_is_on_screen(copying: Page, root: Path) -> None:
    """Run by Python as it was copied."""
    program = copied(copying, "Python client")
    answer = subprocess.run(
        [sys.executable, "-c", program],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert answer.stdout.startswith("1 {'-1': 0.08")


def test_the_call_with_tritonclient_fits_the_model(page: Page, artifact: Artifact) -> None:
    """Shown where the server speaks V2: the model's name, the input's name and shape."""
    address = page.locator("link[rel=modulepreload][href$='views/answers/code.js']").get_attribute("href")
    text = page.evaluate(
        """([address, contract]) => import(address).then((module) => {
            const call = module.callsOf({ contract }, ["native", "v2"]).find((each) => each.id === "triton");
            return module.whole(call, [1, 2]);
        })""",
        [address, artifact.contract.model_dump(mode="json")],
    )
    compile(text, "tritonclient", "exec")
    assert 'InferInput("series", [1, 500], "FP32")' in text
    assert f'client.infer("{artifact.contract.name}", [request])' in text


def test_the_call_is_shown_in_short_and_has_the_whole_series(copying: Page) -> None:
    """A person sees its shape; the clipboard has all 500 values."""
    assert "… 492 more …" in copying.locator("#code-panels code").first.inner_text()
    assert copied(copying, "curl").count(",") == 499


def test_the_time_of_each_step_is_shown(page: Page) -> None:
    """Of `Server-Timing`, and what is left for the network."""
    steps = page.locator("#timing .timing-legend li span:first-child").all_inner_texts()
    assert steps == ["parse", "queue", "model", "other", "network"]
    expect(page.locator("#timing p")).to_contain_text("ms in the server, in a batch of 1 series")


def test_the_model_is_described(page: Page, artifact: Artifact) -> None:
    """Version, engine and measured accuracy."""
    facts = page.locator("#facts").inner_text()
    assert f"{artifact.contract.name} {artifact.contract.version}" in facts
    assert "OpenVINO" in facts
    assert f"{artifact.contract.metrics['accuracy'] * 100:.2f} %" in facts
    expect(page.locator("#health")).to_have_text("ready")


def test_the_card_is_rendered(page: Page, artifact: Artifact) -> None:
    """Headings, tables, lists and code of its Markdown; no marks are left over."""
    page.locator("#card summary").click()
    text = page.locator("#card .card-text").inner_text()
    assert page.locator("#card table").count() >= 3
    assert page.locator("#card pre code").first.inner_text().startswith("python -m training")
    titles = [line.lstrip("# ") for line in artifact.card.splitlines() if line.startswith("#")]
    shown = page.locator("#card :is(h3, h4, h5)").all_inner_texts()
    assert set(titles) - set(shown) <= {"Pictures"}
    assert "**" not in text
    assert "](" not in text


def test_a_card_cannot_inject_anything(page: Page) -> None:
    """HTML in it is text, and a link that is no web address is none."""
    address = page.locator("link[rel=modulepreload][href$='markdown.js']").get_attribute("href")
    card = "# <img src=x onerror=alert(1)>\n\n[a](javascript:alert(1)) <b>c</b>\n\n|<i>|\n|-|\n|<script>|"
    kinds = page.evaluate(
        """([address, card]) => import(address).then(({ markdown }) => {
            const host = document.createElement("div");
            host.append(...markdown(card));
            return [...host.querySelectorAll("*")].map((element) => element.tagName.toLowerCase());
        })""",
        [address, card],
    )
    assert set(kinds) == {"h3", "p", "div", "table", "thead", "tbody", "tr", "th", "td"}
