"""Digests on their way: what they are made from, and what becomes of what they carry."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from deploy.local.ports import free_ports
from services.notifier import concluding, store
from services.notifier.deliveries import (
    MAIL_LANE,
    Delivery,
    DeliveryKind,
    DeliveryState,
    DigestReason,
)
from shared.database import Database
from shared.envelope import derive_id
from shared.messages import AuthorKind
from shared.notifications import NotificationFailed, NotificationSent
from tests.support import alerts, said
from tests.support.mailbox import running_mailbox
from tests.support.sending import Sending

LEAD = "lead@careline.example"


@pytest.fixture
async def desk(database: Database) -> AsyncIterator[Sending]:
    """Mail alone; nothing is sent yet."""
    with running_mailbox(free_ports().smtp) as mailbox:
        yield Sending(database, mailbox)


def storm(amount: int) -> tuple[Delivery, list[Delivery]]:
    """A digest by mail, and what it carries, the earliest first."""
    first = alerts.breach_alert(lane=MAIL_LANE, channel=alerts.MAIL, address=LEAD)
    digest = alerts.digest(first)
    carried = [
        replace(
            first,
            id=derive_id(first.id, str(number)),
            digest=digest.id,
            caused_at=first.caused_at + timedelta(milliseconds=number),
        )
        for number in range(amount)
    ]
    return digest, carried


async def plan(desk: Sending, digest: Delivery, carried: list[Delivery]) -> None:
    """Have it to be sent, as its recipient's open one."""
    await desk.plan(digest, *carried)
    await desk.query(
        "INSERT INTO recipients (address, open_digest) VALUES ($1, $2)", LEAD, digest.id
    )


async def test_one_mail_is_the_sending_of_all_that_it_carries(desk: Sending) -> None:
    """Of each is said that it was sent, by which digest; fifty are shown, all are counted."""
    amount = 2 * concluding.PAGE + 1
    digest, carried = storm(amount)
    await plan(desk, digest, carried)
    async with desk.running():
        await desk.ended(MAIL_LANE, amount + 1)
    (mail,) = desk.mailbox.mails
    assert mail.get_content().strip() == f"50 of {amount}"
    told = await desk.said()
    assert len(told) == amount
    for event in told:
        assert isinstance(event, NotificationSent)
        assert event.data.digest == digest.id
        assert event.data.template == "digest"
    assert {event.correlationid for event in told} == {carried[0].correlation}


async def test_a_digest_that_fails_fails_for_all_that_it_carries(desk: Sending) -> None:
    """550: none of it reached anybody."""
    desk.mailbox.refused[LEAD] = "550 5.1.1 no such user"
    digest, carried = storm(3)
    await plan(desk, digest, carried)
    async with desk.running():
        await desk.ended(MAIL_LANE, 4, "failed")
    told = await desk.said()
    assert len(told) == 3
    for event in told:
        assert isinstance(event, NotificationFailed)
        assert (event.data.code, event.data.digest) == (550, digest.id)
    # Of ours, not a customer's: alerts there are tried again.
    assert await desk.query("SELECT * FROM bounces") == []


async def test_what_was_withdrawn_is_not_carried(desk: Sending) -> None:
    """Suppressed before the digest left: it is not counted, and nothing is said of it again."""
    digest, carried = storm(3)
    gone = replace(
        carried[0],
        state=DeliveryState.SUPPRESSED,
        ended_at=said.now(),
        reason="breach_retracted",
    )
    await plan(desk, digest, [gone, *carried[1:]])
    async with desk.running():
        await desk.ended(MAIL_LANE, 3)
    (mail,) = desk.mailbox.mails
    assert mail.get_content().strip() == "2 of 2"
    assert len(await desk.said()) == 2
    assert (await desk.states(MAIL_LANE))["suppressed"] == 1


async def test_a_digest_with_nothing_left_is_not_sent(desk: Sending) -> None:
    """It ends, and nothing is said: of what it carried all is said already."""
    digest, _ = storm(0)
    await plan(desk, digest, [])
    async with desk.running():
        await desk.ended(MAIL_LANE, 1, "suppressed")
    assert desk.mailbox.mails == []
    assert await desk.said() == []
    (row,) = await desk.query("SELECT reason FROM deliveries")
    assert row["reason"] == DigestReason.NOTHING_LEFT


async def test_a_reply_brings_its_messages_and_the_latest_before_them(database: Database) -> None:
    """In order; three earlier ones, the latest first."""
    created = said.ticket_created()
    reply = replace(
        alerts.breach_alert(lane=MAIL_LANE, channel=alerts.MAIL, address=said.ADDRESS),
        kind=DeliveryKind.REPLY,
    )
    async with database.transaction() as connection:
        await store.plan_deliveries(connection, [reply])
        await connection.executemany(
            """
            INSERT INTO messages (
                message, ticket, sequence, author_kind, text, posted_at, caused_by, correlation,
                delivery
            )
            VALUES ($1, $2, $3, $4, $5, $6, $1, $1, $7)
            """,
            [
                (
                    derive_id(created.id, str(number)),
                    reply.ticket,
                    number,
                    AuthorKind.AGENT if number > 5 else AuthorKind.CUSTOMER,
                    f"message {number}",
                    created.time,
                    reply.id if number > 5 else None,
                )
                for number in (7, 6, 5, 4, 3, 2, 1)
            ],
        )
        about = (await store.read_about(connection, [reply]))[reply.id]
    assert [message.text for message in about.messages] == ["message 6", "message 7"]
    assert [message.text for message in about.earlier] == ["message 5", "message 4", "message 3"]
