"""Runbooks: each alert has a section, and what stands in it can be done."""

import re
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from deploy.prometheus import written
from deploy.prometheus.rules import Links
from tests.support.rules import FOREIGN, TARGET, exported, grouped, named

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "docs" / "runbooks" / "alerts"
ALERTS = {alert.name: alert for alert in written.all_alerts()}
RECORDED = {rule.record for rule in written.all_recordings()}
OF_PROMETHEUS = {
    **FOREIGN,
    "ALERTS": {"alertname", "alertstate"},
    "scrape_samples_scraped": TARGET,
}
PARTS = ("Meaning", "Impact", "Mitigation", "Escalation")


@dataclass(frozen=True)
class Section:
    """What stands under an alert's name."""

    page: str
    name: str
    text: str

    @property
    def queries(self) -> list[str]:
        """One each line."""
        return [
            line
            for block in re.findall(r"```promql\n(.*?)```", self.text, re.DOTALL)
            for line in block.splitlines()
        ]


def sections() -> list[Section]:
    """Those of all pages."""
    return [
        Section(page.stem, name, text)
        for page in sorted(FOLDER.glob("*.md"))
        if page.stem != "README"
        for name, text in re.findall(
            r"^## (\w+)\n(.*?)(?=^## |\Z)",
            page.read_text(encoding="utf-8"),
            re.DOTALL | re.MULTILINE,
        )
    ]


SECTIONS = sections()


def test_each_alert_has_a_runbook_and_each_runbook_an_alert() -> None:
    """Where its link leads."""
    assert [each.name for each in SECTIONS] == list(dict.fromkeys(each.name for each in SECTIONS))
    assert {(each.page, each.name) for each in SECTIONS} == {
        (alert.runbook, alert.name) for alert in ALERTS.values()
    }


def test_links_of_alerts_lead_to_their_section() -> None:
    """As the files for Prometheus have them."""
    anchors = {f"{each.page}.md#{each.name.lower()}" for each in SECTIONS}
    for alert in ALERTS.values():
        folder, _, place = Links().annotations(alert)["runbook_url"].rpartition("/")
        assert (ROOT / folder).is_dir()
        assert place in anchors


@pytest.mark.parametrize("section", SECTIONS, ids=lambda each: each.name)
def test_a_runbook_has_all_its_parts(section: Section) -> None:
    """Meaning, impact, three queries, mitigation, escalation, in this order."""
    found = re.findall(r"^\*\*(\w+)\.\*\*", section.text, re.MULTILINE)
    assert tuple(found) == PARTS
    assert len(section.queries) == 3
    assert section.text.index("```promql") < section.text.index("**Mitigation.**")


@pytest.mark.parametrize("section", SECTIONS, ids=lambda each: each.name)
def test_queries_name_what_there_is(section: Section) -> None:
    """Metrics and labels of the catalogue, recordings, or Prometheus' own."""
    known = exported()
    for query in section.queries:
        labels: set[str] = set()
        for each in named(query):
            has = known.get(each.name) or OF_PROMETHEUS.get(each.name)
            assert has is not None or each.name in RECORDED, f"{each.name} is in no catalogue"
            assert has is None or each.labels <= has, f"{each.name} has no {each.labels - has}"
            labels |= has or {"objective", "job", "topic", "lane", "kind"}
        assert grouped(query) <= labels, query


def test_links_between_pages_lead_somewhere() -> None:
    """Files are there, and so are sections."""
    names = {each.name.lower() for each in SECTIONS}
    for page in FOLDER.glob("*.md"):
        text = page.read_text(encoding="utf-8")
        for target, anchor in re.findall(r"\]\(([^)#]*)(?:#([^)]*))?\)", text):
            assert not target or (FOLDER / target).exists(), f"{page.name}: {target}"
            assert not anchor or anchor in names, f"{page.name}: #{anchor}"


def test_commands_are_those_of_the_makefile() -> None:
    """Nobody on call types a command that is not there."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named_ones = {
        found
        for page in FOLDER.glob("*.md")
        for found in re.findall(r"`make ([a-z-]+)", page.read_text(encoding="utf-8"))
    }
    assert {"topics", "dead"} <= named_ones <= targets


def test_files_of_rules_carry_these_links() -> None:
    """What Prometheus loads leads to a runbook from each alert."""
    files = (ROOT / "deploy" / "prometheus" / "rules").glob("*.yml")
    groups = [group for path in files for group in yaml.safe_load(path.read_text())["groups"]]
    rules = [rule for group in groups for rule in group["rules"] if "alert" in rule]
    assert {rule["alert"] for rule in rules} == set(ALERTS)
    assert all(rule["annotations"]["runbook_url"] for rule in rules)
