"""Rules of the house that no linter knows."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CODE = ("shared", "services", "deploy")
LONGEST_FUNCTION = 40
UNWANTED = {"utils", "helpers", "manager", "common", "misc"}
SILHOUETTE = {"README.md", "__init__.py", "__main__.py", "settings.py", "domain.py"}


def sources(*folders: str) -> Iterator[Path]:
    """Every Python file below these folders."""
    for folder in folders:
        yield from sorted((ROOT / folder).rglob("*.py"))


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Every function of a file."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def test_functions_fit_on_a_screen() -> None:
    """No function of the code is longer than 40 lines, its docstring and signature left out."""
    long = [
        f"{path.relative_to(ROOT)}:{function.name}"
        for path in sources(*CODE)
        for function in functions(path)
        if _lines_of_body(function) > LONGEST_FUNCTION
    ]
    assert long == []


def _lines_of_body(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    body = function.body[1:] if ast.get_docstring(function) else function.body
    return (function.end_lineno or 0) - body[0].lineno + 1 if body else 0


def test_every_test_opens_with_one_sentence_of_behaviour() -> None:
    """A test says what must be so before it shows it."""
    silent = [
        f"{path.relative_to(ROOT)}:{function.name}"
        for path in sources("tests")
        for function in functions(path)
        if function.name.startswith("test_") and not ast.get_docstring(function)
    ]
    assert silent == []


def test_no_room_is_called_after_nothing() -> None:
    """`utils`, `helpers` and their like say nothing of what is inside."""
    assert [path for path in sources(*CODE, "tests") if path.stem in UNWANTED] == []


@pytest.mark.parametrize("service", ["intake", "sla", "notifier", "messaging"])
def test_every_service_has_the_same_silhouette(service: str) -> None:
    """Who knows one service finds their way in the others."""
    found = {path.name for path in (ROOT / "services" / service).iterdir()}
    assert found >= SILHOUETTE


def test_suppressed_rules_state_their_reason() -> None:
    """A `noqa` or `type: ignore` has its reason in words behind it."""
    bare = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in sources(*CODE, "tests")
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        if re.search(r"#\s*(noqa(: [A-Z0-9, ]+)?|type: ignore(\[[a-z, -]+\])?)\s*$", line)
    ]
    assert bare == []


def test_sql_stands_in_the_store_alone() -> None:
    """A service's SQL has one home, where it can be read and planned as a whole."""
    strays = [
        path.relative_to(ROOT)
        for path in sources("services")
        if "store" not in (path.stem, path.parent.name)
        and re.search(r"\b(SELECT \S|INSERT INTO|UPDATE \w+|DELETE FROM)", path.read_text())
    ]
    assert strays == []


def test_every_decision_names_the_test_that_enforces_it() -> None:
    """An ADR ends with its tests, and they exist."""
    decisions = sorted((ROOT / "docs" / "adr").glob("[0-9]*.md"))
    assert len(decisions) >= 5
    for decision in decisions:
        named = re.findall(r"`(tests/[\w/.-]+)`", decision.read_text())
        assert named, f"{decision.name} names no test"
        assert [name for name in named if not (ROOT / name).exists()] == []


def test_the_readme_is_short() -> None:
    """At most 150 lines: what is longer belongs into docs."""
    assert len((ROOT / "README.md").read_text().splitlines()) <= 150
