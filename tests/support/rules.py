"""Reading rules as Prometheus does: which series and labels an expression names."""

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import promql_parser
import pytest

from shared import metrics

promtool = pytest.mark.skipif(shutil.which("promtool") is None, reason="there is no promtool")
FOREIGN = {"up": {"job", "instance"}}
"""What Prometheus itself adds."""
TARGET = {"job", "instance"}
"""Labels that every series of a target has."""


@dataclass(frozen=True, slots=True)
class Named:
    """A series that an expression names, and the labels that it asks for."""

    name: str
    labels: frozenset[str]


def named(expr: str) -> set[Named]:
    """All series of an expression."""
    return {
        Named(each.name, frozenset(m.name for m in each.matchers.matchers))
        for each in _nodes(promql_parser.parse(expr))
        if isinstance(each, promql_parser.VectorSelector) and each.name
    }


def grouped(expr: str) -> set[str]:
    """All labels that an expression groups or matches by."""
    found: set[str] = set()
    for each in _nodes(promql_parser.parse(expr)):
        if isinstance(each, promql_parser.AggregateExpr) and each.modifier:
            found |= set(each.modifier.labels)
        if isinstance(each, promql_parser.BinaryExpr) and each.modifier and each.modifier.matching:
            found |= set(each.modifier.matching.labels)
    return found


def _nodes(node: promql_parser.Expr) -> Iterator[promql_parser.Expr]:
    yield node
    for name in ("lhs", "rhs", "expr", "vector_selector", "vs"):
        if isinstance(inner := getattr(node, name, None), promql_parser.Expr):
            yield from _nodes(inner)
    for inner in getattr(node, "args", None) or ():
        yield from _nodes(inner)


def exported() -> dict[str, set[str]]:
    """Every series of the catalogue with its labels."""
    series: dict[str, set[str]] = {}
    for declared in metrics.CATALOGUE.values():
        for name in declared.series:
            edge = {"le"} if name.endswith("_bucket") else set()
            series[name] = {*declared.labels, *edge, *TARGET}
    return series


def run(*arguments: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run a tool."""
    return subprocess.run(  # noqa: S603 - tools of the system, on files of our own
        [str(each) for each in arguments], cwd=cwd, capture_output=True, text=True, check=False
    )
