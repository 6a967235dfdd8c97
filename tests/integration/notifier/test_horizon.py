"""A rebuild at its horizon: what has no outcome is owed, let be, or was never meant."""

from collections.abc import Sequence
from datetime import timedelta
from itertools import permutations
from uuid import UUID

import asyncpg
import pytest

from services.notifier import horizon
from services.notifier.customers import Caps, Pace
from services.notifier.horizon import Terms
from shared.database import Database
from shared.envelope import Cause, derive_id
from shared.events import Event, TicketCreated
from shared.notifications import NotificationKind, NotificationSent, NotificationSentData
from shared.privacy import PersonErased
from tests.integration.notifier.test_erasing import everywhere, request
from tests.support import said, said_mails
from tests.support.notifier_rows import deliveries, hear, outbox, query, texts

TERMS = Terms(timedelta(0), Caps(), Pace(delay=timedelta(0)), timedelta(days=2))
OLD = timedelta(days=3)
OTHER = said.acknowledged(said.ticket_created("another"))
"""What shows that there was a notifier before."""


async def recall(database: Database, *heard: Event) -> None:
    """Hear these up to the horizon, each in a batch of its own, and finish."""
    await query(database, "INSERT INTO rebuild (begun_at) VALUES ($1)", said.now())
    for event in heard:
        await hear(database, event, rebuilding=True)
    assert await outbox(database) == []
    more = True
    while more:
        async with database.transaction() as connection:
            more = await horizon.finish(connection, TERMS, now=said.now())


async def acknowledgement(database: Database, created: TicketCreated) -> asyncpg.Record:
    """The one of a ticket."""
    rows = await deliveries(database, "acknowledgement")
    return next(row for row in rows if row["ticket"] == said.ticket_of(created))


def replied(created: TicketCreated, *messages: UUID, round_: int = 0) -> NotificationSent:
    """What notifier says of a reply that carried messages."""
    delivery = derive_id(messages[0], "its reply")
    data = NotificationSentData(
        delivery=delivery,
        round=round_,
        kind=NotificationKind.REPLY,
        channel="email",
        template="reply",
        attempt=1 + round_,
        latency_seconds=2,
        second_copy_possible=False,
        messages=messages,
    )
    return NotificationSent.say(
        data,
        cause=Cause(delivery, created.subject, created.correlationid, messages[0]),
        source="/services/notifier",
        time=said.now() + timedelta(seconds=round_),
        part=str(round_),
    )


async def test_what_has_no_outcome_is_owed_and_may_be_a_second_copy(database: Database) -> None:
    """It was caused lately: it goes out."""
    created = said.ticket_created()
    await recall(database, created, OTHER)
    row = await acknowledgement(database, created)
    assert (row["state"], row["uncertain"], row["half_heard"]) == ("planned", True, None)


async def test_what_is_too_old_to_know_of_is_let_be(database: Database) -> None:
    """Its outcome may be on the stream no longer; nobody is told."""
    created = said.ticket_created(at=said.now() - OLD)
    answer = said.message_posted(created, at=said.now() - OLD)
    slip = said.breach(said.slot(created))
    await recall(database, created, answer, slip, OTHER)
    rows = await query(database, "SELECT * FROM deliveries WHERE id <> $1", OTHER.data.delivery)
    assert {(row["kind"], row["state"], row["reason"]) for row in rows if row["step"] == 0} == {
        ("acknowledgement", "suppressed", "rebuilt"),
        ("reply", "suppressed", "rebuilt"),
        ("breach_alert", "suppressed", "rebuilt"),
    }
    assert await outbox(database) == []


async def test_a_desk_that_never_had_a_notifier_owes_all_to_its_customers(
    database: Database,
) -> None:
    """However old; and there can be no first copy."""
    created = said.ticket_created(at=said.now() - OLD)
    await recall(database, created)
    row = await acknowledgement(database, created)
    assert (row["state"], row["uncertain"]) == ("planned", False)


async def test_what_is_owed_is_judged_as_ever(database: Database) -> None:
    """A machine gets no answer; that is said, since nobody has said it."""
    created = said_mails.ticket_by_mail(said.ticket_created(), automatic=True)
    await recall(database, created, OTHER)
    row = await acknowledgement(database, created)
    assert (row["state"], row["reason"]) == ("suppressed", "automatic_mail")
    assert len(await outbox(database)) == 1


CREATED = said.ticket_created()
ONE = said.message_posted(CREATED, key="one", text="One.", sequence=2)
TWO = said.message_posted(CREATED, key="two", text="Two.", sequence=3)
SENT = replied(CREATED, ONE.data.message)


@pytest.mark.parametrize("order", list(permutations((CREATED, ONE, TWO, SENT))))
async def test_no_message_is_mailed_twice_in_whatever_order_all_is_heard(
    database: Database, order: Sequence[Event]
) -> None:
    """The reply carried the first; the second is owed."""
    await recall(database, *order)
    carried = await texts(database)
    assert carried[str(SENT.data.delivery)] == ["One."]
    assert sorted(carried.values()) == [["One."], ["Two."]]
    states = {row["id"]: row["state"] for row in await deliveries(database, "reply")}
    assert states.pop(SENT.data.delivery) == "sent"
    assert list(states.values()) == ["planned"]


async def test_the_last_round_counts(database: Database) -> None:
    """Somebody had it sent again."""
    again = replied(CREATED, ONE.data.message, round_=1)
    await recall(database, again, SENT, CREATED, ONE)
    (row,) = await deliveries(database, "reply")
    assert (row["round"], row["attempts"], row["ended_at"]) == (1, 2, again.time)


async def test_a_bounce_waits_for_what_came_back(database: Database) -> None:
    """It may be heard before the mail that it is about."""
    sent = said.acknowledged(CREATED)
    bounced = said_mails.mail_bounced(CREATED, delivery=sent.data.delivery)
    await recall(database, bounced, sent, CREATED)
    assert (await acknowledgement(database, CREATED))["bounced_at"] == bounced.time
    rows = await query(database, "SELECT address FROM bounces")
    assert [row["address"] for row in rows] == [said.ADDRESS]


async def test_who_was_erased_is_erased_again_and_nothing_more_is_said(
    database: Database,
) -> None:
    """What their keys still open on the way leaves nothing."""
    asked = request(hours=1)
    await hear(database, asked)
    (answer,) = [event for event in await outbox(database) if isinstance(event, PersonErased)]
    await query(database, "DELETE FROM erasures")
    await query(database, "DELETE FROM outbox")
    await recall(database, CREATED, asked, ONE, answer)
    assert await everywhere(database) == set()
    assert await outbox(database) == []


async def test_who_was_not_erased_yet_is_and_it_is_said(database: Database) -> None:
    """The database was lost before it was done."""
    await recall(database, CREATED, request(hours=1))
    said_now = [type(event) for event in await outbox(database)]
    assert said_now.count(PersonErased) == 1
    assert await everywhere(database) == set()


async def test_after_the_horizon_its_own_events_are_nothing_to_it(database: Database) -> None:
    """A replica that does not know yet that it is over hears them all the same."""
    await query(database, "INSERT INTO rebuild (begun_at, finished_at) VALUES ($1, $1)", said.now())
    await hear(database, CREATED, said.acknowledged(CREATED), rebuilding=True)
    row = await acknowledgement(database, CREATED)
    assert (row["state"], row["half_heard"]) == ("planned", None)
