"""The cases that rules are tested with: all rules have some, and a changed threshold breaks one."""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from deploy.prometheus import written
from deploy.prometheus.cases import every_case, objectives
from deploy.prometheus.cases.case import Case, as_test_file
from deploy.prometheus.pace import Pace
from deploy.prometheus.rules import Alert, Group, Links, Rule, as_file
from tests.support.rules import named, promtool, run

FILES, CASES = written.files(Pace()), every_case()
NEVER_RESTS = {"Watchdog"}
WITHOUT_THRESHOLD = {"Watchdog", "MetricsAbsent", "AuditorMissing"}
_COMPARED = re.compile(r"(==|>=|<=|>|<) (\d+(?:\.\d+)?)")
FAR = "1000000000"


def test_each_alert_fires_in_one_case_and_rests_in_another() -> None:
    """Of alerts with several burn rates each of them does."""
    checks = [check for cases in CASES.values() for case in cases for check in case.checks]
    for alert in written.all_alerts():
        own = [check for check in checks if check.alert == alert.name]
        firing = [
            any(each.own.items() <= alert.all_labels.items() for each in check.fires)
            for check in own
        ]
        assert any(firing), f"{alert.name} {alert.labels} fires nowhere"
        assert not all(firing) or alert.name in NEVER_RESTS, f"{alert.name} rests nowhere"


def test_each_recording_is_measured() -> None:
    """Its value stands in a case."""
    every = [*(case for cases in CASES.values() for case in cases), *objectives.slow_cases()]
    measured = {each.name for case in every for m in case.measured for each in named(m.expr)}
    assert {rule.record for rule in written.all_recordings()} <= measured


@promtool
@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", sorted(FILES))
@pytest.mark.long
def test_a_changed_threshold_breaks_a_case(name: str, tmp_path: Path) -> None:
    """Twice as much, half as much, or the opposite: some case of that alert notices."""
    groups, cases = _only_chat(name)
    mutants = {alert.name + alert.labels.get("burn", ""): _mutants(alert) for alert in _of(groups)}
    for number in range(max(map(len, mutants.values()))):
        changed = {each: found[number] for each, found in mutants.items() if number < len(found)}
        failing = _failing(groups, cases, list(changed.values()), tmp_path)
        unnoticed = {each for each, alert in changed.items() if alert.name not in failing}
        assert not unnoticed, [changed[each].expr for each in unnoticed]


def test_nearly_every_alert_has_a_threshold_that_can_be_changed() -> None:
    """Or the test above would prove nothing."""
    without = {alert.name for alert in written.all_alerts() if not _mutants(alert)}
    assert without == WITHOUT_THRESHOLD


def _only_chat(name: str) -> tuple[list[Group], list[Case]]:
    """The rules of a file and their cases; of the objectives, which are alike, one."""
    if name != "objectives":
        return FILES[name], CASES[name]
    groups = [
        replace(group, rules=[rule for rule in group.rules if _is_of_chat(rule)])
        for group in FILES[name]
    ]
    cases = [case for case in CASES[name] if any(c.alert == "ChatSlow" for c in case.checks)]
    return groups, cases


def _is_of_chat(rule: Rule) -> bool:
    if isinstance(rule, Alert):
        return rule.name == "ChatSlow"
    return rule.labels.get("objective", "chat") == "chat"


def _of(groups: Sequence[Group]) -> list[Alert]:
    return [alert for group in groups for alert in group.alerts]


def _mutants(alert: Alert) -> list[Alert]:
    found: list[Alert] = []
    for compared in sorted(set(_COMPARED.findall(alert.expr))):
        before = " ".join(compared)
        for after in _changed(*compared):
            expr = re.sub(rf"{re.escape(before)}(?![\d.])", after, alert.expr)
            found.append(replace(alert, expr=expr))
    return found


def _changed(operator: str, number: str) -> list[str]:
    if operator == "==":
        return [f"!= {number}"]
    if float(number) == 0:
        return [f"{operator} {FAR}", f"{operator} -{FAR}"]
    return [f"{operator} {float(number) * 2:g}", f"{operator} {float(number) / 2:g}"]


def _failing(
    groups: Sequence[Group], cases: Sequence[Case], changed: Sequence[Alert], folder: Path
) -> set[str]:
    """The alerts of which a case fails once these stand in the place of what they were."""
    names = {alert.name for alert in changed}
    recordings = [replace(group, rules=group.recordings) for group in groups]
    rules = [*recordings, Group("changed", 60, changed)]
    (folder / "rules.yml").write_text(written.written(as_file(rules, Links())))
    checked = [
        replace(case, checks=[c for c in case.checks if c.alert in names], measured=())
        for case in cases
        if any(check.alert in names for check in case.checks)
    ]
    content = as_test_file("rules.yml", checked, [*groups, Group("changed", 60, [])])
    (folder / "tests.yml").write_text(written.written(content))
    done = run("promtool", "test", "rules", folder / "tests.yml")
    return set(re.findall(r"alertname: (\w+),", done.stdout + done.stderr))
