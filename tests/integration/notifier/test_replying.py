"""What agents write reaches the customer by mail: each message in one mail, and in one only."""

import asyncio
from datetime import timedelta

from services.notifier import store
from services.notifier.customers import Pace
from services.notifier.handlers import Rules
from shared.database import Database
from shared.events import Event, TicketStatus
from shared.identity import Caller, Role
from shared.messages import MessagePosted, Visibility
from shared.notifications import NotificationSuppressed
from tests.support import said, said_mails
from tests.support.locks import somebody_waits
from tests.support.notifier_rows import (
    deliveries,
    hear,
    outbox,
    query,
    texts,
    ticket,
)
from tests.support.waiting import until

CREATED = said.ticket_created()
CUSTOMER = Caller("c-customer", "an-account", "A Customer", frozenset({Role.CUSTOMER}))
DELAY = timedelta(seconds=20)
SECOND = timedelta(seconds=1)


def answer(number: int) -> MessagePosted:
    """What an agent writes, told from others by a number."""
    at = CREATED.time + number * SECOND
    text = f"Answer {number}."
    return said.message_posted(CREATED, key=text, text=text, sequence=number + 1, at=at)


async def test_an_answer_waits_for_others_and_takes_them_along(database: Database) -> None:
    """Two within 20 s are one mail, due 20 s after the first."""
    now = said.now()
    await hear(database, CREATED, answer(1), now=now)
    await hear(database, answer(2), now=now + 19 * SECOND)
    (row,) = await deliveries(database, "reply")
    assert (row["address"], row["state"], row["not_before"]) == (
        said.ADDRESS,
        "planned",
        now + DELAY,
    )
    assert await texts(database) == {str(row["id"]): ["Answer 1.", "Answer 2."]}


async def test_what_is_under_way_is_joined_by_nothing(database: Database) -> None:
    """What was tried once stays as it was, so that every try is the same mail."""
    await hear(database, CREATED, answer(1))
    await query(database, "UPDATE deliveries SET attempts = 1 WHERE kind = 'reply'")
    await hear(database, answer(2))
    assert sorted((await texts(database)).values()) == [["Answer 1."], ["Answer 2."]]


async def test_an_answer_that_comes_while_its_mail_is_taken_gets_a_mail_of_its_own(
    database: Database,
) -> None:
    """The handler waits for the sender, and sees that it is too late to join."""
    now = said.now()
    await hear(database, CREATED, answer(1), now=now - DELAY)
    async with database.transaction() as sending:
        taken = await store.claim(sending, now=now, held_until=now + DELAY, free={"email": 9})
        hearing = asyncio.create_task(hear(database, answer(2)))
        await until(lambda: somebody_waits(database), what="the handler waits for the sender")
    await hearing
    carried = await texts(database)
    assert carried[str(next(d.id for d in taken if d.kind == "reply"))] == ["Answer 1."]
    assert sorted(carried.values()) == [["Answer 1."], ["Answer 2."]]


async def test_while_an_answer_joins_no_sender_takes_its_mail(database: Database) -> None:
    """The sender passes it over, and finds both in it afterwards."""
    now = said.now()
    await hear(database, CREATED, answer(1), now=now - DELAY)
    async with database.transaction() as joining, database.transaction() as sending:
        await store.lock_waiting_replies(joining, [said.ticket_of(CREATED)])
        taken = await store.claim(sending, now=now, held_until=now + DELAY, free={"email": 9})
    assert [each.kind.value for each in taken] == ["acknowledgement"]


async def test_an_answer_that_is_heard_before_its_ticket_is_not_lost(database: Database) -> None:
    """Topics have no order among them: it is kept, and mailed once the address is known."""
    await hear(database, answer(1), answer(2))
    assert await texts(database) == {"": ["Answer 1.", "Answer 2."]}
    await hear(database, CREATED)
    (row,) = await deliveries(database, "reply")
    assert await texts(database) == {str(row["id"]): ["Answer 1.", "Answer 2."]}
    assert row["caused_by"] == answer(1).id
    assert row["correlation"] == CREATED.correlationid


async def test_everything_again_sends_nothing_again(database: Database) -> None:
    """A replay from the first offset, also after the mails have gone out."""
    heard: list[Event] = [
        CREATED,
        answer(1),
        answer(2),
        said_mails.message_received(CREATED),
    ]
    await hear(database, *heard)
    await query(
        database, "UPDATE deliveries SET state = 'sent', attempts = 1, ended_at = $1", said.now()
    )
    before = await query(database, "SELECT * FROM deliveries ORDER BY id")
    for batch in ([heard[0]], heard[1:], heard * 2):
        await hear(database, *batch)
    assert await query(database, "SELECT * FROM deliveries ORDER BY id") == before


