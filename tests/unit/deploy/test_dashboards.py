"""Dashboards as they are written: whole, up to date, and asking for what there is."""

import re
from collections.abc import Callable, Iterator
from itertools import combinations
from typing import Any

import promql_parser
import pytest

from deploy.grafana import reading
from deploy.grafana.boards import BOARDS
from deploy.grafana.parts import ACROSS, RED
from deploy.grafana.reading import dashboards, panels, queries
from deploy.grafana.written import contents
from deploy.prometheus.written import all_alerts, all_recordings
from shared.metrics import CATALOGUE, SERVICES

ADDED = {"job", "instance"}
"""Labels that Prometheus adds to whatever it scrapes."""
PROCESS = {
    "process_cpu_seconds_total": set[str](),
    "process_resident_memory_bytes": set[str](),
    "up": set[str](),
    "ALERTS": {"alertname", "alertstate", "severity"},
}
"""What Prometheus and its client for Python export by themselves: names and labels."""
SHOWN = dashboards()
EVERY = [
    pytest.param(query.expr, id=f"{query.board}: {query.panel}") for query in queries("1m", "1h")
]
Node = Any
"""Of a parsed query: the package has no types for what they have in common."""


def _series() -> dict[str, set[str]]:
    """Every name that can be asked for, with its labels."""
    names = {
        series: set(metric.labels) | ({"le"} if series.endswith("_bucket") else set())
        for metric in CATALOGUE.values()
        for series in metric.series
    }
    recorded = {each.record: {"objective", *each.labels} for each in all_recordings()}
    return names | recorded | PROCESS


def _selectors(node: Node) -> Iterator[Node]:
    match type(node).__name__:
        case "VectorSelector":
            yield node
        case "MatrixSelector":
            yield node.vector_selector
        case "Call":
            for argument in node.args:
                yield from _selectors(argument)
        case "BinaryExpr":
            yield from _selectors(node.lhs)
            yield from _selectors(node.rhs)
        case "NumberLiteral" | "StringLiteral":
            return
        case _:
            yield from _selectors(node.expr)


def _grouped(node: Node) -> Iterator[tuple[set[str], set[str]]]:
    """Of each aggregation the labels it keeps, and the names that it is made of."""
    kind = type(node).__name__
    if kind == "AggregateExpr":
        kept = set(node.modifier.labels) if node.modifier else set()
        yield kept, {selector.name for selector in _selectors(node.expr)}
    inner: dict[str, Callable[[], list[Node]]] = {
        "Call": lambda: node.args,
        "BinaryExpr": lambda: [node.lhs, node.rhs],
        "VectorSelector": list,
        "MatrixSelector": list,
        "NumberLiteral": list,
        "StringLiteral": list,
    }
    for each in inner.get(kind, lambda: [node.expr])():
        yield from _grouped(each)


def test_the_files_are_as_the_code_has_them() -> None:
    """Nobody has forgotten `make observability`."""
    written = {f"dashboards/{path.name}": path.read_text() for path in reading.FOLDER.iterdir()}
    assert written == dict(contents())


@pytest.mark.parametrize("expr", EVERY)
def test_a_query_names_only_what_is_exported(expr: str) -> None:
    """Names, matched labels and labels it sums by are those of the catalogue and of our rules."""
    known = _series()
    parsed = promql_parser.parse(expr)
    selectors = list(_selectors(parsed))
    assert selectors
    for selector in selectors:
        matched = {matcher.name for matcher in selector.matchers.matchers}
        assert matched <= known[selector.name] | ADDED, selector.name
    for kept, names in _grouped(parsed):
        for name in names:
            assert kept <= known[name] | ADDED, name


@pytest.mark.parametrize("expr", EVERY)
def test_counters_are_asked_for_their_increase(expr: str) -> None:
    """A counter's bare value says when its process started, and little more."""
    counters = {
        series
        for metric in CATALOGUE.values()
        if metric.kind != "gauge"
        for series in metric.series
    }
    for name in counters:
        for found in re.finditer(rf"(\w*)\({name}\b", expr):
            assert found[1] in {"rate", "increase"}, found[0]


def test_every_metric_is_on_a_board() -> None:
    """Nothing is measured that nobody can see."""
    shown = " ".join(query.expr for query in queries("1m", "1h"))
    unseen = {
        name
        for name, metric in CATALOGUE.items()
        if not any(re.search(rf"\b{series}\b", shown) for series in metric.series)
    }
    assert unseen == set()


def test_each_is_found_by_one_name_and_one_title() -> None:
    """Links, alerts and files lead to one dashboard."""
    for key in ("uid", "title"):
        found = [dashboard[key] for dashboard in SHOWN.values()]
        assert len(set(found)) == len(found) == len(BOARDS)
    assert {dashboard["uid"] for dashboard in SHOWN.values()} == {b.uid for b in BOARDS}


def test_every_alert_leads_to_a_board_and_every_runbook_link_is_an_alerts() -> None:
    """From an alert to its board, and from a panel to the page that says what to do."""
    uids = {board.uid for board in BOARDS}
    assert {
        alert.name: alert.dashboard for alert in all_alerts() if alert.dashboard not in uids
    } == {}
    named = {name for board in BOARDS for panel in board.panels for name in panel.alerts}
    assert named <= {alert.name for alert in all_alerts()}
    assert {alert.name for alert in all_alerts()} - named == set(), "no panel links to them"


@pytest.mark.parametrize("name", SHOWN)
def test_panels_lie_side_by_side(name: str) -> None:
    """None covers another or reaches over the edge; each has a number of its own."""
    places = [(p["id"], p["gridPos"]) for p in SHOWN[name]["panels"]]
    assert len({number for number, _ in places}) == len(places)
    for _, at in places:
        assert 0 <= at.get("x", 0) <= ACROSS - at["w"]
    for (_, one), (_, other) in combinations(places, 2):
        apart = (
            one.get("x", 0) + one["w"] <= other.get("x", 0)
            or other.get("x", 0) + other["w"] <= one.get("x", 0)
            or one.get("y", 0) + one["h"] <= other.get("y", 0)
            or other.get("y", 0) + other["h"] <= one.get("y", 0)
        )
        assert apart, (one, other)


@pytest.mark.parametrize("name", SHOWN)
def test_every_panel_says_what_it_shows(name: str) -> None:
    """A title of its own, a description, a unit, and the source that was chosen above."""
    titles = [panel["title"] for panel in panels(SHOWN[name])]
    assert len(set(titles)) == len(titles)
    for panel in panels(SHOWN[name]):
        assert panel["description"].endswith("."), panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"]
        assert panel["targets"]
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}


def test_figures_turn_red_only_with_a_level() -> None:
    """What is coloured has the value from which on it is."""
    for board in BOARDS:
        for panel in board.panels:
            values = [value for value, _ in panel.steps]
            assert values == sorted(values), panel.title
            if RED in {color for _, color in panel.steps}:
                assert len(values) > 1, panel.title


def test_a_boards_service_is_one_there_is() -> None:
    """What can be narrowed to instances is one job's."""
    assert {board.job for board in BOARDS if board.job} == {*SERVICES, "auditor"}
