"""A new database learns again what was said: the same tickets, clocks and directory as before.

Up to its horizon (`shared/rebuilding.py`) everything is heard, in no order between the topics, and
only kept: what sla said of slots, deadlines, plans and catalogues, as it was said then, and what
happened to tickets. At the horizon all tickets are settled once: what was owed and not said is
said, and nothing else, since what is counted from the same facts is no news.

A database that came from a backup learns what was said since then in the same way; what it holds of
a ticket it has whole.

A ticket of which the stream has not everything any more stands as it was said last: its beginning
is gone, or what led to something that was said of it, or the catalogue that it was counted by.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from uuid import UUID

import structlog

from services.sla import plan_requests, store
from services.sla.catalogues import Book, say_catalogues
from services.sla.clocks import Opening, moved_fact
from services.sla.deadlines import Deadline, as_said
from services.sla.domain import Ticket
from services.sla.outcomes import tell
from services.sla.plans_said import changes_told
from services.sla.settling import settle, settle_each
from services.sla.slotting import by_their_plans
from shared import events
from shared.adopted import CatalogueAdopted, CatalogueMoved
from shared.catalogue_file import CatalogueFile
from shared.consumer import Heard
from shared.database import Connection
from shared.deadlines import DeadlineAtRisk, DeadlineBreached, DeadlineEvent
from shared.events import PlanChanged, TicketSlotted
from shared.failpoints import failpoint
from shared.handling import PlanChangeDeclined, PlanChangeRequested
from shared.messages import AuthorKind
from shared.rebuilding import Finish

log = structlog.get_logger(__name__)

PAGE = 200
"""Tickets of one transaction."""


async def learn_own(connection: Connection, heard: Sequence[Heard], *, now: datetime) -> None:
    """Keep what sla itself had said."""
    said = [item.event for item in heard]
    slots = [_slotted(h.event, h.partition) for h in heard if isinstance(h.event, TicketSlotted)]
    await store.learn_slots(connection, await store.add_tickets(connection, slots))
    moves = [h for h in heard if isinstance(h.event, CatalogueMoved)]
    await _learn_moves(connection, moves)
    await _learn_deadlines(connection, [h for h in heard if isinstance(h.event, DeadlineEvent)])
    changed = [event for event in said if isinstance(event, PlanChanged)]
    await _learn_plans(connection, changed, now=now)
    declined = [event for event in said if isinstance(event, PlanChangeDeclined)]
    answered = {(event.data.request, UUID(event.subject)) for event in declined}
    await store.learn_answers(connection, answered)
    adopted = [event for event in said if isinstance(event, CatalogueAdopted)]
    await store.learn_catalogues(connection, adopted)


def _slotted(event: TicketSlotted, partition: int) -> Ticket:
    """The ticket as it was slotted then."""
    data = event.data
    opening = Opening(
        id=event.correlationid,
        at=event.time,
        priority=data.priority,
        plan=data.plan,
        catalogue_version=data.catalogue_version,
        by_agent=data.opened_by is AuthorKind.AGENT,
    )
    return Ticket(
        ticket=UUID(event.subject),
        partition=partition,
        account=data.account,
        opening=opening,
        traceparent=event.traceparent,
        plan_change=data.plan_change,
    )


async def _learn_moves(connection: Connection, heard: Sequence[Heard]) -> None:
    if not heard:
        return
    moves = [h.event for h in heard if isinstance(h.event, CatalogueMoved)]
    facts = [(UUID(event.subject), moved_fact(event)) for event in moves]
    await store.add_facts(connection, facts, {UUID(h.event.subject): h.partition for h in heard})


async def _learn_deadlines(connection: Connection, heard: Sequence[Heard]) -> None:
    latest: dict[tuple[object, ...], Deadline] = {}
    causes: set[tuple[UUID, UUID]] = set()
    for item in heard:
        event = item.event
        assert isinstance(event, DeadlineEvent)  # noqa: S101 - the caller has looked
        told = as_said(event, item.partition)
        key = (told.ticket, told.clock, told.cycle)
        latest[key] = _later(told, latest.get(key, told))
        # What leads to a warning or a breach is what was said before.
        if event.causationid and not isinstance(event, DeadlineAtRisk | DeadlineBreached):
            causes.add((told.ticket, event.causationid))
    await store.learn_deadlines(connection, latest.values(), causes)


def _later(one: Deadline, other: Deadline) -> Deadline:
    later = max(one, other, key=lambda told: told.revision)
    return replace(later, warned=max(one.warned, other.warned))


async def _learn_plans(
    connection: Connection, changed: Iterable[PlanChanged], *, now: datetime
) -> None:
    changed = list(changed)
    answered = {id_: e.data.account for e in changed for id_ in e.data.answered}
    await store.learn_answered(connection, list(answered.items()))
    changes = [change for event in changed for change in changes_told(event)]
    if changes:
        await store.add_plan_changes(connection, changes)
        await store.learn_plan_recounts(connection, changes, now=now)


async def restore(connection: Connection) -> None:
    """Make ready a database that came from a backup."""
    await store.restart_progress(connection)


def finish_with(book: Book, file: CatalogueFile, clock: Callable[[], datetime]) -> Finish:
    """What is left to do at the horizon, in parts.

    Args:
        book: The catalogues.
        file: Says which one is in force.
        clock: The present, with a zone.
    """

    async def finish(connection: Connection) -> bool:
        progress = await store.read_progress(connection)
        if progress.is_settled:
            await _answer(connection, book, clock)
            await store.forget_what_was_learnt(connection)
            return False
        await say_catalogues(connection, file, now=clock())
        tickets = await store.list_learnt_tickets(connection, after=progress.after, limit=PAGE)
        await _settle(connection, tickets, book, clock)
        after = tickets[-1] if tickets else progress.after
        await store.keep_progress(connection, after, is_settled=len(tickets) < PAGE)
        failpoint("rebuilding.settled")
        return True

    return finish


async def _settle(
    connection: Connection, tickets: Sequence[UUID], book: Book, clock: Callable[[], datetime]
) -> None:
    """Say of a page of tickets what is owed and was not said."""
    unslotted = await store.read_unslotted(connection, tickets)
    slotted = await by_their_plans(connection, unslotted, book.catalogue)
    new = await store.add_tickets(connection, slotted)
    await store.follow_moves(connection, tickets)
    lost = await store.list_beheaded(connection, tickets)
    lost |= await _without_their_causes(connection, tickets, now=clock())
    await store.let_stand_as_said(connection, lost)
    settle_some = partial(settle, connection, book=book, clock=clock, new=new, all_anew=True)
    whole = [ticket for ticket in tickets if ticket not in lost]
    outcomes, faulty = await settle_each(connection, whole, settle_some)
    await store.let_stand_as_said(connection, faulty)
    tell(outcomes)
    if lost or faulty:
        log.warning("tickets_stand_as_said", tickets=len(lost) + len(faulty))


async def _without_their_causes(
    connection: Connection, tickets: Sequence[UUID], *, now: datetime
) -> set[UUID]:
    """Tickets of which something was said that followed from what nobody can hear any more."""
    unknown = await store.list_unknown_causes(connection, tickets)
    named = {each.account for each in unknown}
    changes = await store.read_plan_changes(connection, named, now=now)
    known = {change.event_id for theirs in changes.values() for change in theirs}
    return {each.ticket for each in unknown if each.cause not in known}


async def _answer(connection: Connection, book: Book, clock: Callable[[], datetime]) -> None:
    """Answer what agents asked for and nobody answered."""
    values = await store.read_requests(connection)
    asked = [e for value in values if isinstance(e := events.read(value), PlanChangeRequested)]
    await store.share_accounts(connection, (), changing={e.data.account for e in asked})
    await plan_requests.answer(connection, asked, book.catalogue, clock=clock)
    await store.note_requests(connection)