async def test_notes_and_machines_and_customers_are_not_mailed(database: Database) -> None:
    """A note is kept nowhere; a customer's words are kept to be quoted, and not all of them."""
    note = said.message_posted(CREATED, visibility=Visibility.NOTE, key="note", text="Psst.")
    long = said.message_posted(CREATED, caller=CUSTOMER, key="long", text="x" * 5_000, sequence=3)
    await hear(database, CREATED, note, long)
    assert await deliveries(database, "reply") == []
    rows = await query(database, "SELECT sequence, length(text) FROM messages ORDER BY sequence")
    assert [tuple(row) for row in rows] == [(0, len("Help!")), (3, 4_000)]


async def test_a_dead_address_gets_no_answer_by_mail_and_that_is_said(database: Database) -> None:
    """The delivery is kept with its words, so that somebody can send it after all."""
    await hear(database, CREATED)
    await query(
        database, "UPDATE deliveries SET state = 'sent', attempts = 1, ended_at = $1", said.now()
    )
    await hear(database, said_mails.mail_bounced(CREATED), answer(1))
    (row,) = await deliveries(database, "reply")
    assert (row["state"], row["reason"]) == ("suppressed", "address_bounced")
    assert await texts(database) == {str(row["id"]): ["Answer 1."]}
    (event,) = await outbox(database)
    assert isinstance(event, NotificationSuppressed)
    assert (event.data.kind, event.causationid) == ("reply", answer(1).id)


async def test_a_busy_thread_gets_its_answers_later_and_together(database: Database) -> None:
    """Over the cap nothing is dropped: what is more waits until an hour has passed, as one mail."""
    rules = Rules(patience=timedelta(0), replies=Pace(delay=timedelta(0), per_thread_hour=3))
    began = said.now()
    await hear(database, CREATED, rules=rules, now=began)
    for n in range(1, 6):
        now = began + n * SECOND
        await hear(database, answer(n), rules=rules, now=now)
        await query(
            database,
            "UPDATE deliveries SET state = 'sent', attempts = 1, ended_at = $1"
            " WHERE state = 'planned' AND not_before <= $1",
            now,
        )
    *gone, last = await deliveries(database, "reply")
    assert [row["state"] for row in gone] == ["sent", "sent"]
    assert last["state"] == "planned"
    # With the acknowledgement the first two filled the hour.
    assert last["not_before"] == began + SECOND + timedelta(hours=1)
    assert (await texts(database))[str(last["id"])] == ["Answer 3.", "Answer 4.", "Answer 5."]


async def test_a_mail_from_the_requester_tells_what_to_answer_and_that_they_read_us(
    database: Database,
) -> None:
    """The newest mail counts, whichever is heard first, also before the ticket itself."""
    by_mail = said_mails.ticket_by_mail(CREATED, message_id="<first@customer.example>")
    second, third = (
        said_mails.message_received(CREATED, f"mail-{n}", at=CREATED.time + n * SECOND)
        for n in (2, 3)
    )
    stranger = said_mails.by_somebody_else(
        said_mails.message_received(CREATED, "odd", at=CREATED.time + 9 * SECOND)
    )
    robot = said_mails.message_received(
        CREATED, "robot", at=CREATED.time + 9 * SECOND, automatic=True
    )
    await hear(database, stranger, robot, third)
    await hear(database, by_mail)
    row = await ticket(database, CREATED)
    assert row["message_id"] == "<mail-3@mail.customer.example>"
    assert row["verified_at"] == third.time
    await hear(database, second, by_mail)
    row = await ticket(database, CREATED)
    assert row["message_id"] == "<mail-3@mail.customer.example>"
    assert row["verified_at"] == second.time


async def test_without_a_mail_back_nothing_is_verified(database: Database) -> None:
    """A stranger's mail, or a machine's, proves nothing of the requester."""
    by_mail = said_mails.ticket_by_mail(CREATED, message_id="<first@customer.example>")
    received = said_mails.message_received(CREATED)
    robot = said_mails.message_received(CREATED, "robot", automatic=True)
    await hear(database, by_mail, said_mails.by_somebody_else(received), robot)
    row = await ticket(database, CREATED)
    assert (row["message_id"], row["verified_at"]) == ("<first@customer.example>", None)


async def test_how_a_ticket_stands_goes_by_when_it_happened(database: Database) -> None:
    """Late news of an earlier status, or of an earlier answer, changes nothing."""
    resolved = said.status_changed(CREATED, TicketStatus.RESOLVED, at=CREATED.time + 5 * SECOND)
    opened = said.status_changed(
        CREATED,
        TicketStatus.OPEN,
        previous=TicketStatus.RESOLVED,
        at=CREATED.time + 6 * SECOND,
    )
    await hear(database, resolved, answer(3))
    row = await ticket(database, CREATED)
    assert (row["over_since"], row["answered_at"]) == (resolved.time, answer(3).time)
    await hear(database, opened, resolved, answer(1))
    row = await ticket(database, CREATED)
    assert (row["over_since"], row["answered_at"]) == (None, answer(3).time)
