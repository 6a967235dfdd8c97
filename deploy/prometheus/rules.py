"""What a rule is, and how it stands in a file of Prometheus."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

RUNBOOKS = "docs/runbooks/alerts"
"""What links to runbooks begin with, unless another base is named."""
DASHBOARDS = "/d"


class Severity(StrEnum):
    """What an alert asks of people."""

    PAGE = "page"
    """Customers notice, or will within minutes: somebody looks now."""
    TICKET = "ticket"
    """It needs somebody, in working hours."""
    NONE = "none"
    """Nobody: machines listen for it."""


@dataclass(frozen=True, slots=True)
class Recording:
    """An expression that is kept as a series of its own, `level:metric:operation`."""

    record: str
    expr: str
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Alert:
    """When somebody is to be told of what."""

    name: str
    expr: str
    hold: str
    """How long it must be so."""
    severity: Severity
    summary: str
    """One line; of the templates only `{{ $labels.name }}`."""
    description: str
    """What was found, with its values."""
    dashboard: str
    """Where to look, by the dashboard's uid."""
    runbook: str
    """The page of `docs/runbooks/alerts/` that has its section."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """Of its own, beside the severity."""

    @property
    def all_labels(self) -> dict[str, str]:
        """What the rule adds to the labels of its expression."""
        return {"severity": self.severity.value, **self.labels}


Rule = Recording | Alert


@dataclass(frozen=True, slots=True)
class Group:
    """Rules of one file, evaluated one after another."""

    name: str
    every: int
    """Seconds."""
    rules: Sequence[Rule]

    @property
    def alerts(self) -> list[Alert]:
        """Those of its rules."""
        return [rule for rule in self.rules if isinstance(rule, Alert)]

    @property
    def recordings(self) -> list[Recording]:
        """Those of its rules."""
        return [rule for rule in self.rules if isinstance(rule, Recording)]


@dataclass(frozen=True, slots=True)
class Links:
    """Where annotations lead."""

    runbooks: str = RUNBOOKS
    dashboards: str = DASHBOARDS

    def annotations(self, alert: Alert) -> dict[str, str]:
        """What an alert says, with its templates."""
        return {
            "summary": alert.summary,
            "description": alert.description,
            "runbook_url": f"{self.runbooks}/{alert.runbook}.md#{alert.name.lower()}",
            "dashboard": f"{self.dashboards}/{alert.dashboard}",
        }


def as_file(groups: Sequence[Group], links: Links) -> dict[str, Any]:
    """Groups as a rule file has them."""
    return {
        "groups": [
            {
                "name": group.name,
                "interval": f"{group.every}s",
                "rules": [_as_rule(rule, links) for rule in group.rules],
            }
            for group in groups
        ]
    }


def _as_rule(rule: Rule, links: Links) -> dict[str, Any]:
    if isinstance(rule, Recording):
        labels = {"labels": dict(rule.labels)} if rule.labels else {}
        return {"record": rule.record, "expr": rule.expr, **labels}
    return {
        "alert": rule.name,
        "expr": rule.expr,
        "for": rule.hold,
        "labels": rule.all_labels,
        "annotations": links.annotations(rule),
    }
