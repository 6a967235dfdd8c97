"""What a test of rules is, and how it stands in a file of `promtool test rules`."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from deploy.prometheus.rules import Alert, Group, Links

_TEMPLATE = re.compile(r"\{\{ \$(labels\.(?P<label>\w+)|value)[^}]*\}\}")


@dataclass(frozen=True, slots=True)
class Firing:
    """One alert that fires."""

    labels: Mapping[str, str] = field(default_factory=dict)
    """Those of its expression."""
    value: str = ""
    """As the description spells it."""
    own: Mapping[str, str] = field(default_factory=dict)
    """Of several rules of one name: labels that tell which."""


@dataclass(frozen=True, slots=True)
class Check:
    """What of an alert fires at an instant: all of it is named, or it rests."""

    alert: str
    at: str
    fires: Sequence[Firing] = ()


@dataclass(frozen=True, slots=True)
class Measured:
    """What an expression gives at an instant: labels with their value."""

    expr: str
    at: str
    samples: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Case:
    """Series, and what comes of them."""

    series: Mapping[str, str]
    checks: Sequence[Check] = ()
    measured: Sequence[Measured] = ()
    every: str = "1m"
    """Between two samples of a series."""


def fires(alert: str, series: Mapping[str, str], at: str, *firing: Firing) -> Case:
    """A case in which an alert fires."""
    return Case(series, [Check(alert, at, firing or (Firing(),))])


def rests(alert: str, series: Mapping[str, str], at: str) -> Case:
    """A case in which it does not."""
    return Case(series, [Check(alert, at)])


def as_test_file(
    rules: str, cases: Sequence[Case], groups: Sequence[Group], *, every: str = "1m"
) -> dict[str, Any]:
    """Cases as a test file has them.

    Args:
        rules: The path of the rules, seen from the test file.
        cases: Of those rules.
        groups: Those rules, recordings before what asks for them.
        every: Between two evaluations.
    """
    alerts = [alert for group in groups for alert in group.alerts]
    return {
        "rule_files": [rules],
        "evaluation_interval": every,
        # Without it groups are evaluated in any order, and read recordings of now or of before.
        "group_eval_order": [group.name for group in groups],
        "tests": [_as_test(case, alerts) for case in cases],
    }


def _as_test(case: Case, alerts: Sequence[Alert]) -> dict[str, Any]:
    series = [{"series": name, "values": values} for name, values in case.series.items()]
    test: dict[str, Any] = {"interval": case.every, "input_series": series}
    if case.checks:
        test["alert_rule_test"] = [_as_check(check, alerts) for check in case.checks]
    if case.measured:
        test["promql_expr_test"] = [_as_measured(each) for each in case.measured]
    return test


def _as_check(check: Check, alerts: Sequence[Alert]) -> dict[str, Any]:
    expected = [_as_firing(_rule(check.alert, each, alerts), each) for each in check.fires]
    return {"eval_time": check.at, "alertname": check.alert, "exp_alerts": expected}


def _rule(name: str, firing: Firing, alerts: Sequence[Alert]) -> Alert:
    own = firing.own.items()
    [rule] = [each for each in alerts if each.name == name and own <= each.all_labels.items()]
    return rule


def _as_firing(rule: Alert, firing: Firing) -> dict[str, Any]:
    said = {
        name: _TEMPLATE.sub(lambda found: _filled(found, firing), text)
        for name, text in Links().annotations(rule).items()
    }
    return {"exp_labels": {**firing.labels, **rule.all_labels}, "exp_annotations": said}


def _filled(found: re.Match[str], firing: Firing) -> str:
    label = found["label"]
    return firing.labels[label] if label else firing.value


def _as_measured(measured: Measured) -> dict[str, Any]:
    samples = [{"labels": each, "value": value} for each, value in measured.samples.items()]
    return {"expr": measured.expr, "eval_time": measured.at, "exp_samples": samples}
