"""Reads dashboards as Grafana does: which panel asks what, with the variables filled in."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "dashboards"


@dataclass(frozen=True)
class Asked:
    """One query of a panel, ready to be sent."""

    board: str
    panel: str
    expr: str
    legend: str


def dashboards(folder: Path = FOLDER) -> dict[str, dict[str, Any]]:
    """Every dashboard, by the name of its file."""
    return {
        path.stem: json.loads(path.read_text("utf-8")) for path in sorted(folder.glob("*.json"))
    }


def panels(dashboard: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Its panels, without the headings of rows."""
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def queries(rate: str, span: str, folder: Path = FOLDER) -> Iterator[Asked]:
    """Every query of every panel, for rates over so long and a time shown of so long."""
    for name, dashboard in dashboards(folder).items():
        for panel in panels(dashboard):
            for target in panel["targets"]:
                expr = filled(target["expr"], rate, span)
                yield Asked(name, panel["title"], expr, target["legendFormat"])


def filled(expr: str, rate: str, span: str) -> str:
    """A query with what Grafana puts in place of its variables: all instances, these times."""
    values = {"$__rate_interval": rate, "$__range": span, "$instance": ".*"}
    for variable, value in values.items():
        expr = expr.replace(variable, value)
    return expr
