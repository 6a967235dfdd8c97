"""The plan catalogue: the two that are shipped, and what may be written in one."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from textwrap import dedent

import pytest

from shared.calendars import due_at
from shared.plans import (
    PLAN_IDS,
    AlertStep,
    Catalogue,
    Clock,
    Priority,
    Targets,
    UnknownPlanError,
    load_catalogue,
    parse_catalogue,
    plan,
    rank,
    warn_after,
)

DEPLOY = Path(__file__).parents[3] / "deploy"
SHIPPED = (DEPLOY / "plans.toml").read_text(encoding="utf-8")
HOUR, MINUTE, SECOND = timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1)


def edited(*changes: tuple[str, str]) -> str:
    """The shipped catalogue with texts replaced where they first stand."""
    text = SHIPPED
    for old, new in changes:
        assert old in text, f"nothing to change: {old!r}"
        text = text.replace(old, new, 1)
    return text


@pytest.fixture(scope="module")
def shipped() -> Catalogue:
    """The default catalogue."""
    return load_catalogue(DEPLOY / "plans.toml")


def test_default_catalogue(shipped: Catalogue) -> None:
    """Six plans, in order, with the service levels and first responses that we state."""
    rows = [
        (each.id, each.name, each.service_level, each.targets[Priority.NORMAL].first_response)
        for each in shipped.plans
    ]
    assert rows == [
        ("self-service", "Self Service Plan", "Self Support", None),
        ("starter", "Platform Care Starter", "Bronze Service & Support", 16 * HOUR),
        ("basic", "Platform Care Basic", "Silver Service & Support", 8 * HOUR),
        ("advanced", "Platform Care Advanced", "Gold Service & Support", 4 * HOUR),
        ("professional", "Platform Care Professional", "Platinum Service & Support", HOUR),
        ("centurion", "Platform Care Centurion", "White-Glove Service & Support", 30 * MINUTE),
    ]
    assert shipped.version == "2026-11"
    assert shipped.default_plan == "self-service"


def test_default_catalogue_counts_in_business_hours(shipped: Catalogue) -> None:
    """A ticket of Friday evening is due on Monday, except for those who are served at all hours."""
    friday = datetime(2026, 11, 6, 18, 0, tzinfo=UTC)
    due = {}
    for each in shipped.plans:
        target = each.targets[Priority.URGENT].first_response
        if each.calendar and target:
            due[each.id] = due_at(shipped.calendars[each.calendar], friday, target)
    assert due == {
        "starter": datetime(2026, 11, 10, 17, 0, tzinfo=UTC),
        "basic": datetime(2026, 11, 9, 17, 0, tzinfo=UTC),
        "advanced": datetime(2026, 11, 9, 13, 0, tzinfo=UTC),
        "professional": datetime(2026, 11, 9, 10, 0, tzinfo=UTC),
        "centurion": datetime(2026, 11, 6, 18, 30, tzinfo=UTC),
    }


def test_self_service_promises_no_time(shipped: Catalogue) -> None:
    """The self-service plan has neither calendar nor target, at any priority."""
    free = plan(shipped, "self-service")
    assert free.calendar is None
    assert set(free.targets.values()) == {Targets()}
    assert list(free.targets) == list(Priority)
    assert free.warnings == dict.fromkeys(Clock, ())


def test_every_promise_is_watched(shipped: Catalogue) -> None:
    """Whoever promises a time warns before it and tells somebody at both steps."""
    for each in shipped.plans[1:]:
        assert each.warnings[Clock.FIRST_RESPONSE] == (0.8,)
        for steps in (each.alerts["at_risk"], each.alerts["breached"]):
            assert steps[0].after is None
            told = [recipient for step in steps for recipient in step.tell]
            assert all(recipient.endswith("@careline.example") for recipient in told)


def test_default_catalogue_escalates_a_breach(shipped: Catalogue) -> None:
    """The desk is warned, a lead hears of a breach at once, and on-call if nobody reacts."""
    minutes = {}
    for each in shipped.plans[1:]:
        (risk,), (lead, on_call) = each.alerts["at_risk"], each.alerts["breached"]
        assert (risk.tell, lead.tell, on_call.tell) == (
            ("support-desk@careline.example",),
            ("support-leads@careline.example",),
            ("on-call@careline.example",),
        )
        minutes[each.id] = on_call.after and on_call.after / MINUTE
    assert minutes == {
        "starter": 60,
        "basic": 60,
        "advanced": 60,
        "professional": 30,
        "centurion": 10,
    }


def test_a_step_is_for_all_or_for_those_it_names() -> None:
    """An entry by itself is the short form; clocks and queues that are left out are all."""
    long = '{ tell = ["chat", "pager"], after = "90m", clocks = ["update"], queues = ["billing"] }'
    steps = f'alerts.at_risk = ["desk@careline.example", {long}, {{ tell = ["everywhere"] }}]'
    text = edited(('alerts.at_risk = ["support-desk@careline.example"]', steps))
    short, some, rest = plan(parse_catalogue(text, "plans.toml"), "starter").alerts["at_risk"]
    assert short == AlertStep(tell=("desk@careline.example",))
    assert (short.after, short.clocks, short.queues) == (None, tuple(Clock), None)
    assert (some.tell, some.after) == (("chat", "pager"), 90 * MINUTE)
    assert (some.clocks, some.queues) == ((Clock.UPDATE,), ("billing",))
    assert rest == AlertStep(tell=("everywhere",))


def test_the_example_of_a_step_is_one() -> None:
    """What the comments show as a table of alerts can be written so."""
    (line,) = (line for line in SHIPPED.split("\n") if line.startswith("#               { tell"))
    text = edited(
        ('["support-desk@careline.example"]', f"[{line.removeprefix('#').strip()}]"),
    )
    (step,) = plan(parse_catalogue(text, "plans.toml"), "starter").alerts["at_risk"]
    assert (step.tell, step.after, step.queues) == (("on-call",), HOUR, ("billing",))


def test_demo_catalogue_differs_in_time_alone(shipped: Catalogue) -> None:
    """The demonstration shows the same plans with the same texts, in seconds round the clock."""
    demo = load_catalogue(DEPLOY / "plans-demo.toml")
    seconds = {each.id: each.targets[Priority.LOW].first_response for each in demo.plans[1:]}
    assert seconds == {
        "starter": 12 * SECOND,
        "basic": 10 * SECOND,
        "advanced": 8 * SECOND,
        "professional": 6 * SECOND,
        "centurion": 4 * SECOND,
    }
    changed = {"calendar", "targets", "warnings", "alerts"}
    for ours, theirs in zip(demo.plans, shipped.plans, strict=True):
        assert ours.model_dump(exclude=changed) == theirs.model_dump(exclude=changed)
        # Nobody waits for escalations in a demonstration.
        at_once = {kind: steps[:1] for kind, steps in theirs.alerts.items()}
        assert dict(ours.alerts) == at_once
    assert {each.calendar for each in demo.plans} == {None, "always"}
    assert {each.warnings[Clock.UPDATE] for each in demo.plans[1:]} == {(0.5,)}
    assert demo.version == "demo-1"


def test_plans_are_looked_up_by_id(shipped: Catalogue) -> None:
    """An id that no plan has is an error that names those there are."""
    assert [plan(shipped, plan_id).id for plan_id in PLAN_IDS] == [p.id for p in shipped.plans]
    with pytest.raises(UnknownPlanError, match="no plan 'gold'; 2026-11 has self-service, starter"):
        plan(shipped, "gold")


def test_a_later_plan_is_an_upgrade(shipped: Catalogue) -> None:
    """Plans rank as they stand in the file; one that is unknown ranks as the default plan."""
    assert [rank(shipped, plan_id) for plan_id in PLAN_IDS] == [0, 1, 2, 3, 4, 5]
    assert rank(shipped, "gold") == 0
    generous = shipped.model_copy(update={"default_plan": "basic"})
    assert rank(generous, "gold") == rank(shipped, "basic") == 2


def test_a_copy_looks_its_own_plans_up(shipped: Catalogue) -> None:
    """Looking plans up leaves no trace: neither in comparisons nor in copies with other plans."""
    assert plan(shipped, "centurion") is shipped.plans[5]
    assert shipped == load_catalogue(DEPLOY / "plans.toml")
    shorter = shipped.model_copy(update={"plans": shipped.plans[:2]})
    assert (rank(shorter, "starter"), rank(shorter, "centurion")) == (1, 0)
    with pytest.raises(UnknownPlanError):
        plan(shorter, "centurion")


def test_a_priority_changes_what_it_names_and_keeps_the_rest() -> None:
    """Overriding one clock for one priority leaves its other clocks at the default."""
    both = 'targets.default = { first_response = "16h", resolution = "80h" }'
    urgent = 'targets.urgent.first_response = "1h30m"'
    text = edited(('targets.default.first_response = "16h"', f"{both}\n{urgent}"))
    targets = plan(parse_catalogue(text, "plans.toml"), "starter").targets
    assert targets[Priority.URGENT] == Targets(first_response=90 * MINUTE, resolution=80 * HOUR)
    assert targets[Priority.LOW] == Targets(first_response=16 * HOUR, resolution=80 * HOUR)
    assert [targets[Priority.LOW].of(clock) for clock in Clock] == [
        16 * HOUR,
        None,
        None,
        80 * HOUR,
    ]


def test_a_clock_has_warnings_of_its_own_or_the_default() -> None:
    """Warning points are fractions or working time before due, by clock."""
    text = edited(
        ("warnings.default = [0.8]", 'warnings = { default = [0.5], first_response = ["2h", 0.9] }')
    )
    warnings = plan(parse_catalogue(text, "plans.toml"), "starter").warnings
    assert warnings[Clock.FIRST_RESPONSE] == (2 * HOUR, 0.9)
    assert warnings[Clock.RESOLUTION] == (0.5,)
    assert [warn_after(16 * HOUR, point) for point in (2 * HOUR, 0.75)] == [14 * HOUR, 12 * HOUR]


def test_a_calendar_takes_all_that_the_comments_offer() -> None:
    """The examples in the comments of the shipped file work once they are uncommented."""
    examples = (
        "country = ",
        "subdivision = ",
        "holidays = ",
        "[calendars.business.e",
        "2026-11-27",
        "2026-12-28",
    )
    text = edited(*((f"# {example}", example) for example in examples))
    business = parse_catalogue(text, "plans.toml").calendars["business"]
    assert (business.country, business.subdivision) == ("US", "NY")
    assert business.holidays == {date(2026, 12, 24), date(2026, 12, 31)}
    assert business.exceptions == {
        date(2026, 11, 27): (("09:00", "13:00"),),
        date(2026, 12, 28): (),
    }


def test_a_plan_takes_all_that_the_comments_offer() -> None:
    """More clocks, priorities and warnings work once their examples are uncommented."""
    examples = [
        *(f"targets.default.{clock} = " for clock in ("next_response", "update", "resolution")),
        "targets.urgent = ",
        "targets.low.first_response = ",
        "warnings.resolution = ",
    ]
    text = edited(*((f"# {example}", example) for example in examples))
    best = plan(parse_catalogue(text, "plans.toml"), "professional")
    common = {"update": 8 * HOUR, "resolution": 40 * HOUR}
    assert best.targets == {
        Priority.LOW: Targets(first_response=4 * HOUR, next_response=2 * HOUR, **common),
        Priority.NORMAL: Targets(first_response=HOUR, next_response=2 * HOUR, **common),
        Priority.HIGH: Targets(first_response=HOUR, next_response=2 * HOUR, **common),
        Priority.URGENT: Targets(
            first_response=30 * MINUTE,
            next_response=HOUR,
            update=8 * HOUR,
            resolution=16 * HOUR,
        ),
    }
    assert best.warnings[Clock.RESOLUTION] == (0.5, 4 * HOUR)
    assert best.warnings[Clock.UPDATE] == (0.8,)


def test_there_may_be_more_plans() -> None:
    """An organisation can add a plan of its own; it is shown where it stands."""
    text = SHIPPED + dedent("""
        [plans.pilot]
        name = "Pilot"
        service_level = "Trial"
        support = "In business hours"
        reach = "By mail"
        """)
    assert [each.id for each in parse_catalogue(text, "plans.toml").plans] == [*PLAN_IDS, "pilot"]
