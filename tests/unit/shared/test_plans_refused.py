"""Catalogues that are wrong: each problem is named with its file, its line and what to mend."""

import contextlib
import tomllib
from pathlib import Path
from typing import get_args

import pytest

from shared.calendars import Weekday
from shared.plans import CatalogueError, load_catalogue, parse_catalogue

SHIPPED = (Path(__file__).parents[3] / "deploy" / "plans.toml").read_text(encoding="utf-8")
STARTER_TARGET = 'targets.default.first_response = "16h"'
STARTER_WARNING = "warnings.default = [0.8]"
STARTER_RISK = 'alerts.at_risk = ["support-desk@careline.example"]'


def edited(old: str, new: str) -> str:
    """The shipped catalogue with a text replaced where it first stands."""
    assert old in SHIPPED, f"nothing to change: {old!r}"
    return SHIPPED.replace(old, new, 1)


def line_of(text: str, part: str) -> int:
    """The line on which a text first stands."""
    return text[: text.index(part)].count("\n") + 1


def problems_of(text: str) -> tuple[str, ...]:
    """The problems of a catalogue that must be refused."""
    with pytest.raises(CatalogueError) as caught:
        parse_catalogue(text, "plans.toml")
    assert str(caught.value) == "\n".join(caught.value.problems)
    return caught.value.problems


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        # The line is the one on which `new` stands.
        ('tz = "UTC"', 'tz = "Mars/X"', "calendars.business.tz: 'Mars/X' is no time zone"),
        (
            'mon = [["09:00", "17:00"]]',
            'mon = [["09:00", "17:00"], ["16:00", "18:00"]]',
            "calendars.business.hours.mon: 09:00 to 17:00 and 16:00 to 18:00 overlap",
        ),
        ("fri =", "fir =", "calendars.business.hours.fir: unknown key; there are mon, tue"),
        (
            '# country = "US"',
            'country = "XX"',
            "calendars.business.country: no public holidays are known for 'XX'",
        ),
        (
            "[calendars.always.hours]",
            '[calendars.never]\ntz = "UTC"\nhours.mon = "closed"\n[calendars.always.hours]',
            "calendars.never: no weekday has hours, and exceptions alone run out",
        ),
        (
            STARTER_WARNING,
            "warnings.default = [1.0]",
            "plans.starter.warnings.default.0: 1.0 is no fraction of a target",
        ),
        (
            STARTER_WARNING,
            'warnings.first_response = ["16h"]',
            "plans.starter.warnings.first_response: 16 hours before first_response is due",
        ),
        (
            STARTER_WARNING,
            "warnings.first = [0.8]",
            "plans.starter.warnings.first: unknown key; there are default, first_response",
        ),
        (
            STARTER_TARGET,
            'targets.default.first_response = "2d"',
            "plans.starter.targets.default.first_response: '2d' is ambiguous in working time",
        ),
        (
            STARTER_TARGET,
            'targets.hgih.first_response = "16h"',
            "plans.starter.targets.hgih: unknown key; there are default, low, normal",
        ),
        (
            STARTER_TARGET,
            'targets.default.frist_response = "16h"',
            "plans.starter.targets.default.frist_response: unknown key",
        ),
        (
            f'calendar = "business"\n{STARTER_TARGET}',
            STARTER_TARGET,
            "plans.starter.targets: targets need a calendar to count in",
        ),
        (
            'calendar = "always"',
            'calendar = "nights"',
            "plans.centurion.calendar: there is no calendar 'nights'",
        ),
        (
            "alerts.breached",
            "alerts.broken",
            "plans.starter.alerts.broken: unknown key; there are at_risk, breached",
        ),
        (
            '["support-desk@careline.example"]',
            '["support desk"]',
            "plans.starter.alerts.at_risk.0: 'support desk' is no mail address",
        ),
        (
            STARTER_RISK,
            "alerts.at_risk = [7]",
            "plans.starter.alerts.at_risk.0: must be an address, or a table such as {",
        ),
        (
            STARTER_RISK,
            'alerts.at_risk = [{ tell = ["desk@"] }]',
            "plans.starter.alerts.at_risk.0.tell.0: 'desk@' is no mail address; write it like",
        ),
        (
            STARTER_RISK,
            'alerts.at_risk = [{ tell = ["the desk"] }]',
            "plans.starter.alerts.at_risk.0.tell.0: 'the desk' is no mail address (name@company",
        ),
        (
            STARTER_RISK,
            "alerts.at_risk = [{ tell = [] }]",
            "plans.starter.alerts.at_risk.0.tell: must not be empty",
        ),
        (
            STARTER_RISK,
            'alerts.at_risk = [{ after = "1h" }]',
            "plans.starter.alerts.at_risk.0.tell: is missing",
        ),
        (
            STARTER_RISK,
            'alerts.at_risk = [{ tell = ["desk"], atfer = "1h" }]',
            "plans.starter.alerts.at_risk.0.atfer: unknown key",
        ),
        (
            STARTER_RISK,
            'alerts.at_risk = [{ tell = ["desk"], after = "1d" }]',
            "plans.starter.alerts.at_risk.0.after: '1d' is ambiguous in working time",
        ),
        (
            STARTER_RISK,
            'alerts.at_risk = [{ tell = ["desk"], clocks = ["first"] }]',
            "plans.starter.alerts.at_risk.0.clocks.0: unknown 'first'; there are first_response",
        ),
        (
            STARTER_RISK,
            'alerts.at_risk = [{ tell = ["desk"], clocks = [] }]',
            "plans.starter.alerts.at_risk.0.clocks: must not be empty",
        ),
        (
            STARTER_RISK,
            'alerts.at_risk = [{ tell = ["desk"], queues = "billing" }]',
            "plans.starter.alerts.at_risk.0.queues: must be a list, in square brackets",
        ),
        (
            'reach = "Community and documentation"',
            'alerts.breached = [{ tell = ["desk"], after = "1h" }]\nreach = "Community"',
            "plans.self-service.alerts: steps that come after some time need a calendar",
        ),
        (
            'default_plan = "self-service"',
            'default_plan = "free"',
            "default_plan: there is no plan 'free'",
        ),
        (
            '[plans.basic]\nname = "Platform Care Basic"',
            "[plans.basic]",
            "plans.basic.name: is missing",
        ),
        (
            'name = "Platform Care Basic"',
            'name = " "',
            "plans.basic.name: must not be empty",
        ),
        (
            'name = "Platform Care Basic"',
            'name = """Platform\nCare"""',
            "plans.basic.name: must be one line",
        ),
        ('version = "2026-11"', "version = 2026-11-01", "version: must be text, in quotes"),
        ('version = "2026-11"', f'version = "{"x" * 101}"', "version: String should have at most"),
        (
            'mon = [["09:00", "17:00"]]',
            'mon = ["09:00", "17:00"]',
            "calendars.business.hours.mon: must be windows such as",
        ),
        (
            'mon = [["09:00", "17:00"]]',
            'mon = [["09:00", "12:00", "17:00"]]',
            "calendars.business.hours.mon: must be windows such as",
        ),
        (
            'mon = [["09:00", "17:00"]]',
            'mon = [["22:00", "06:00"]]',
            "calendars.business.hours.mon: 22:00 to 06:00 ends before it begins",
        ),
        (
            "# holidays = [2026-12-24, 2026-12-31]",
            "holidays = 2026-12-24",
            "calendars.business.holidays: must be a list, in square brackets",
        ),
        (
            "# holidays = [2026-12-24, 2026-12-31]",
            "holidays = [20261224]",
            "calendars.business.holidays.0: must be a date, such as 2026-12-24",
        ),
        (
            "# holidays = [2026-12-24, 2026-12-31]",
            'exceptions.2026-11-31 = "closed"',
            "calendars.business.exceptions.2026-11-31: must be a date",
        ),
        (
            '# subdivision = "NY"',
            'subdivision = "NY"',
            "calendars.business.subdivision: a subdivision needs its country",
        ),
        (
            "[plans.starter]",
            '[plans."my plan"]\nname = "Mine"\n[plans.starter]',
            "plans.my plan.id: an id has 1 to 100 letters",
        ),
        (
            STARTER_TARGET,
            'targets.default = "16h"',
            "plans.starter.targets.default: must be a table with keys of its own",
        ),
        (
            STARTER_TARGET,
            'targets.first_response = "16h"',
            "plans.starter.targets.first_response: unknown key; there are default, low",
        ),
    ],
)
def test_a_mistake_is_named_with_its_line(old: str, new: str, reason: str) -> None:
    """Each mistake is named with the file, the line on which it stands, and what to mend."""
    text = edited(old, new)
    (problem,) = (found for found in problems_of(text) if reason in found)
    assert problem.startswith(f"plans.toml:{line_of(text, new)}: {reason}")


