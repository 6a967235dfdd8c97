"""What sla does with what it hears: slot new tickets, end response clocks."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import structlog

from services.sla import domain, store
from services.sla.outcomes import tell
from shared import outbox, plans
from shared.consumer import Handle, Heard
from shared.database import Connection
from shared.events import Event, MessagePosted, TicketCreated
from shared.plans import Catalogue, Clock, Plan

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Rules:
    """What tickets are slotted by."""

    catalogue: Catalogue
    trust_named_accounts: bool = True
    """Whether an account counts that its sender named without proof."""

    def account_of(self, created: TicketCreated) -> str:
        """The account whose plan counts; none is called the empty string."""
        counts = self.trust_named_accounts or created.data.account_verified
        return created.data.account if counts else ""


def handle_with(rules: Rules, clock: Callable[[], datetime]) -> Handle:
    """The handler of a batch, by these rules and this clock."""

    async def handle(connection: Connection, heard: Sequence[Heard]) -> None:
        created = [(h.event, h.partition) for h in heard if isinstance(h.event, TicketCreated)]
        posted = [(h.event, h.partition) for h in heard if isinstance(h.event, MessagePosted)]
        if created:
            await _slot(connection, created, rules, said_at=clock())
        if posted:
            await _end_responses(connection, posted, said_at=clock())

    return handle


async def _slot(
    connection: Connection,
    created: Sequence[tuple[TicketCreated, int]],
    rules: Rules,
    *,
    said_at: datetime,
) -> None:
    """Slot every ticket that is new; one that was answered before we heard of it ends at once."""
    answered = await store.add_tickets(connection, created)
    new = {UUID(e.subject): (e, p) for e, p in reversed(created) if UUID(e.subject) in answered}
    plan_ids = await store.plans_at(
        connection, [(rules.account_of(event), event.time) for event, _ in new.values()]
    )
    catalogue = rules.catalogue
    said: list[Event] = []
    deadlines: list[domain.Deadline] = []
    slots: dict[UUID, str] = {}
    for (ticket, (event, partition)), plan_id in zip(new.items(), plan_ids, strict=True):
        slot = domain.slot(event, partition, _plan(catalogue, plan_id), catalogue)
        slots[ticket] = slot.plan.id
        said += slot.events
        ended = _ended_before(slot, answered[ticket], said_at)
        deadlines += [outcome.deadline for outcome in ended] or slot.deadlines
        said += [outcome.event for outcome in ended]
        tell(ended)
    await store.record_slots(connection, slots, catalogue_version=catalogue.version)
    await store.add_deadlines(connection, deadlines)
    await outbox.append(connection, said)
    for event, _ in new.values():
        correlation = str(event.correlationid)
        log.info("ticket_slotted", ticket=event.subject, correlation=correlation)


def _plan(catalogue: Catalogue, plan_id: str | None) -> Plan:
    try:
        return plans.plan(catalogue, plan_id or catalogue.default_plan)
    except plans.UnknownPlanError:
        # A catalogue without a plan that accounts are on: rather a slot too low than none at all.
        log.warning("plan_not_in_catalogue", plan=plan_id, catalogue=catalogue.version)
        return plans.plan(catalogue, catalogue.default_plan)


def _ended_before(
    slot: domain.Slot, answered_at: datetime | None, said_at: datetime
) -> list[domain.Outcome]:
    if answered_at is None:
        return []
    return [domain.answer(d, answered_at, said_at=said_at) for d in slot.deadlines]


async def _end_responses(
    connection: Connection, posted: Sequence[tuple[MessagePosted, int]], *, said_at: datetime
) -> None:
    """End the first-response clock of every ticket that a person of ours has answered."""
    answers: dict[UUID, tuple[int, datetime]] = {}
    for event, partition in posted:
        ticket = UUID(event.subject)
        if domain.is_response(event.data):
            earliest = answers.get(ticket, (partition, event.time))[1]
            answers[ticket] = (partition, min(earliest, event.time))
    if not answers:
        return
    await store.mark_answered(connection, answers)
    running = await store.lock_running(connection, list(answers), Clock.FIRST_RESPONSE)
    outcomes = [domain.answer(d, answers[d.ticket][1], said_at=said_at) for d in running]
    await store.save_deadlines(connection, [outcome.deadline for outcome in outcomes])
    await outbox.append(connection, [outcome.event for outcome in outcomes])
    tell(outcomes)
