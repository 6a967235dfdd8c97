"""Alerts that nobody needs any more, over real rows: warnings that are late, and later steps."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from services.notifier import customers, planning, store
from services.notifier.alerting import Overtaking
from services.notifier.deliveries import Refused
from shared.database import Database
from shared.events import Event, TicketStatus, TicketStatusChanged
from shared.identity import Caller, Role
from shared.messages import MessagePosted, Visibility
from shared.notifications import NotificationSuppressed
from shared.plans import Clock
from tests.support import said
from tests.support.alert_rows import (
    ONE_BY_ONE,
    claim,
    conclude,
    plan,
    plan_alone,
    rows,
    said_so_far,
    send,
    thicken,
)
from tests.support.alert_steps import LEAD, ON_CALL, naming, step
from tests.support.locks import somebody_waits
from tests.support.waiting import until

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
CREATED = said.ticket_created(at=NOON)
SLOT = said.slot(CREATED)
TICKET = UUID(CREATED.subject)
AT_RISK = said.at_risk(SLOT.scheduled)
BREACHED = said.breach(SLOT, revision=3)
AFTER = BREACHED.time + SECOND
WARNED = naming(step(ON_CALL, after=HOUR), base=naming(step(LEAD), when="at_risk"))
STEPS = (step(LEAD), step(ON_CALL, after=HOUR))
CUSTOMER = Caller("c-customer", None, "A Customer", frozenset({Role.CUSTOMER}))


async def overtake(database: Database, *ended: Overtaking) -> None:
    """One batch."""
    async with database.transaction() as connection:
        await planning.overtake(connection, ended, now=AFTER)


async def react(database: Database, *events: Event, at: datetime = AFTER) -> None:
    """One batch, in the order in which a handler does it: facts first."""
    answered = [event for event in events if isinstance(event, MessagePosted)]
    changed = [event for event in events if isinstance(event, TicketStatusChanged)]
    async with database.transaction() as connection:
        await store.lock_tickets(connection, [TICKET])
        await store.record_answers(connection, [e for e in answered if customers.is_answer(e)])
        await store.record_statuses(connection, changed)
        await planning.react(connection, answered=answered, over=changed, now=at)


async def states(database: Database) -> dict[str, str]:
    """What became of each recipient's alert, and why."""
    return {row["address"]: row["reason"] or row["state"] for row in await rows(database, "%alert")}


def ends() -> Sequence[Overtaking]:
    """Whatever a warning is too late for."""
    return (
        said.met(SLOT.scheduled, revision=3),
        said.cancelled(SLOT.scheduled, AFTER, revision=3),
        said.paused(SLOT.scheduled, CREATED.time, revision=3),
        BREACHED,
    )


@pytest.mark.parametrize("ended", ends(), ids=lambda event: type(event).__name__)
async def test_a_warning_whose_clock_has_ended_goes_out_to_nobody(
    database: Database, ended: Overtaking
) -> None:
    """Heard after the warning, before it, or again: it is suppressed once, and that is said."""
    await plan_alone(database, [AT_RISK], AT_RISK.time, catalogue=WARNED)
    await overtake(database, ended)
    assert await states(database) == {LEAD: "overtaken"}
    (event,) = await said_so_far(database)
    assert isinstance(event, NotificationSuppressed)
    assert (event.data.kind, event.data.reason) == ("at_risk_alert", "overtaken")
    assert event.causationid == ended.id
    before = await rows(database)
    await plan_alone(database, [AT_RISK], AFTER, catalogue=WARNED)
    await overtake(database, ended)
    assert (await rows(database), len(await said_so_far(database))) == (before, 1)
    assert await claim(database, AFTER) == []


@pytest.mark.parametrize("ended", ends(), ids=lambda event: type(event).__name__)
async def test_a_warning_that_is_heard_too_late_goes_out_to_nobody(
    database: Database, ended: Overtaking
) -> None:
    """Records that were put aside and come later: what has ended is remembered."""
    await overtake(database, ended)
    await plan_alone(database, [AT_RISK], AFTER, catalogue=WARNED)
    assert await states(database) == {LEAD: "overtaken"}
    assert [type(event) for event in await said_so_far(database)] == [NotificationSuppressed]


