"""The rules of Prometheus: what is in the files, and what promtool says of them."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from deploy.prometheus import __main__ as command
from deploy.prometheus import written
from deploy.prometheus.objectives import OBJECTIVES, Objective
from deploy.prometheus.pace import Pace, spell
from deploy.prometheus.rules import Links, Rule, Severity
from shared import metrics
from tests.support.rules import FOREIGN, TARGET, exported, grouped, named, promtool, run

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "deploy" / "prometheus"
ALERTS, RECORDINGS = written.all_alerts(), written.all_recordings()
_RULES: tuple[Rule, ...] = (*ALERTS, *RECORDINGS)
EXPRESSIONS = sorted({rule.expr for rule in _RULES})


def test_files_are_what_python_says() -> None:
    """Nobody changed a file by hand, or a rule without writing the files."""
    assert not command.differences(FOLDER, written.contents())


def test_a_file_that_is_stale_is_named(tmp_path: Path) -> None:
    """What was changed, is missing or does not belong there is told, and put right."""
    wanted = {"rules/a.yml": "a", "rules/b.yml": "b", "tests/c.yml": "c"}
    command.write(tmp_path, {"rules/a.yml": "a", "rules/b.yml": "old", "rules/stray.yml": "x"})
    stale = ["rules/b.yml", "rules/stray.yml", "tests/c.yml"]
    assert command.differences(tmp_path, wanted) == stale
    command.bring_up_to_date(tmp_path, wanted)
    assert not command.differences(tmp_path, wanted)


@promtool
def test_rules_hold_what_promtool_checks() -> None:
    """All lints of the rules pass, and the example of a configuration loads them."""
    done = run("promtool", "check", "rules", "--lint=all", "--lint-fatal", *rule_files(FOLDER))
    assert done.returncode == 0, done.stderr
    config = run("promtool", "check", "config", FOLDER / "prometheus.yml")
    assert config.returncode == 0, config.stderr


@promtool
@pytest.mark.parametrize("name", sorted(written.test_files()))
@pytest.mark.timeout(300)
def test_cases_hold(name: str) -> None:
    """Each alert fires where it should and rests where it should, each recording has its value."""
    done = run("promtool", "test", "rules", name, cwd=FOLDER / "tests")
    assert done.returncode == 0, done.stdout + done.stderr


@promtool
def test_an_exercise_has_the_same_rules_in_less_time(tmp_path: Path) -> None:
    """Of alerts only waits, windows and ages are shorter; a file that stood there stays."""
    (tmp_path / "prometheus.yml").write_text("mine")
    done = subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", "deploy.prometheus", "--fast", tmp_path], cwd=ROOT, check=False
    )
    assert done.returncode == 0
    fast = [path for path in rule_files(tmp_path) if path.name != "prometheus.yml"]
    assert run("promtool", "check", "rules", "--lint=all", *fast).returncode == 0
    assert (tmp_path / "prometheus.yml").read_text() == "mine"
    usual, shortened = written.all_alerts(), written.all_alerts(Pace(60))
    assert [rule.name for rule in shortened] == [rule.name for rule in usual]
    assert max(seconds(rule.hold) for rule in shortened) <= 120
    windows = [w for rule in shortened for w in re.findall(r"\[(\w+)\]", rule.expr)]
    assert min(map(seconds, windows)) >= 5
    assert max(map(seconds, windows)) <= 24 * 60


def test_links_lead_where_they_are_told_to(tmp_path: Path) -> None:
    """Whoever keeps runbooks and dashboards elsewhere says where."""
    command.main(["--out", str(tmp_path), "--runbooks", "https://here/r/", "--dashboards", "/x"])
    rules = yaml.safe_load((tmp_path / "stream.yml").read_text())
    alerts = [rule for group in rules["groups"] for rule in group["rules"] if "alert" in rule]
    assert alerts[0]["annotations"]["runbook_url"] == "https://here/r/stream.md#outboxstuck"
    assert alerts[0]["annotations"]["dashboard"] == "/x/careline-kafka"


@pytest.mark.parametrize("expr", EXPRESSIONS)
def test_every_series_and_label_is_in_the_catalogue(expr: str) -> None:
    """A rule that names what nobody exports would be silent for ever."""
    recorded = {rule.record for rule in RECORDINGS}
    known = exported()
    labels: set[str] = set()
    for each in named(expr):
        if each.name in recorded:
            labels |= labels_of(each.name)
            continue
        has = FOREIGN.get(each.name) or known.get(each.name)
        assert has is not None, f"{each.name} is in no catalogue"
        assert each.labels <= has, f"{each.name} has no {each.labels - has}"
        labels |= has
    assert grouped(expr) <= labels


def labels_of(record: str) -> set[str]:
    """What a recording's own expression leaves of labels, and what its rule adds."""
    rules = [rule for rule in RECORDINGS if rule.record == record]
    left: set[str] = set()
    for rule in rules:
        left |= grouped(rule.expr) | set(rule.labels)
    return left | {"objective"} if record.startswith("objective:") else left


