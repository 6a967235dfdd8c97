"""Every file that is written from Python here, by its path in `deploy/prometheus/`."""

from collections.abc import Mapping
from typing import Any

import yaml

from deploy.prometheus import budgets, parts, promises, stream, ways
from deploy.prometheus.cases import every_case, objectives
from deploy.prometheus.cases.case import as_test_file
from deploy.prometheus.pace import Pace
from deploy.prometheus.rules import Alert, Group, Links, Recording, as_file

HEAD = "# Written by `make observability` from deploy/prometheus/*.py: change those.\n"


def files(pace: Pace) -> dict[str, list[Group]]:
    """All groups, by the name of their file."""
    return {
        "objectives": budgets.groups(pace),
        "parts": parts.groups(pace),
        "stream": stream.groups(pace),
        "promises": promises.groups(pace),
        "ways": ways.groups(pace),
    }


def all_alerts(pace: Pace = Pace()) -> list[Alert]:  # noqa: B008 - it is frozen
    """Every alert, in the order of the files."""
    return [alert for groups in files(pace).values() for g in groups for alert in g.alerts]


def all_recordings(pace: Pace = Pace()) -> list[Recording]:  # noqa: B008 - it is frozen
    """Every recording, in the order of the files."""
    return [each for groups in files(pace).values() for g in groups for each in g.recordings]


def rule_files(pace: Pace, links: Links) -> dict[str, str]:
    """What Prometheus loads, by file name."""
    return {f"{name}.yml": written(as_file(groups, links)) for name, groups in files(pace).items()}


def test_files() -> dict[str, str]:
    """What `promtool test rules` runs, by file name."""
    cases = every_case()
    tests = {
        name: as_test_file(f"../rules/{name}.yml", cases[name], groups)
        for name, groups in files(Pace()).items()
    }
    tests["objectives-days"] = as_test_file(
        "../rules/objectives.yml", objectives.slow_cases(), files(Pace())["objectives"], every="1h"
    )
    return {f"{name}.yml": written(content) for name, content in tests.items()}


def contents() -> dict[str, str]:
    """Every file, by its path."""
    rules = rule_files(Pace(), Links())
    return {f"rules/{name}": text for name, text in rules.items()} | {
        f"tests/{name}": text for name, text in test_files().items()
    }


def written(content: Mapping[str, Any]) -> str:
    """As YAML, with expressions as they would be written by hand."""
    text: str = yaml.dump(dict(content), Dumper=_Dumper, sort_keys=False, width=100)
    return HEAD + text


class _Dumper(yaml.SafeDumper):
    """Lines of an expression as lines, lists with their indent, nothing by reference."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ANN401, ARG002 - as its base has it
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002 - as its base has it
        super().increase_indent(flow, indentless=False)


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)