async def test_a_warning_after_a_pause_is_a_warning(database: Database) -> None:
    """In one batch with the pause before it: what was said later counts."""
    paused = said.paused(SLOT.scheduled, CREATED.time)
    again = said.at_risk(said.resumed(paused, CREATED.time), revision=4)
    async with database.transaction() as connection:
        await plan(connection, [again], again.time, catalogue=WARNED)
        await planning.overtake(connection, [paused], now=AFTER)
    assert await states(database) == {LEAD: "planned"}


async def test_an_alert_of_a_breach_is_not_overtaken(database: Database) -> None:
    """A clock that is met after its breach was broken all the same."""
    await plan_alone(database, [BREACHED], AFTER, *STEPS)
    await overtake(database, said.met(SLOT.scheduled, revision=4))
    assert await states(database) == {LEAD: "planned", ON_CALL: "planned"}


async def test_breach_and_warning_heard_together_are_one_alert(database: Database) -> None:
    """After an outage both lie in the backlog: the breach says it all."""
    steps = naming(step(LEAD), base=WARNED)
    await plan_alone(database, [AT_RISK, BREACHED], AFTER, catalogue=steps)
    kinds = {row["kind"]: row["state"] for row in await rows(database)}
    assert kinds == {"at_risk_alert": "suppressed", "breach_alert": "planned"}
    (sent,) = await send(database, AFTER)
    assert sent.kind == "breach_alert"


async def test_a_warning_leaves_a_digest_that_was_not_tried(database: Database) -> None:
    """A digest of which nothing is left is not sent, and nothing is said of it."""
    other = said.at_risk(said.slot(said.ticket_created("another", at=NOON)).scheduled)
    await plan_alone(database, [AT_RISK, other], AFTER, catalogue=WARNED, rules=ONE_BY_ONE)
    await overtake(database, said.met(SLOT.scheduled, revision=3))
    (digest,) = await rows(database, "digest")
    assert digest["state"] == "planned"
    met = said.met(said.slot(said.ticket_created("another", at=NOON)).scheduled, revision=3)
    await overtake(database, met)
    (digest,) = await rows(database, "digest")
    assert (digest["state"], digest["reason"]) == ("suppressed", "overtaken")
    alerts = await rows(database, "at_risk_alert")
    assert {(row["digest"], row["state"]) for row in alerts} == {(None, "suppressed")}
    assert len(await said_so_far(database)) == 2
    # The next one opens another digest.
    third = said.at_risk(said.slot(said.ticket_created("third", at=NOON)).scheduled)
    await plan_alone(database, [third], AFTER, catalogue=WARNED, rules=ONE_BY_ONE)
    digests = {row["state"]: row["id"] for row in await rows(database, "digest")}
    assert digests.keys() == {"suppressed", "planned"}
    (waiting,) = (row for row in await rows(database, "at_risk_alert") if row["digest"])
    assert waiting["digest"] == digests["planned"]


REACTIONS: Sequence[Callable[[datetime], Event]] = (
    lambda at: said.message_posted(CREATED, at=at),
    lambda at: said.status_changed(CREATED, TicketStatus.RESOLVED, at=at),
    lambda at: said.status_changed(CREATED, TicketStatus.CLOSED, at=at),
)
NO_REACTIONS: Sequence[Callable[[datetime], Event]] = (
    lambda at: said.message_posted(CREATED, visibility=Visibility.NOTE, at=at),
    lambda at: said.message_posted(CREATED, caller=CUSTOMER, at=at),
    lambda at: said.status_changed(CREATED, TicketStatus.PENDING, at=at),
    # Before the breach: it was about something else.
    lambda _: said.message_posted(CREATED, at=BREACHED.data.due - SECOND),
)


@pytest.mark.parametrize("reaction", REACTIONS)
async def test_whoever_is_to_be_told_later_is_not_once_somebody_has_reacted(
    database: Database, reaction: Callable[[datetime], Event]
) -> None:
    """The lead was told at once; on-call is left alone, which is said."""
    event = reaction(AFTER)
    await plan_alone(database, [BREACHED], BREACHED.time, *STEPS)
    await react(database, event)
    assert await states(database) == {LEAD: "planned", ON_CALL: "dealt_with"}
    (suppressed,) = await said_so_far(database)
    assert isinstance(suppressed, NotificationSuppressed)
    assert (suppressed.data.reason, suppressed.causationid) == ("dealt_with", event.id)
    before = await rows(database)
    await react(database, event)
    await plan_alone(database, [BREACHED], AFTER, *STEPS)
    assert (await rows(database), len(await said_so_far(database))) == (before, 1)