@pytest.mark.parametrize("objective", OBJECTIVES, ids=lambda each: each.name)
def test_a_threshold_is_an_edge(objective: Objective) -> None:
    """What an objective counts lies between two edges of its histogram, and its edge is there."""
    declared = metrics.CATALOGUE[objective.histogram]
    within = objective.within
    assert declared.kind == "histogram"
    assert within is None or within in declared.buckets


def test_an_alert_says_all_that_somebody_needs() -> None:
    """Severity, what and where to look are there; templates name labels that its rule has."""
    for alert in ALERTS:
        said = Links().annotations(alert)
        assert set(said) == {"summary", "description", "runbook_url", "dashboard"}
        assert len(said["summary"]) < 90, alert.name
        assert alert.severity in Severity
        rules = "\n".join(
            [alert.expr, *(rule.expr for rule in RECORDINGS if rule.record in alert.expr)]
        )
        for label in re.findall(r"\$labels\.(\w+)", said["summary"] + said["description"]):
            assert re.search(rf"\b{label}\b", rules) or label in TARGET, (alert.name, label)


def test_names_of_recordings_have_level_metric_and_operation() -> None:
    """As Prometheus's own conventions want them."""
    assert all(re.fullmatch(r"[a-z_]+:[a-z_]+:[a-z0-9_]+", rule.record) for rule in RECORDINGS)


@pytest.mark.parametrize(
    ("seconds", "spelled"), [(0, "0s"), (90, "90s"), (900, "15m"), (7200, "2h"), (259200, "3d")]
)
def test_durations_are_spelled_as_prometheus_does(seconds: int, spelled: str) -> None:
    """In the largest unit that fits."""
    assert spell(seconds) == spelled


def seconds(text: str) -> int:
    """A duration of one unit."""
    return int(text[:-1]) * {"s": 1, "m": 60, "h": 3600, "d": 86400}[text[-1]]


def rule_files(folder: Path) -> list[Path]:
    """Those of a folder, or of its rules."""
    within = folder / "rules"
    return sorted((within if within.exists() else folder).glob("*.yml"))


def test_series_are_found_wherever_they_stand() -> None:
    """In functions, ranges, subqueries and on both sides; or the tests here look at nothing."""
    expr = (
        'sum by (job) (rate(a_total{x="1"}[5m])) / on (lane) group_left () (b > 3)'
        " unless max_over_time((-c)[1h:1m]) or absent(d)"
    )
    assert {each.name for each in named(expr)} == {"a_total", "b", "c", "d"}
    assert next(each.labels for each in named(expr) if each.name == "a_total") == {"x"}
    assert grouped(expr) == {"job", "lane"}


def test_dashboards_that_alerts_name_are_there() -> None:
    """By their uid, as links need it."""
    boards = (ROOT / "deploy" / "grafana" / "dashboards").glob("*.json")
    uids = {json.loads(path.read_text(encoding="utf-8"))["uid"] for path in boards}
    assert {alert.dashboard for alert in ALERTS} <= uids
