"""The catalogue of metrics: well named, without personal labels, and there from the start."""

import re
from pathlib import Path
from typing import get_args

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families as parse

from deploy import metrics_docs
from services.intake.mail import rules as mail_rules
from shared import metrics
from shared.deadlines import DeadlineEvent
from shared.metrics import CATALOGUE, EVERYWHERE, Declared
from shared.plans import PLAN_IDS, Clock
from shared.version import VERSION

ROOT = Path(__file__).parents[3]
HARMLESS = {
    "author",
    "channel",
    "clock",
    "database",
    "db_client_connection_state",
    "db_operation_name",
    "error_type",
    "event",
    "http_request_method",
    "http_response_status_code",
    "http_route",
    "kind",
    "lane",
    "messaging_destination_name",
    "outcome",
    "part",
    "plan",
    "promise",
    "reason",
    "source",
    "state",
    "topic",
    "trouble",
    "version",
    "worker",
}
"""Labels whose values are few, and say of which kind something is."""
BEGINNINGS = ("careline_", "http_", "db_", "messaging_", "intake_", "sla_", "notifier_", "thread_")


def test_labels_say_of_which_kind_something_is() -> None:
    """No ticket, account, address or URL: a new label has to be thought about here."""
    assert {label for each in CATALOGUE.values() for label in each.labels} <= HARMLESS


@pytest.mark.parametrize("metric", CATALOGUE.values(), ids=lambda metric: metric.name)
def test_each_metric_is_named_as_its_kind_is(metric: Declared) -> None:
    """Counters end in _total and nothing else does; each says what it means in a sentence."""
    assert metric.name.startswith((*BEGINNINGS, "auditor_", "invariant_violations"))
    assert (metric.kind == "counter") == metric.name.endswith("_total")
    assert re.fullmatch(r"[A-Z0-9].*\.", metric.help, re.DOTALL)
    assert metric.services
    assert set(metric.services) <= set(EVERYWHERE)
    assert set(metric.known) <= set(metric.labels)


@pytest.mark.parametrize("service", EVERYWHERE)
def test_a_service_shows_its_own_metrics_from_the_start(service: str) -> None:
    """What others count does not stand among them; what can begin at 0 is there at 0."""
    registry = CollectorRegistry()
    metrics.expose(service, registry)
    metrics.expose(service, registry)
    families = {family.name: family for family in parse(generate_latest(registry).decode())}
    own = {each.name: each for each in CATALOGUE.values() if service in each.services}
    assert set(families) == {name.removesuffix("_total") for name in own}
    for name, each in own.items():
        begins = not each.labels or set(each.known) == set(each.labels)
        assert bool(families[name.removesuffix("_total")].samples) >= begins, name


def test_values_that_are_known_are_those_of_the_code() -> None:
    """What begins at 0 is spelled as it is counted."""
    assert metrics.PLANS == PLAN_IDS
    assert tuple(Clock) == metrics.CLOCKS
    assert {each.__name__ for each in get_args(DeadlineEvent)} == set(metrics.OUTCOMES_OF_DEADLINES)
    assert get_args(mail_rules.Source) == metrics.WAYS_OF_MAIL


def test_the_version_is_the_projects() -> None:
    """What a dashboard shows as running is what was released."""
    assert f'\nversion = "{VERSION}"\n' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")


def test_the_page_is_as_the_catalogue_says() -> None:
    """Each metric stands on it once; a page that is not so is told."""
    page = metrics_docs.PAGE.read_text(encoding="utf-8")
    assert page == metrics_docs.render()
    assert all(page.count(f"\n| `{name}` |") == 1 for name in CATALOGUE)
    assert metrics_docs.main(["--check"]) == 0