@pytest.mark.parametrize("reaction", REACTIONS)
async def test_a_reaction_may_be_heard_before_the_breach(
    database: Database, reaction: Callable[[datetime], Event]
) -> None:
    """Messages and deadlines come by topics without an order: later steps are not even planned."""
    await react(database, reaction(AFTER))
    await plan_alone(database, [BREACHED], AFTER + MINUTE, *STEPS)
    assert await states(database) == {LEAD: "planned"}


@pytest.mark.parametrize("reaction", NO_REACTIONS)
@pytest.mark.parametrize("breach_first", [True, False])
async def test_what_is_no_reaction_stops_nothing(
    database: Database, reaction: Callable[[datetime], Event], *, breach_first: bool
) -> None:
    """A note, the customer's own words, a ticket that waits, an answer from before the breach."""
    if breach_first:
        await plan_alone(database, [BREACHED], BREACHED.time, *STEPS)
    await react(database, reaction(AFTER))
    await plan_alone(database, [BREACHED], AFTER, *STEPS)
    assert await states(database) == {LEAD: "planned", ON_CALL: "planned"}


async def test_an_answer_solves_nothing(database: Database) -> None:
    """The resolution clock's steps go on until the ticket is resolved; its warnings too."""
    solution = {"clock": Clock.RESOLUTION}
    breached = BREACHED.model_copy(update={"data": BREACHED.data.model_copy(update=solution)})
    risk = AT_RISK.model_copy(
        update={"data": AT_RISK.data.model_copy(update={"clock": Clock.UPDATE})}
    )
    catalogue = naming(*STEPS, base=naming(step("desk@x.example"), when="at_risk"))
    await plan_alone(database, [breached, risk], AFTER, catalogue=catalogue)
    await react(database, said.message_posted(CREATED, at=AFTER))
    assert await states(database) == {
        "desk@x.example": "planned",
        LEAD: "planned",
        ON_CALL: "planned",
    }
    await react(database, said.status_changed(CREATED, TicketStatus.RESOLVED, at=AFTER + SECOND))
    assert await states(database) == {
        "desk@x.example": "dealt_with",
        LEAD: "planned",
        ON_CALL: "dealt_with",
    }


async def test_a_step_that_is_refused_for_now_is_not_tried_again_after_a_reaction(
    database: Database,
) -> None:
    """One that is being sent ends with that try."""
    await plan_alone(database, [BREACHED], BREACHED.time, *STEPS)
    late = AFTER + 2 * HOUR
    await thicken(database, late)
    taken = await claim(database, late)
    assert {each.address for each in taken} == {LEAD, ON_CALL}
    await react(database, said.message_posted(CREATED, at=AFTER), at=late)
    refused = Refused(451, "later", for_good=False)
    await conclude(database, taken, late, refused)
    assert await states(database) == {LEAD: "planned", ON_CALL: "dealt_with"}


async def test_a_breach_that_is_heard_while_somebody_reacts_waits_for_that(
    database: Database,
) -> None:
    """Neither transaction sees the other's rows, so one has to wait: the ticket's row decides."""
    answer = said.message_posted(CREATED, at=AFTER)
    async with database.transaction() as reacting:
        await store.lock_tickets(reacting, [TICKET])
        await store.record_answers(reacting, [answer])
        hearing = await _begun(database, plan_alone(database, [BREACHED], AFTER, *STEPS))
    await hearing
    assert await states(database) == {LEAD: "planned"}


async def test_a_reaction_that_is_heard_while_a_breach_is_planned_waits_for_that(
    database: Database,
) -> None:
    """It then finds the later step, and stops it."""
    async with database.transaction() as hearing:
        await plan(hearing, [BREACHED], AFTER, *STEPS)
        answer = said.message_posted(CREATED, at=AFTER)
        reacting = await _begun(database, react(database, answer))
    await reacting
    assert await states(database) == {LEAD: "planned", ON_CALL: "dealt_with"}


async def _begun(database: Database, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    """Work that has begun, and waits for what somebody else has locked."""
    task = asyncio.create_task(work)
    await until(lambda: somebody_waits(database), what="it waits")
    return task
