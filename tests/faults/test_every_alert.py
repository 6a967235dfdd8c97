"""Behind each alert a fault that is caused: no rule is believed that was never seen to fire."""

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

from deploy.prometheus.written import all_alerts

FOLDER = Path(__file__).parent
LEFT_OUT: Mapping[str, str] = {}
"""Alerts that no fault on one machine can cause within minutes, and why."""
PAGES = {alert.name: alert.runbook for alert in all_alerts()}
"""By alert, the page of its runbook."""


def exercises() -> Iterator[tuple[str, str]]:
    """Each `pytest.mark.alert("Name")` on a test, with the name of its file."""
    for path in sorted(FOLDER.glob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.AsyncFunctionDef) and node.name.startswith("test_"):
                yield from ((name, path.stem) for name in _marked(node))


def _marked(test: ast.AsyncFunctionDef) -> Iterator[str]:
    for mark in test.decorator_list:
        if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.alert":
            (name,) = mark.args
            yield ast.literal_eval(name)


def test_every_alert_has_an_exercise() -> None:
    """Or a reason why it has none; and no exercise is of an alert that there is no longer."""
    exercised = {name for name, _ in exercises()}
    assert exercised | LEFT_OUT.keys() == PAGES.keys()
    assert not exercised & LEFT_OUT.keys()
    assert all(LEFT_OUT.values())


def test_an_exercise_stands_where_its_runbook_does() -> None:
    """Under the name of the page, so that whoever changes one finds the other."""
    strays = {
        (name, file)
        for name, file in exercises()
        if name in PAGES and file != f"test_{PAGES[name].replace('-', '_')}"
    }
    assert strays == set()
