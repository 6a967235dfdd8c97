"""What a dashboard is made of: boards of rows, rows of panels, panels of queries."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

RATE = "[$__rate_interval]"
"""As far back as Grafana finds right for the time that is shown."""
ACROSS = 24
"""Columns of Grafana's grid."""


class Kind(StrEnum):
    """How a panel shows its values, by Grafana's names."""

    LINES = "timeseries"
    FIGURES = "stat"
    BARS = "bargauge"
    TABLE = "table"


class Unit(StrEnum):
    """What values are, by Grafana's names."""

    NUMBER = "short"
    SECONDS = "s"
    SHARE = "percentunit"
    PER_SECOND = "cps"
    REQUESTS = "reqps"
    BYTES = "bytes"


GREEN, AMBER, RED, BLUE, GREY = "green", "orange", "red", "blue", "text"


@dataclass(frozen=True, slots=True)
class Query:
    """One question to Prometheus.

    Attributes:
        legend: What a series is called; `{{label}}` stands for a label's value.
        quiet: Why a healthy desk may have no data for it; empty where it always has.
    """

    expr: str
    legend: str = ""
    quiet: str = ""


@dataclass(frozen=True, slots=True)
class Panel:
    """One picture of a board.

    Attributes:
        about: What it shows and what to make of it, for whoever has never seen it.
        steps: Colours from a value on, the first from the lowest one: `((0, GREEN), (60, RED))`.
        lines: Draws the steps into a diagram, as levels that should not be passed.
        alerts: The alerts whose runbooks it links to.
        words: Says words instead of numbers: `{0: "no", 1: "yes"}`.
        none: What stands there when there is no data.
    """

    title: str
    about: str
    queries: Sequence[Query]
    kind: Kind = Kind.LINES
    unit: Unit = Unit.NUMBER
    width: int = 8
    height: int = 7
    steps: Sequence[tuple[float, str]] = ()
    lines: bool = False
    stacked: bool = False
    alerts: Sequence[str] = ()
    words: dict[int, tuple[str, str]] = field(default_factory=dict)
    none: str = ""
    highest: float | None = None
    decimals: int | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """Panels under one heading, from left to right and then below one another."""

    title: str
    panels: Sequence[Panel]


@dataclass(frozen=True, slots=True)
class Board:
    """One dashboard.

    Attributes:
        name: Of its file, and behind `careline-` its uid: links to it go on holding.
        job: The service that it can be narrowed to single instances of; empty for all.
    """

    name: str
    title: str
    about: str
    rows: Sequence[Row]
    job: str = ""
    span: str = "now-3h"

    @property
    def uid(self) -> str:
        """By which links and alerts find it."""
        return f"careline-{self.name}"

    @property
    def panels(self) -> list[Panel]:
        """All of them, in order."""
        return [panel for row in self.rows for panel in row.panels]


def quantiles(histogram: str, matchers: str = "", *, by: str = "") -> list[Query]:
    """The median and the slowest of a histogram; one line for each label, as `by` names them."""
    inside = f"{{{matchers}}}" if matchers else ""
    group = ", ".join(filter(None, ("le", by)))
    legend = f"{{{{{by}}}}} " if by else ""
    summed = f"sum by ({group}) (rate({histogram}_bucket{inside}{RATE}))"
    return [
        Query(f"histogram_quantile({share}, {summed})", f"{legend}{word}")
        for share, word in ((0.5, "half within"), (0.99, "99 % within"))
    ]


def slowest(histogram: str, matchers: str = "", *, by: str) -> Query:
    """What 99 of 100 stay within, a line for each value of a label."""
    inside = f"{{{matchers}}}" if matchers else ""
    summed = f"sum by (le, {by}) (rate({histogram}_bucket{inside}{RATE}))"
    return Query(f"histogram_quantile(0.99, {summed})", f"{{{{{by}}}}}")


def rate(counter: str, matchers: str = "", *, by: str, legend: str = "") -> Query:
    """How many a second, a line for each value of the labels."""
    inside = f"{{{matchers}}}" if matchers else ""
    words = legend or " ".join(f"{{{{{each.strip()}}}}}" for each in by.split(","))
    return Query(f"sum by ({by}) (rate({counter}{inside}{RATE}))", words)
