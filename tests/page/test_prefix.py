"""The page below a path, behind HAProxy with two replicas, as it is deployed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import expect

from qa.harness.balancer import find_haproxy, start_balancer
from qa.harness.browser import wait_until_classified
from qa.harness.server import ServerProcess, running_server
from tests.page.conftest import OpenPage, headline

ROOT = "/models/forda"


@pytest.fixture(scope="module")
def balancer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """HAProxy with the deployed configuration in front of two replicas below a path."""
    program = find_haproxy()
    if program is None:
        pytest.skip("HAProxy is not installed: apt-get install haproxy")
    folder: Path = tmp_path_factory.mktemp("prefix")
    with ExitStack() as stack:
        replicas = [stack.enter_context(running_server(ROOT_PATH=ROOT)) for _ in range(2)]
        addresses = [replica.address for replica in replicas]
        started = start_balancer(program, replicas=addresses, log=folder / "log")
        stack.callback(started.kill)
        started.wait_until_ready()
        yield started


def test_it_works_below_a_path_with_two_replicas(balancer: ServerProcess, open_page: OpenPage) -> None:
    """With or without a slash at the end: files, samples, predictions, the code and the documentation."""
    open_page(f"{balancer.url}{ROOT}/")
    page = open_page(f"{balancer.url}{ROOT}")
    replicas: set[str] = set()
    page.on("response", lambda response: replicas.add(response.headers.get("x-replica", "")))
    for name in ("symptom present: easy", "symptom absent: easy", "unlike training: sine") * 2:
        page.get_by_role("button", name=name).first.click()
        wait_until_classified(page)
    assert headline(page) == "Unlike anything seen in training"
    assert replicas <= {"replica-1", "replica-2"}
    assert f"{balancer.url}{ROOT}/predict" in page.locator("#code-panels code").first.inner_text()
    page.get_by_role("link", name="API").click()
    expect(page.locator(".swagger-ui .info .title")).to_be_visible()
    assert page.url == f"{balancer.url}{ROOT}/docs"
