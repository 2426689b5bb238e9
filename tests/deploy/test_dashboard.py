"""The dashboard is one that Grafana can show and people can read, of one replica or several."""

from __future__ import annotations

from typing import Any

import pytest

from tests.deploy.monitoring import Named, dashboard, dashboard_expressions, panels
from tests.deploy.promql import Matcher, parse

DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
WIDTH = 24
EVERY_PANEL = pytest.mark.parametrize("panel", panels(), ids=lambda panel: panel["title"])


def test_panels_have_ids_of_their_own() -> None:
    """Grafana tells panels apart by them, rows included."""
    ids = [panel["id"] for panel in dashboard()["panels"]]
    assert len(set(ids)) == len(ids)


def test_panels_do_not_cover_each_other() -> None:
    """Each has its place on the grid, rows included."""
    taken: set[tuple[int, int]] = set()
    for panel in dashboard()["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= WIDTH
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert not cells & taken, panel["title"]
        taken |= cells


@EVERY_PANEL
def test_a_panel_says_what_it_shows(panel: dict[str, Any]) -> None:
    """A title, a description of one line, and a unit."""
    assert panel["title"]
    assert panel["description"].endswith(".")
    assert "\n" not in panel["description"]
    assert panel["fieldConfig"]["defaults"]["unit"]


@EVERY_PANEL
def test_a_panel_queries_the_source_that_is_chosen(panel: dict[str, Any]) -> None:
    """The panel and each of its queries; queries have letters of their own."""
    assert panel["datasource"] == DATASOURCE
    assert all(target["datasource"] == DATASOURCE for target in panel["targets"])
    letters = [target["refId"] for target in panel["targets"]]
    assert len(set(letters)) == len(letters) > 0


def test_the_source_and_the_replicas_can_be_chosen() -> None:
    """Both are variables; replicas are found by a metric that every replica has, one or several or all."""
    source, instance = dashboard()["templating"]["list"]
    assert (source["name"], source["type"], source["query"]) == ("datasource", "datasource", "prometheus")
    assert instance["name"] == "instance"
    assert instance["query"]["query"] == "label_values(timeseries_ready_workers, instance)"
    assert instance["multi"]
    assert instance["includeAll"]
    assert instance["allValue"] == ".*"


@pytest.mark.parametrize("named", dashboard_expressions(), ids=lambda named: named.place)
def test_a_query_is_of_the_replicas_that_are_chosen(named: Named) -> None:
    """What is told by replica is narrowed to them; alerts and what is recorded of all replicas are not."""
    for metric, matchers in parse(named.expression).selectors:
        of_all = metric == "ALERTS" or metric.startswith("job")
        assert (Matcher("instance", "=~", "$instance") in matchers) is not of_all, metric


def test_rates_are_taken_over_as_long_as_they_need() -> None:
    """By Grafana's own interval, which is at least four scrapes."""
    for _, expression in dashboard_expressions():
        assert expression.count("[") == expression.count("[$__rate_interval]")
