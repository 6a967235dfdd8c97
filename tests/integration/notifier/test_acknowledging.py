"""One acknowledgement per ticket, and the tickets that get none: real rows."""

import asyncio
from datetime import timedelta

import pytest

from services.notifier import acknowledging, store
from services.notifier.customers import Caps
from services.notifier.handlers import Rules
from shared.database import Database
from shared.events import SlotTarget, TicketCreated, TicketSlotted
from shared.messages import AuthorKind
from shared.notifications import NotificationSuppressed
from shared.plans import Clock
from tests.support import said, said_mails
from tests.support.locks import somebody_waits
from tests.support.notifier_rows import RULES, deliveries, hear, outbox, ticket
from tests.support.waiting import until

SECOND = timedelta(seconds=1)
KIND = "acknowledgement"


def tickets(amount: int, address: str = said.ADDRESS) -> list[TicketCreated]:
    """So many tickets of one address, a second apart."""
    began = said.now()
    return [
        _with_address(said.ticket_created(f"{address} {n}", at=began + n * SECOND), address)
        for n in range(amount)
    ]


def _with_address(created: TicketCreated, address: str) -> TicketCreated:
    assert created.data.private is not None
    private = created.data.private.model_copy(update={"address": address})
    data = created.data.model_copy(update={"private": private})
    return created.model_copy(update={"data": data})


async def states(database: Database) -> list[tuple[str, str | None]]:
    """Of each acknowledgement, the state and why."""
    return [(row["state"], row["reason"]) for row in await deliveries(database, KIND)]


async def test_a_ticket_of_a_machine_is_kept_and_not_answered(database: Database) -> None:
    """The row says why, and so does the stream: once, however often it is heard."""
    created = said_mails.ticket_by_mail(said.ticket_created(), automatic=True)
    for _ in range(2):
        await hear(database, created, created)
    (row,) = await deliveries(database, KIND)
    assert (row["state"], row["reason"]) == ("suppressed", "automatic_mail")
    assert row["ended_at"] is not None
    (event,) = await outbox(database)
    assert isinstance(event, NotificationSuppressed)
    assert (event.data.kind, event.data.reason) == (KIND, "automatic_mail")
    assert (event.subject, event.causationid) == (created.subject, created.id)


async def test_a_ticket_that_an_agent_opened_is_acknowledged_to_the_customer(
    database: Database,
) -> None:
    """They are to know the number, and where to answer."""
    await hear(database, said.ticket_created(opened_by=AuthorKind.AGENT))
    assert await states(database) == [("planned", None)]


async def test_nothing_that_was_asked_stands_in_a_delivery(database: Database) -> None:
    """Neither subject nor text: the address is not verified."""
    await hear(database, said.ticket_created(text="A secret."))
    (row,) = await deliveries(database, KIND)
    assert "A secret." not in str(dict(row))
    assert "It does not work" not in str(dict(row))


@pytest.mark.parametrize("in_one_batch", [True, False])
async def test_an_address_gets_so_many_in_an_hour(database: Database, in_one_batch: bool) -> None:  # noqa: FBT001 - a case
    """The sixth in an hour is held back, in whatever batches, also in other letters."""
    created = [*tickets(4), *tickets(2, said.ADDRESS.upper())]
    for batch in [created] if in_one_batch else [[each] for each in created]:
        await hear(database, *batch)
    await hear(database, *created)
    assert sorted(await states(database)) == [
        *[("planned", None)] * 5,
        ("suppressed", "too_many"),
    ]
    assert len(await outbox(database)) == 1


async def test_an_hour_later_there_is_room_again_until_the_day_is_full(database: Database) -> None:
    """Tickets every ten minutes: five of the first hour, and never more than eight of a day."""
    rules = Rules(patience=timedelta(0), acknowledgements=Caps(per_address_day=8))
    began = said.now()
    for n in range(20):
        at = began + n * timedelta(minutes=10)
        await hear(database, said.ticket_created(str(n), at=at), rules=rules, now=at)
    planned = [n for n, (state, _) in enumerate(await states(database)) if state == "planned"]
    assert planned == [0, 1, 2, 3, 4, 6, 7, 8]


