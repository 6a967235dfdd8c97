"""What a customer may expect next: by clocks, status and plan."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from services.messaging.clocks import ClockState, ClockView
from services.messaging.pages import outlooks, tickets
from services.messaging.pages.outlooks import Expected, Facts, Outlook
from shared import moments, plans
from shared.events import TicketStatus
from shared.languages import Languages
from shared.plans import Clock, Priority

ENGLISH = Languages().of(None)
BERLIN = moments.zone_of("Europe/Berlin")
START = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)
LATER = START + timedelta(hours=4)
CLOCK = ClockView(
    clock=Clock.FIRST_RESPONSE,
    cycle=1,
    revision=1,
    state=ClockState.RUNNING,
    due_at=LATER,
    changed_at=START,
    plan="advanced",
    catalogue_version="2026-11",
    calendar="business",
    started_at=START,
    target_seconds=14400,
)
EVERYTHING = frozenset(Clock)
FACTS = Facts(TicketStatus.OPEN, "advanced", EVERYTHING, [], START - timedelta(hours=1))
CATALOGUE = plans.load_catalogue(Path(__file__).parents[3] / "deploy" / "plans.toml")


def expected(*clocks: ClockView, **facts: object) -> Outlook:
    """What comes next with these clocks."""
    return outlooks.look_ahead(replace(FACTS, clocks=clocks, **facts))  # type: ignore[arg-type]  # a test names its fields


@pytest.mark.parametrize(
    ("facts", "comes"),
    [
        ({"plan": None}, Expected.UNKNOWN),
        ({}, Expected.ANSWERED),
        ({"is_waiting": True}, Expected.RECEIVED),
        ({"promises": (), "answered_at": None, "is_waiting": True}, Expected.UNPROMISED),
        ({"promises": ()}, Expected.ANSWERED),
        ({"status": TicketStatus.PENDING}, Expected.WAITING),
        ({"status": TicketStatus.ON_HOLD}, Expected.ON_HOLD),
        ({"status": TicketStatus.RESOLVED, "plan": None}, Expected.SOLVED),
        ({"status": TicketStatus.CLOSED}, Expected.CLOSED),
        ({"status": TicketStatus.CLOSED, "is_final": False}, Expected.SOLVED),
        ({"status": TicketStatus.CLOSED, "is_merged": True}, Expected.MERGED),
    ],
)
def test_without_a_clock_the_status_says_it(facts: dict[str, object], comes: Expected) -> None:
    """Each state has its own words, short and long."""
    outlook = expected(**facts)
    assert (outlook.expected, outlook.clock) == (comes, None)
    assert outlooks.headline(outlook, BERLIN, ENGLISH)
    assert outlooks.sentence(outlook, BERLIN, ENGLISH).endswith(".")


@pytest.mark.parametrize(
    ("promises", "is_waiting", "words"),
    [
        (
            EVERYTHING,
            False,
            "You have our answer. Once you write again, the time for the next one runs.",
        ),
        (
            {Clock.FIRST_RESPONSE},
            False,
            "You have our answer. If anything is left open, write to us here.",
        ),
        (
            EVERYTHING,
            True,
            "We have your message. By when you get an answer stands here then.",
        ),
        (
            {Clock.FIRST_RESPONSE},
            True,
            "We have your message. Your plan promises no time for a further answer.",
        ),
    ],
)
def test_no_time_is_announced_that_the_plan_does_not_promise(
    promises: frozenset[Clock],
    is_waiting: bool,  # noqa: FBT001 - a case
    words: str,
) -> None:
    """After the first answer, and once the customer has written again."""
    outlook = expected(promises=promises, is_waiting=is_waiting)
    assert outlooks.sentence(outlook, BERLIN, ENGLISH) == words


def test_the_first_answer_is_announced_before_its_clock_is_heard_of() -> None:
    """The ticket has its slot by then: nobody is told that no time is promised."""
    outlook = expected(promises={Clock.FIRST_RESPONSE}, answered_at=None, is_waiting=True)
    words = "We have your message. By when you get an answer stands here then."
    assert outlooks.sentence(outlook, BERLIN, ENGLISH) == words


def test_an_answer_comes_before_what_is_due_earlier() -> None:
    """People wait for an answer; of two answers the earlier one counts."""
    update = replace(CLOCK, clock=Clock.UPDATE, due_at=LATER - timedelta(hours=2))
    other = replace(CLOCK, clock=Clock.NEXT_RESPONSE, due_at=LATER + timedelta(hours=1))
    outlook = expected(update, other, CLOCK, answered_at=None)
    assert outlook == Outlook(Expected.DUE, Clock.FIRST_RESPONSE, LATER)
    assert outlooks.headline(outlook, BERLIN, ENGLISH) == "Answer by Wed 25 Nov, 14:00 CET"


@pytest.mark.parametrize(
    ("clock", "words"),
    [
        (Clock.NEXT_RESPONSE, "You get an answer by Wed 25 Nov, 14:00 CET."),
        (Clock.UPDATE, "You hear from us by Wed 25 Nov, 14:00 CET."),
        (Clock.RESOLUTION, "We have a solution by Wed 25 Nov, 14:00 CET."),
    ],
)
def test_each_clock_says_what_it_promises(clock: Clock, words: str) -> None:
    """In the zone of who reads it."""
    outlook = expected(replace(CLOCK, clock=clock), answered_at=None)
    assert outlooks.sentence(outlook, BERLIN, ENGLISH) == words


def test_a_breach_counts_until_somebody_has_answered() -> None:
    """It stays on record for ever, but the customer waits no longer."""
    breached = replace(CLOCK, state=ClockState.BREACHED)
    assert expected(breached).expected is Expected.LATE
    assert expected(breached, answered_at=LATER + timedelta(hours=1)).expected is Expected.ANSWERED


def test_what_was_answered_just_now_is_owed_no_longer() -> None:
    """Before sla has said so; a clock that started after the answer runs on."""
    again = replace(CLOCK, clock=Clock.NEXT_RESPONSE, started_at=LATER)
    assert expected(CLOCK, answered_at=START + timedelta(minutes=1)).expected is Expected.ANSWERED
    assert expected(again, answered_at=START).expected is Expected.DUE


def test_a_clock_that_stands_still_promises_no_time() -> None:
    """The status says why it does."""
    paused = replace(CLOCK, clock=Clock.RESOLUTION, state=ClockState.PAUSED, due_at=None)
    assert expected(paused, status=TicketStatus.PENDING).expected is Expected.WAITING


def test_the_plan_of_a_ticket_is_its_accounts_now() -> None:
    """Unless nobody proved the account: then its clocks tell, as far as there are any."""
    newer = replace(CLOCK, plan="centurion", changed_at=LATER)
    found = [
        tickets.plan_of(None, "advanced", [CLOCK], is_verified=True),
        tickets.plan_of("basic", "advanced", [CLOCK], is_verified=True),
        tickets.plan_of("basic", None, [], is_verified=True),
        tickets.plan_of("basic", "advanced", [CLOCK, newer], is_verified=False),
        tickets.plan_of("basic", "advanced", [], is_verified=False),
    ]
    assert found == [None, "advanced", "basic", "centurion", "basic"]


def test_higher_plans_are_those_behind_ones_own() -> None:
    """In the order of the catalogue; none above the highest, none while it is not known."""
    above = {
        plan: [row.id for row in tickets.plans_above(CATALOGUE, plan, ENGLISH)]
        for plan in ("advanced", "centurion", None)
    }
    assert above == {"advanced": ["professional", "centurion"], "centurion": [], None: []}


def test_what_is_promised_depends_on_the_plan() -> None:
    """Of a plan that was taken out of the catalogue nobody knows it."""
    found = [
        tickets.promised(CATALOGUE, plan, Priority.NORMAL)
        for plan in ("self-service", "starter", "gone", None)
    ]
    assert found == [set(), {Clock.FIRST_RESPONSE}, set(), set()]