def end_of_statement(lines: list[str], begins: int) -> int:
    """The line after a statement, which may go on for several."""
    for end in range(begins + 1, len(lines) + 1):
        with contextlib.suppress(tomllib.TOMLDecodeError):
            tomllib.loads("\n".join(lines[begins:end]))
            return end
    raise AssertionError(f"never ends: {lines[begins]}")


@pytest.mark.parametrize("junk", ["7", "{}", "true", "1979-05-27"])
def test_a_value_of_the_wrong_kind_is_found_on_every_line(junk: str) -> None:
    """Whichever value is replaced by nonsense, the problem is reported on its line."""
    lines = SHIPPED.split("\n")
    places = [n for n, line in enumerate(lines) if " = " in line and line[0] not in "#( "]
    assert len(places) > 40
    for place in places:
        key = lines[place].split(" = ")[0]
        kept = lines[: place + 1] + lines[end_of_statement(lines, place) :]
        kept[place] = f"{key} = {junk}"
        found = problems_of("\n".join(kept))
        assert any(problem.startswith(f"plans.toml:{place + 1}: ") for problem in found), found


def test_a_step_in_a_table_of_its_own_has_its_own_line() -> None:
    """Of several tables of one name, the one with the mistake is named."""
    tables = """\
[[plans.centurion.alerts.at_risk]]
tell = ["desk@careline.example"]
[[plans.centurion.alerts.at_risk]]
tell = ["desk@careline.example"]
after = "soon"
"""
    at = SHIPPED.rindex(STARTER_RISK)
    (problem,) = problems_of(SHIPPED[:at] + SHIPPED[at:].replace(STARTER_RISK, "", 1) + tables)
    line = line_of(SHIPPED + tables, "soon")
    assert problem.startswith(f"plans.toml:{line}: plans.centurion.alerts.at_risk.1.after: 'soon'")


