"""`docs/lifecycle.md` draws the states that the code and the databases have."""

import re
from enum import StrEnum
from pathlib import Path

import pytest

from services.notifier.deliveries import DeliveryState
from services.notifier.settings import NotifierSettings
from shared.deadlines import DeadlineState

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "lifecycle.md").read_text(encoding="utf-8")
SECTIONS = {text.partition("\n")[0].removeprefix("A "): text for text in PAGE.split("\n## ")[1:]}

each_machine = pytest.mark.parametrize(
    ("section", "states", "service"),
    [("deadline", DeadlineState, "sla"), ("delivery", DeliveryState, "notifier")],
)


def arrows(section: str) -> list[tuple[str, str]]:
    """The diagram's transitions, without the ones to the end."""
    found = re.findall(r"^ +(\S+) --> ([^\s:]+)", SECTIONS[section], re.MULTILINE)
    return [(before, after) for before, after in found if after != "[*]"]


@each_machine
def test_states_are_drawn_coded_and_constrained_alike(
    section: str, states: type[StrEnum], service: str
) -> None:
    """Diagram, StrEnum and CHECK constraint name the same states."""
    drawn = {state for arrow in arrows(section) for state in arrow} - {"[*]"}
    assert drawn == {state.value for state in states}
    migrations = sorted((ROOT / "services" / service / "migrations").glob("*.sql"))
    sql = "\n".join(path.read_text(encoding="utf-8") for path in migrations)
    constrained = re.findall(r"CHECK \(state IN \(([^)]*)\)\)", sql)[-1]
    assert set(re.findall(r"'(\w+)'", constrained)) == drawn


@each_machine
def test_the_table_explains_every_arrow(section: str, states: type[StrEnum], service: str) -> None:
    """The table below a diagram has its transitions, in its order, and says who has an end."""
    rows = re.findall(r"^\| (\S+) \| (\S+) \| [A-Z`]", SECTIONS[section], re.MULTILINE)
    assert rows == arrows(section)
    ends = set(re.findall(r"^ +(\w+) --> \[\*\]", SECTIONS[section], re.MULTILINE))
    assert ends == {state.value for state in states} - {before for before, _ in rows}
    assert f"It is kept by {service}." in SECTIONS[section]


def test_the_times_named_are_the_defaults() -> None:
    """30 s, 60 s and two days stand in notifier's settings."""
    fields = NotifierSettings.model_fields
    assert (fields["patience"].default, fields["hold"].default) == (30, 60)
    assert fields["give_up_after"].default == 2 * 24 * 3600
