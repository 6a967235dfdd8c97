"""Who is told that a promise slips, when, and by which way: pure decisions."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notifier import alerting
from services.notifier.deliveries import MAIL_LANE, DeliveryKind, DeliveryState, Ticket
from shared.calendars import Calendar, is_open, working_time_between
from shared.deadlines import DeadlineAtRisk, DeadlineBreached
from shared.notifications import NotificationChannel, NotificationFailed
from shared.plans import Clock, Priority
from tests.support import said
from tests.support.alert_steps import (
    BUSINESS,
    KNOWN,
    LEAD,
    ON_CALL,
    TICKET,
    alerts,
    naming,
    step,
)

HOUR, MINUTE, SECOND = timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1)
NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
CLOSING = datetime(2026, 11, 27, 16, 0, tzinfo=UTC)
"""A Friday, 17:00 in Berlin."""
OPENING = datetime(2026, 11, 30, 8, 0, tzinfo=UTC)
SLOT = said.slot(said.ticket_created(at=NOON))
BREACHED = said.breach(SLOT)
AT_RISK = said.at_risk(SLOT.scheduled)


def breached_at(due: datetime, clock: Clock = Clock.FIRST_RESPONSE) -> DeadlineBreached:
    """A breach of a promise that was due then."""
    facts = {"due": due, "clock": clock}
    return BREACHED.model_copy(update={"time": due, "data": BREACHED.data.model_copy(update=facts)})


def at_risk_at(warned: datetime) -> DeadlineAtRisk:
    """A warning of then."""
    data = AT_RISK.data.model_copy(update={"warned": warned, "due": warned + HOUR})
    return AT_RISK.model_copy(update={"time": warned, "data": data})


def test_each_is_told_once_by_the_earliest_step_that_names_them() -> None:
    """However their address is written; the same cause gives the same deliveries."""
    steps = (
        step(LEAD, after=2 * HOUR),
        step("chat", ON_CALL, after=HOUR),
        step(LEAD.lower(), "pager"),
        step(ON_CALL.upper(), after=30 * MINUTE),
    )
    planned = alerts(BREACHED, steps)
    assert [(d.address, d.step, d.not_before - BREACHED.time) for d in planned] == [
        (LEAD.lower(), 0, timedelta(0)),
        ("pager", 0, timedelta(0)),
        (ON_CALL.upper(), 1, 30 * MINUTE),
        ("chat", 2, HOUR),
    ]
    again = alerts(BREACHED, (step(ON_CALL), step(LEAD)))
    assert {d.id for d in again} == {planned[0].id, planned[2].id}


def test_a_later_step_is_one_though_nobody_is_told_at_once() -> None:
    """Step 0 is what goes at once: what waits can be stopped."""
    (only,) = alerts(BREACHED, (step(LEAD, after=HOUR),))
    assert (only.step, only.facts["step_after_seconds"]) == (1, 3600)


def test_a_warning_and_a_breach_tell_whom_each_names() -> None:
    """Both are steps of their own, counted from the warning or from the due time."""
    catalogue = naming(step(ON_CALL, after=HOUR), base=naming(step(LEAD), when="at_risk"))
    for slip, kind, address, at in (
        (AT_RISK, DeliveryKind.AT_RISK_ALERT, LEAD, AT_RISK.data.warned),
        (BREACHED, DeliveryKind.BREACH_ALERT, ON_CALL, BREACHED.data.due + HOUR),
    ):
        (outcome,) = alerting.alert(slip, catalogue, TICKET, now=slip.time, channel_of=KNOWN.get)
        planned = outcome.delivery
        assert (planned.kind, planned.address, planned.not_before) == (kind, address, at)
        assert (planned.clock, planned.cycle, planned.caused_by) == (
            slip.data.clock,
            1,
            slip.id,
        )


def test_a_step_may_be_for_some_clocks_or_queues() -> None:
    """Others are told nothing; who is told by queue waits until the ticket itself was heard of."""
    steps = (
        step("a@x.example", clocks=(Clock.UPDATE,)),
        step("b@x.example", queues=("billing",)),
        step("c@x.example", clocks=(Clock.FIRST_RESPONSE,), queues=("support", "sales")),
    )

    def told(clock: Clock, ticket: Ticket) -> str:
        planned = alerts(breached_at(NOON, clock), steps, ticket=ticket)
        return "".join(d.address[0] for d in planned)

    billing = replace(TICKET, queue="billing")
    assert told(Clock.FIRST_RESPONSE, TICKET) == "c"
    assert told(Clock.UPDATE, TICKET) == "a"
    assert told(Clock.UPDATE, billing) == "ab"
    assert told(Clock.RESOLUTION, TICKET) == ""
    assert told(Clock.FIRST_RESPONSE, Ticket()) == ""
    assert told(Clock.UPDATE, Ticket()) == "a"


def test_who_may_be_named_by_queue_first_is_not_told_by_a_later_step_before() -> None:
    """One alert by the earliest step that names them: which one that is, the queue says."""
    steps = (step(LEAD, queues=("billing",)), step(LEAD, after=HOUR))
    assert alerts(BREACHED, steps, ticket=Ticket()) == []
    told = [
        each.step
        for queue in ("billing", "support")
        for each in alerts(BREACHED, steps, ticket=replace(TICKET, queue=queue))
    ]
    assert told == [0, 1]


def test_a_destination_has_a_lane_of_its_own_and_mail_has_one() -> None:
    """Only what people read is held for storm control: a pager needs each incident."""
    planned = alerts(BREACHED, (step(LEAD, "chat", "pager", "hook"),))
    assert [(d.channel, d.lane, d.held) for d in planned] == [
        (NotificationChannel.EMAIL, MAIL_LANE, True),
        (NotificationChannel.SLACK, "chat", True),
        (NotificationChannel.PAGERDUTY, "pager", False),
        (NotificationChannel.WEBHOOK, "hook", False),
    ]


def test_a_destination_that_nobody_knows_fails_at_once() -> None:
    """Operators see the delivery, and it is said; also of a step that would come later."""
    outcomes = alerting.alert(
        BREACHED,
        naming(step("caht", after=HOUR)),
        TICKET,
        now=BREACHED.time,
        channel_of=KNOWN.get,
    )
    (outcome,) = outcomes
    assert (outcome.delivery.state, outcome.delivery.address) == (DeliveryState.FAILED, "caht")
    assert not outcome.delivery.held
    assert isinstance(outcome.event, NotificationFailed)
    assert outcome.event.data.reason == "unknown_destination"


@pytest.mark.parametrize("slip", [AT_RISK, BREACHED])
def test_a_plan_that_is_not_in_the_catalogue_alarms_everybody_at_once(
    slip: alerting.Slip,
) -> None:
    """Because sla has a newer one: whoever is named for this, by any plan and step, must hear."""
    data = slip.data.model_copy(update={"plan": "platinum"})
    steps = (step(LEAD), step(ON_CALL, LEAD.lower(), after=HOUR, queues=("billing",)))
    base = naming(*steps, when="at_risk")
    outcomes = alerting.alert(
        slip.model_copy(update={"data": data}),
        naming(*steps, base=base, calendar=BUSINESS),
        TICKET,
        now=CLOSING + HOUR,
        channel_of=KNOWN.get,
    )
    planned = [outcome.delivery for outcome in outcomes]
    assert {d.address.lower() for d in planned} == {LEAD.lower(), ON_CALL}
    assert len(planned) == 2
    assert {(d.step, d.not_before) for d in planned} == {(0, CLOSING + HOUR)}


def test_an_alert_carries_what_its_words_need() -> None:
    """Beside the ticket; nothing personal among it."""
    urgent = replace(TICKET, priority=Priority.URGENT)
    steps = (step(LEAD, after=90 * MINUTE),)
    (planned,) = alerts(BREACHED, steps, calendar=BUSINESS, ticket=urgent)
    assert planned.facts == {
        "plan": "centurion",
        "service_level": "White-Glove Service & Support",
        "queue": "support",
        "priority": "urgent",
        "zone": "Europe/Berlin",
        "due": BREACHED.data.due.isoformat(),
        "revision": 2,
        "overdue_seconds": 0.3,
        "step_after_seconds": 5400,
    }
    (warning,) = alerts(AT_RISK, ticket=Ticket())
    assert warning.facts["warned"] == AT_RISK.data.warned.isoformat()
    assert warning.facts["queue"] is None


@pytest.mark.parametrize(
    ("due", "heard", "goes"),
    [
        # A time that is used up at closing is due at closing.
        (CLOSING, CLOSING + SECOND, CLOSING + SECOND),
        (CLOSING, CLOSING + 14 * MINUTE, CLOSING + 14 * MINUTE),
        (CLOSING, CLOSING + 15 * MINUTE, OPENING),
        (CLOSING - HOUR, CLOSING + 9 * HOUR, OPENING),
        (CLOSING - HOUR, OPENING - SECOND, OPENING),
        (CLOSING - HOUR, OPENING, OPENING),
        (CLOSING - HOUR, OPENING + HOUR, OPENING + HOUR),
    ],
)
def test_nobody_is_told_in_quiet_hours(due: datetime, heard: datetime, goes: datetime) -> None:
    """What is heard then, after an outage, waits for the next opening."""
    (planned,) = alerts(breached_at(due), now=heard, calendar=BUSINESS)
    assert planned.not_before == goes


@pytest.mark.parametrize(
    ("due", "after", "goes"),
    [
        (CLOSING - HOUR, HOUR, CLOSING),
        (CLOSING - HOUR, HOUR + MINUTE, OPENING + MINUTE),
        (CLOSING, 30 * MINUTE, OPENING + 30 * MINUTE),
    ],
)
def test_later_steps_count_working_time(due: datetime, after: timedelta, goes: datetime) -> None:
    """An hour of it that begins shortly before closing ends after the next opening."""
    (planned,) = alerts(breached_at(due), (step(LEAD, after=after),), calendar=BUSINESS)
    assert planned.not_before == goes


def test_a_step_whose_time_is_over_when_it_is_heard_goes_at_once() -> None:
    """After an outage everybody is told together."""
    steps = (step(LEAD), step(ON_CALL, after=HOUR))
    planned = alerts(BREACHED, steps, now=BREACHED.time + 2 * HOUR)
    assert {d.not_before for d in planned} == {BREACHED.time + 2 * HOUR}
    assert [d.step for d in planned] == [0, 1]


def test_a_calendar_that_never_opens_again_keeps_nobody_quiet() -> None:
    """Somebody must hear of it all the same."""
    closed = {datetime(2026, 11, 23).date() + timedelta(days=n): () for n in range(8000)}  # noqa: DTZ001 - a date
    dead = BUSINESS.model_copy(update={"exceptions": closed})
    assert alerting.opening_for(dead, CLOSING) == CLOSING
    (planned,) = alerts(breached_at(NOON), (step(LEAD, after=HOUR),), calendar=dead)
    assert planned.not_before == NOON


instants = st.timedeltas(timedelta(0), timedelta(days=800)).map(lambda since: NOON + since)
windows = st.tuples(st.integers(0, 11), st.integers(12, 24)).map(
    lambda hours: ((f"{hours[0]:02}:00", f"{hours[1]:02}:00"),)
)
calendars = st.builds(
    lambda zone, hours: Calendar(tz=zone, hours=hours),
    st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu"]),
    st.dictionaries(
        st.sampled_from(["mon", "tue", "wed", "thu", "fri", "sat", "sun"]), windows, min_size=1
    ),
)
waits = st.timedeltas(timedelta(seconds=1), 40 * HOUR)


@given(calendars, instants, st.timedeltas(timedelta(0), timedelta(days=9)), st.lists(waits))
def test_no_alert_goes_in_closed_time_but_for_the_grace(
    calendar: Calendar, due: datetime, late: timedelta, afters: list[timedelta]
) -> None:
    """Steps keep their order, and none is earlier than it may be or later than the next opening."""
    steps = [step(LEAD), *(step(f"s{n}@x.example", after=after) for n, after in enumerate(afters))]
    now = due + late
    planned = alerts(breached_at(due), steps, now=now, calendar=calendar)
    assert len(planned) == len(steps)
    assert [d.not_before for d in planned] == sorted(d.not_before for d in planned)
    for delivery in planned:
        at, after = delivery.not_before, timedelta(seconds=delivery.facts["step_after_seconds"])
        assert at >= now
        assert is_open(calendar, at) or working_time_between(calendar, at - alerting.GRACE, at)
        assert working_time_between(calendar, due, at) >= after
        if at > now:
            # It waits for its working time, and for an opening, but for no more than these.
            worked = working_time_between(calendar, due, at)
            assert worked <= max(after, working_time_between(calendar, due, now)) + SECOND


@given(instants, st.timedeltas(timedelta(0), timedelta(days=9)), st.lists(waits, max_size=4))
def test_round_the_clock_nobody_waits(
    due: datetime, late: timedelta, afters: list[timedelta]
) -> None:
    """There working time is real time, and every hour is one of theirs."""
    steps = [step(f"s{n}@x.example", after=after) for n, after in enumerate(sorted(afters))]
    planned = alerts(breached_at(due), steps, now=due + late)
    assert [d.not_before for d in planned] == [
        max(due + after, due + late) for after in sorted(afters)
    ]


LATER = NOON + HOUR
STEPS = (step(LEAD), step(ON_CALL, after=HOUR))


@pytest.mark.parametrize(
    ("clock", "ticket", "told"),
    [
        (Clock.FIRST_RESPONSE, replace(TICKET, answered_at=LATER), [0]),
        (Clock.NEXT_RESPONSE, replace(TICKET, answered_at=LATER), [0]),
        (Clock.UPDATE, replace(TICKET, answered_at=LATER), [0]),
        # An answer solves nothing.
        (Clock.RESOLUTION, replace(TICKET, answered_at=LATER), [0, 1]),
        # It was the answer to something earlier.
        (Clock.NEXT_RESPONSE, replace(TICKET, answered_at=NOON), [0, 1]),
        (Clock.NEXT_RESPONSE, replace(TICKET, answered_at=NOON - HOUR), [0, 1]),
        (Clock.RESOLUTION, replace(TICKET, over_since=LATER), [0]),
        (Clock.FIRST_RESPONSE, replace(TICKET, over_since=NOON - HOUR), [0]),
    ],
)
def test_who_has_reacted_before_the_breach_is_heard_stops_later_steps(
    clock: Clock, ticket: Ticket, told: list[int]
) -> None:
    """They are not even planned; those at once are, since the promise was broken."""
    planned = alerts(breached_at(NOON, clock), STEPS, ticket=ticket)
    assert [d.step for d in planned] == told


def test_nobody_is_warned_of_what_is_over() -> None:
    """An answer alone leaves the first step: its clock says itself whether it has ended."""
    over = replace(TICKET, over_since=LATER)
    assert alerts(at_risk_at(NOON), STEPS, ticket=over) == []
    answered = replace(TICKET, answered_at=LATER)
    assert [d.step for d in alerts(at_risk_at(NOON), STEPS, ticket=answered)] == [0]


@pytest.mark.parametrize("clock", list(Clock))
@pytest.mark.parametrize("number", [0, 1])
@pytest.mark.parametrize("slip", ["at_risk", "breached"])
@pytest.mark.parametrize("after", [-SECOND, timedelta(0), SECOND])
@pytest.mark.parametrize("kind", ["answered", "over"])
def test_a_reaction_stops_the_same_in_either_order(
    clock: Clock, number: int, slip: str, after: timedelta, kind: str
) -> None:
    """What is planned already ends by it where it would not have been planned after it.

    But for a ticket that was over even before: that the promise slipped was said in error then.
    """
    event: alerting.Slip = breached_at(NOON, clock)
    if slip == "at_risk":
        event = at_risk_at(NOON)
        event = event.model_copy(update={"data": event.data.model_copy(update={"clock": clock})})
    planned = alerts(event, STEPS)[number]
    at = NOON + after
    answered, over = (at, None) if kind == "answered" else (None, at)
    ticket = replace(TICKET, answered_at=answered, over_since=over)
    unplanned = planned.id not in {d.id for d in alerts(event, STEPS, ticket=ticket)}
    stopped = alerting.is_dealt_with(planned, answered=answered, over=over)
    assert stopped == (unplanned and after > timedelta(0))
