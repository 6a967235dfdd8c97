"""Mail that came back: which delivery it was, and whether its address is any good."""

import asyncio
from datetime import datetime, timedelta
from uuid import UUID, uuid5

import pytest

from services.notifier import store
from services.notifier.deliveries import MAIL_LANE
from shared.database import Database
from shared.events import Event
from shared.messages import MailBounced
from tests.support import said, said_mails
from tests.support.locks import somebody_waits
from tests.support.notifier_rows import hear, query
from tests.support.waiting import until

CREATED = said.ticket_created()
SENT_AT = CREATED.time
SECOND = timedelta(seconds=1)
STRANGER = "stranger@elsewhere.example"


async def sent(database: Database) -> tuple[UUID, UUID]:
    """An acknowledgement and a reply that the server took, a second after each other."""
    await hear(database, CREATED, said.message_posted(CREATED))
    rows = await query(
        database,
        """
        UPDATE deliveries SET state = 'sent', attempts = 1,
            ended_at = $1::timestamptz + CASE kind WHEN 'reply' THEN 1 ELSE 0 END * $2::interval
        RETURNING id, kind
        """,
        SENT_AT,
        SECOND,
    )
    ids = {row["kind"]: row["id"] for row in rows}
    return ids["acknowledgement"], ids["reply"]


async def came_back(database: Database) -> dict[UUID, datetime]:
    """Deliveries that came back, and when."""
    rows = await query(
        database, "SELECT id, bounced_at FROM deliveries WHERE bounced_at > '-infinity'"
    )
    return {row["id"]: row["bounced_at"] for row in rows}


async def bad_addresses(database: Database, *, now: datetime | None = None) -> set[str]:
    """Which of these count as bounced."""
    async with database.connection() as connection:
        asked = [said.ADDRESS, said.ADDRESS.upper(), STRANGER]
        return await store.read_bounced(connection, asked, now=now or said.now())


async def test_a_bounce_names_its_delivery_and_spoils_its_address(database: Database) -> None:
    """In whatever letters the address is written."""
    acknowledgement, _ = await sent(database)
    bounced = said_mails.mail_bounced(CREATED, delivery=acknowledgement)
    await hear(database, bounced)
    await hear(database, bounced)
    assert await came_back(database) == {acknowledgement: bounced.time}
    assert await bad_addresses(database) == {said.ADDRESS, said.ADDRESS.upper()}


async def test_without_a_name_it_is_the_newest_mail_that_had_gone_there_by_then(
    database: Database,
) -> None:
    """Heard again after another mail went out, it is still the same one."""
    _, reply = await sent(database)
    bounced = said_mails.mail_bounced(CREATED, at=SENT_AT + 2 * SECOND)
    await hear(database, bounced)
    await query(
        database,
        "UPDATE deliveries SET ended_at = $1 WHERE kind = 'acknowledgement'",
        SENT_AT + timedelta(hours=1),
    )
    await hear(database, bounced)
    assert set(await came_back(database)) == {reply}


async def test_a_bounce_for_now_leaves_the_address_as_it_is(database: Database) -> None:
    """The delivery came back; the next one may arrive."""
    _, reply = await sent(database)
    await hear(database, said_mails.mail_bounced(CREATED, permanent=False))
    assert set(await came_back(database)) == {reply}
    assert await bad_addresses(database) == set()


@pytest.mark.parametrize(
    "made_up",
    [
        said_mails.mail_bounced(CREATED, address=STRANGER),
        said_mails.mail_bounced(
            CREATED, address=STRANGER, delivery=uuid5(CREATED.id, "no such delivery")
        ),
        said_mails.mail_bounced(said.ticket_created("another"), address=said.ADDRESS),
    ],
)
async def test_nobody_can_cut_off_an_address_by_making_a_bounce_up(
    database: Database, made_up: MailBounced
) -> None:
    """What we never mailed about that ticket did not come back."""
    await sent(database)
    await hear(database, made_up)
    assert await came_back(database) == {}
    assert await bad_addresses(database) == set()


async def test_a_bounce_that_names_another_address_is_about_the_one_we_wrote_to(
    database: Database,
) -> None:
    """Forwarded mail comes back with the last address; ours is the one to leave alone."""
    acknowledgement, _ = await sent(database)
    await hear(
        database, said_mails.mail_bounced(CREATED, address=STRANGER, delivery=acknowledgement)
    )
    assert await bad_addresses(database) == {said.ADDRESS, said.ADDRESS.upper()}


@pytest.mark.parametrize("bounce_is_heard_first", [True, False])
async def test_who_writes_after_a_bounce_is_alive(
    database: Database,
    bounce_is_heard_first: bool,  # noqa: FBT001 - a case
) -> None:
    """By when it happened, in either order, and after a replay too; a machine's mail is no sign."""
    await sent(database)
    bounced = said_mails.mail_bounced(CREATED, at=SENT_AT + 2 * SECOND)
    wrote = said_mails.message_received(CREATED, at=SENT_AT + 3 * SECOND)
    robot = said_mails.message_received(CREATED, "robot", at=SENT_AT + 9 * SECOND, automatic=True)
    heard: list[Event] = [bounced, wrote]
    await hear(database, *(heard if bounce_is_heard_first else reversed(heard)))
    assert await bad_addresses(database) == set()
    await hear(database, bounced)
    assert await bad_addresses(database) == set()
    again = said_mails.mail_bounced(CREATED, at=SENT_AT + 5 * SECOND)
    await hear(database, again, robot)
    assert said.ADDRESS in await bad_addresses(database)


async def test_a_refusal_for_good_spoils_an_address_for_a_month(database: Database) -> None:
    """As the sender notes it; the newest counts, and after 30 days none."""
    async with database.transaction() as connection:
        for days, status in ((3, "5.1.1"), (1, "5.1.2"), (2, "5.1.3")):
            at = SENT_AT + timedelta(days=days)
            await store.mark_bounced(connection, said.ADDRESS.upper(), at, status=status)
    (row,) = await query(database, "SELECT * FROM bounces")
    assert (row["address"], row["status"]) == (said.ADDRESS, "5.1.1")
    assert await bad_addresses(database, now=SENT_AT + timedelta(days=32))
    assert not await bad_addresses(database, now=SENT_AT + timedelta(days=34))


async def test_a_bounce_that_is_heard_while_its_mail_is_refused_waits_and_nobody_loses(
    database: Database,
) -> None:
    """The sender has the delivery and then notes the address: so does the handler."""
    await hear(database, CREATED)
    now = said.now()
    async with database.transaction() as connection:
        (taken,) = await store.claim(
            connection, now=now, held_until=now + timedelta(minutes=1), free={MAIL_LANE: 1}
        )
    wrote = said_mails.message_received(CREATED, at=SENT_AT + SECOND)
    bounced = said_mails.mail_bounced(CREATED, delivery=taken.id, at=SENT_AT + 2 * SECOND)
    async with database.transaction() as sending:
        assert await store.lock_tried(sending, taken)
        hearing = asyncio.create_task(hear(database, wrote, bounced))
        await until(lambda: somebody_waits(database), what="the handler waits for the sender")
        await store.mark_bounced(sending, taken.address, SENT_AT, status="5.1.1")
    await hearing
    assert await came_back(database) == {taken.id: bounced.time}
    (row,) = await query(database, "SELECT alive_at, bounced_at FROM bounces")
    assert tuple(row) == (wrote.time, bounced.time)