async def test_a_domain_gets_so_many_in_an_hour(database: Database) -> None:
    """Many addresses of one domain: each has few, all together have enough; others are free."""
    rules = Rules(patience=timedelta(0), acknowledgements=Caps(per_domain_hour=3))
    noon = said.now().replace(minute=0)
    for n in range(5):
        created = said.ticket_created(str(n), at=noon + n * SECOND)
        await hear(database, _with_address(created, f"c{n}@Customer.example"), rules=rules)
    other = said.ticket_created("other", at=noon + 9 * SECOND)
    await hear(database, _with_address(other, "c@other.example"), rules=rules)
    assert [state for state, _ in await states(database)] == [
        *["planned"] * 3,
        *["suppressed"] * 2,
        "planned",
    ]


async def test_two_replicas_at_once_count_what_the_other_plans(database: Database) -> None:
    """Tickets of one address on two partitions: the second handler waits, then sees the first's."""
    rules = Rules(patience=timedelta(0), acknowledgements=Caps(per_address_hour=1))
    one, other = tickets(2)
    async with database.transaction() as first:
        await store.lock_tickets(first, [said.ticket_of(one)])
        await store.add_tickets(first, [one])
        await acknowledging.plan_acknowledgements(
            first, [one], now=said.now(), patience=timedelta(0), caps=rules.acknowledgements
        )
        second = asyncio.create_task(hear(database, other, rules=rules))
        await until(lambda: somebody_waits(database), what="the second waits for the first")
    await second
    assert await states(database) == [("planned", None), ("suppressed", "too_many")]


async def test_an_address_that_bounced_for_good_is_not_acknowledged(database: Database) -> None:
    """Until somebody writes from there again: then it is alive."""
    first, second, third = tickets(3)
    await hear(database, first)
    await _sent(database)
    await hear(database, said_mails.mail_bounced(first))
    await hear(database, second)
    await hear(database, said_mails.message_received(first))
    await hear(database, third)
    assert await states(database) == [
        ("sent", None),
        ("suppressed", "address_bounced"),
        ("planned", None),
    ]


async def test_a_bounce_of_long_ago_counts_no_more(database: Database) -> None:
    """After 30 days we try again."""
    first, second = tickets(2)
    await hear(database, first)
    await _sent(database)
    await hear(database, said_mails.mail_bounced(first))
    await hear(database, second, now=said.now() + timedelta(days=31))
    assert (await states(database))[1] == ("planned", None)


async def _sent(database: Database) -> None:
    async with database.connection() as connection:
        await connection.execute(
            "UPDATE deliveries SET state = 'sent', attempts = 1, ended_at = $1", said.now()
        )


async def test_the_slot_lets_an_acknowledgement_go_in_either_order(database: Database) -> None:
    """It waits for patience's end without the slot, and for nothing with it."""
    now = said.now()
    patient = Rules()
    one, other = said.ticket_created("one", at=now), said.ticket_created("other", at=now)
    await hear(database, one, rules=patient, now=now)
    (row,) = await deliveries(database, KIND)
    assert row["not_before"] == now + timedelta(seconds=30)
    await hear(database, *said.slot(one).events, *said.slot(other).events, rules=patient, now=now)
    await hear(database, other, rules=patient, now=now)
    assert [row["not_before"] for row in await deliveries(database, KIND)] == [now, now]
    assert RULES.patience == timedelta(0)


async def test_what_is_promised_is_the_first_answer_and_no_other_clock(database: Database) -> None:
    """However soon the others are due; where nobody promises an answer, there is no time."""
    one, other = tickets(2)
    resolved = _target(Clock.RESOLUTION, one, 1)
    answered = _target(Clock.FIRST_RESPONSE, one, 9)
    await hear(database, one, _slotted(one, _target(Clock.UPDATE, one, 2), answered, resolved))
    await hear(database, other, _slotted(other, resolved))
    assert (await ticket(database, one))["due_at"] == answered.due
    assert (await ticket(database, other))["due_at"] is None


def _target(clock: Clock, created: TicketCreated, hours: int) -> SlotTarget:
    span = timedelta(hours=hours)
    return SlotTarget(
        clock=clock, target_seconds=int(span.total_seconds()), due=created.time + span
    )


def _slotted(created: TicketCreated, *targets: SlotTarget) -> TicketSlotted:
    slotted = said.slot(created).slotted
    return slotted.model_copy(update={"data": slotted.data.model_copy(update={"targets": targets})})