def test_every_problem_is_listed_in_the_order_of_the_file() -> None:
    """One look is enough: all problems are there, not just the first."""
    text = edited('default_plan = "self-service"', 'default_plan = "free"')
    text = text.replace("[plans.basic", "[plans.bsaic").replace('"4h"', '"half a day"')
    text = text.replace('calendar = "always"', 'calendar = "nights"').replace('"24:00"', '"25:00"')
    found = problems_of(text)
    paths = [problem.split(": ")[1] for problem in found]
    assert paths == [
        "default_plan",
        *(f"calendars.always.hours.{day}.0.1" for day in get_args(Weekday)),
        "plans.basic",
        "plans.advanced.targets.default.first_response",
        "plans.centurion.calendar",
    ]
    numbers = [int(problem.split(":")[1]) for problem in found]
    assert numbers == sorted(numbers)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("[plans.basic]\n", "[plans.basic\n", "Expected ']'"),
        ("[plans.basic]", "[plans.starter]", "Cannot declare ('plans', 'starter') twice"),
        ('version = "2026-11"', "version = 2026-11", "Expected newline"),
    ],
)
def test_a_syntax_error_has_its_line(old: str, new: str, reason: str) -> None:
    """What is no TOML at all is refused with the line at which reading stopped."""
    text = edited(old, new)
    pairs = enumerate(zip(SHIPPED.split("\n"), text.split("\n"), strict=True), start=1)
    changed = next(number for number, (before, after) in pairs if before != after)
    (problem,) = problems_of(text)
    assert problem.startswith(f"plans.toml:{changed}: {reason}")


