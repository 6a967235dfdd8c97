"""The example of Alertmanager's configuration: who is told of what."""

import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.prometheus import written
from tests.support.rules import run

FILE = Path(__file__).parents[3] / "deploy" / "alertmanager" / "alertmanager.yml"
CONFIG: dict[str, Any] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
ALERTS = written.all_alerts()
RECEIVERS = {"page": "on-call", "ticket": "tickets", "none": "dead-mans-switch"}
amtool = pytest.mark.skipif(shutil.which("amtool") is None, reason="there is no amtool")


@amtool
def test_alertmanager_takes_it() -> None:
    """Its own tool finds nothing wrong."""
    done = run("amtool", "check-config", FILE)
    assert done.returncode == 0, done.stderr


@amtool
@pytest.mark.parametrize("severity", RECEIVERS)
def test_each_severity_has_its_receiver(severity: str) -> None:
    """Pages wake somebody, tickets wait, and Watchdog goes to the dead man's switch."""
    alert = next(alert for alert in ALERTS if alert.severity == severity)
    labels = {"alertname": alert.name, **alert.all_labels, "job": "sla"}
    assert receiver(labels) == RECEIVERS[severity]


@amtool
def test_an_alert_of_nobody_is_heard_of() -> None:
    """Without a severity it is a ticket, not silence."""
    assert receiver({"alertname": "Another"}) == "tickets"


def test_no_alert_has_a_severity_without_a_receiver() -> None:
    """Nothing falls through."""
    assert {alert.severity.value for alert in ALERTS} == set(RECEIVERS)


def test_what_is_silenced_by_something_else_exists() -> None:
    """Inhibitions name alerts that there are, and none silences itself."""
    names = {alert.name for alert in ALERTS}
    for rule in CONFIG["inhibit_rules"]:
        source, target = mentioned(rule["source_matchers"]), mentioned(rule["target_matchers"])
        assert source | target <= names
        assert not source & target


def test_a_service_that_is_down_is_told_once() -> None:
    """What follows from it is held back for that service, and what customers notice of intake."""
    silenced = {
        name
        for rule in CONFIG["inhibit_rules"]
        if "ServiceDown" in mentioned(rule["source_matchers"])
        for name in mentioned(rule["target_matchers"])
    }
    assert {"TargetDown", "NotReady", "MetricsAbsent", "IntakeAnswersFailing"} <= silenced
    # What only the auditor or another service can tell goes on being told.
    assert not {"InvariantViolated", "OutboxStuck", "Watchdog"} & silenced


def test_addresses_are_made_up() -> None:
    """Nobody's mail or pager stands in an example."""
    hosts = re.findall(r"(?:https://|@|smarthost: )([\w.-]+)", FILE.read_text(encoding="utf-8"))
    assert hosts
    assert all(host.endswith(".example") for host in hosts)


def mentioned(matchers: list[str]) -> set[str]:
    """The names of alerts in matchers."""
    found = (re.search(r'alertname\s*=~?\s*"?([\w|]+)"?', each) for each in matchers)
    return {name for each in found if each for name in each[1].split("|")}


def receiver(labels: Mapping[str, str]) -> str:
    """Where an alert with these labels goes."""
    pairs = [f"{name}={value}" for name, value in labels.items()]
    done = run("amtool", "config", "routes", "test", f"--config.file={FILE}", *pairs)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