def test_a_file_that_breaks_off_is_refused_at_its_end() -> None:
    """A text that is never closed is reported where the file ends."""
    (problem,) = problems_of('version = """one\ntwo\n')
    assert problem.startswith("plans.toml:3: ")


@pytest.mark.parametrize("text", ["", "plans = 7\ncalendars = {}", "[[plans]]\n[plans.x]"])
def test_a_file_of_another_shape_is_refused(text: str) -> None:
    """An empty file, or one that is about something else, lacks what a catalogue has."""
    assert any("version: is missing" in problem for problem in problems_of(text))


def test_a_warning_fits_the_shortest_target() -> None:
    """A warning that is in time for most priorities but not for the urgent one is a mistake."""
    warning = 'warnings.default = ["3h"]'
    text = edited(STARTER_WARNING, f'targets.urgent.first_response = "2h"\n{warning}')
    (problem,) = problems_of(text)
    assert problem.startswith(f"plans.toml:{line_of(text, warning)}: plans.starter.warnings")
    assert "3 hours before first_response is due, but it may be due after 2 hours" in problem


def test_plans_stand_from_the_lowest_to_the_highest() -> None:
    """A later plan is an upgrade, so the known plans must not be sorted by their names."""
    text = SHIPPED.replace("[plans.advanced", "[plans.middle")
    text = text.replace("[plans.basic", "[plans.advanced").replace("[plans.middle", "[plans.basic")
    (problem,) = problems_of(text)
    line = line_of(text, "[plans.basic]")
    assert problem == (
        f"plans.toml:{line}: plans.basic: is lower than advanced; put plans from lowest to highest"
    )


def test_plans_are_tables() -> None:
    """A list of plans has no ids to look them up by; the message shows how to write them."""
    text = SHIPPED.replace("\n[plans.", "\n[[plans]]\n# [")
    (problem,) = problems_of(text)
    line = line_of(text, "[[plans]]")
    assert problem.startswith(f"plans.toml:{line}: plans: each plan is a table of its own")


def test_a_plan_has_the_id_of_its_table() -> None:
    """A second id for a plan would leave open which of them accounts mean."""
    text = edited('name = "Platform Care Basic"', 'name = "Basic"\nid = "silver"')
    assert any("leave the id out of basic" in problem for problem in problems_of(text))


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    """A missing file and one that isn't UTF-8 are refused like any other mistake."""
    latin = tmp_path / "latin.toml"
    latin.write_bytes('version = "é"'.encode("latin-1"))
    for path in (tmp_path / "missing.toml", latin):
        with pytest.raises(CatalogueError, match="can't be read") as caught:
            load_catalogue(path)
        assert caught.value.problems[0].startswith(f"{path}:1: ")


def test_a_byte_order_mark_does_no_harm(tmp_path: Path) -> None:
    """Editors that mark UTF-8 and end lines with CR LF can be used."""
    marked = tmp_path / "plans.toml"
    marked.write_bytes(SHIPPED.replace("\n", "\r\n").encode("utf-8-sig"))
    assert load_catalogue(marked) == parse_catalogue(SHIPPED, "plans.toml")
