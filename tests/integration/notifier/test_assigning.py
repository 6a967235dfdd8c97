"""Whoever is given a ticket is told by mail, once; whoever has lost it again is not."""

from collections.abc import Iterator
from datetime import timedelta
from email.message import EmailMessage

import pytest

from deploy.local.ports import free_ports
from services.notifier import composing
from services.notifier.handlers import Rules
from services.notifier.letters.desk import Desk
from shared.database import Database
from shared.events import Event
from shared.handling import TicketAssigned
from shared.notifications import NotificationKind, NotificationSent, NotificationSuppressed
from tests.support import said
from tests.support.composed import DESK, part
from tests.support.mailbox import Mailbox, running_mailbox
from tests.support.notifier_rows import deliveries, hear, outbox, query, ticket
from tests.support.register import Operated
from tests.support.said_handling import AGENT, COLLEAGUE, LEAD, address_of, ticket_assigned
from tests.support.sending import Sending

CREATED = said.ticket_created()
SLOT = said.slot(CREATED, "advanced")
SECOND = timedelta(seconds=1)


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    """Where mail arrives."""
    with running_mailbox(free_ports().smtp) as made:
        yield made


def given(number: int, assignee: str | None, previous: str | None = None) -> TicketAssigned:
    """The ticket is given to somebody, by a lead, a second after the time before."""
    at = CREATED.time + number * SECOND
    return ticket_assigned(CREATED, assignee, previous=previous, at=at, change=number)


async def states(database: Database) -> dict[str, str]:
    """By whom it goes to, how each mail of this kind stands."""
    return {row["address"]: row["state"] for row in await deliveries(database, "assignment")}


async def test_a_mail_is_planned_once_however_often_it_is_heard(database: Database) -> None:
    """In one batch, in another one, and after it has gone out."""
    event = given(1, AGENT)
    await hear(database, CREATED, event, event)
    await hear(database, event)
    (row,) = await deliveries(database, "assignment")
    assert (row["address"], row["lane"], row["state"]) == (address_of(AGENT), "email", "planned")
    assert row["caused_by"] == event.id
    await query(database, "UPDATE deliveries SET state = 'sent', ended_at = now()")
    await hear(database, event)
    assert await states(database) == {address_of(AGENT): "sent"}


async def test_whoever_takes_a_ticket_is_told_nothing(database: Database) -> None:
    """They know; and giving it back is nobody's news."""
    at = CREATED.time
    taken = ticket_assigned(CREATED, LEAD, by=LEAD, at=at + SECOND, change=1)
    await hear(database, CREATED, taken, given(2, None, LEAD))
    assert await states(database) == {}


@pytest.mark.parametrize("together", [True, False], ids=["in one batch", "one by one"])
async def test_only_the_last_holder_is_told(database: Database, *, together: bool) -> None:
    """Given on before the mail went out: it is held back, and that is said with its reason."""
    handed_on: list[Event] = [given(1, AGENT), given(2, COLLEAGUE, AGENT)]
    await hear(database, CREATED)
    for batch in [handed_on] if together else [[event] for event in handed_on]:
        await hear(database, *batch)
    assert await states(database) == {
        address_of(AGENT): "suppressed",
        address_of(COLLEAGUE): "planned",
    }
    (said_of_it,) = [
        event for event in await outbox(database) if isinstance(event, NotificationSuppressed)
    ]
    assert said_of_it.data.kind is NotificationKind.ASSIGNMENT
    assert said_of_it.data.reason == "reassigned"
    assert said_of_it.causationid == handed_on[1].id
    await hear(database, *handed_on)
    assert len(await outbox(database)) == 1


async def test_a_ticket_that_comes_back_is_told_of_by_one_mail(database: Database) -> None:
    """Of two that were for the same person, the one about the last change goes."""
    await hear(database, CREATED, given(1, AGENT))
    await hear(database, given(2, COLLEAGUE, AGENT), given(3, AGENT, COLLEAGUE))
    rows = await deliveries(database, "assignment")
    assert [(row["address"], row["state"]) for row in rows] == [
        (address_of(AGENT), "suppressed"),
        (address_of(COLLEAGUE), "suppressed"),
        (address_of(AGENT), "planned"),
    ]


async def test_given_back_before_it_was_sent_nobody_is_told(database: Database) -> None:
    """It waits for whoever takes it."""
    await hear(database, CREATED, given(1, AGENT))
    await hear(database, given(2, None, AGENT))
    assert await states(database) == {address_of(AGENT): "suppressed"}


async def test_another_queue_leaves_the_mail_and_moves_the_alerts(database: Database) -> None:
    """The ticket stays theirs; who is told by queue is from now on told by the new one."""
    await hear(database, CREATED, given(1, AGENT))
    moved = ticket_assigned(
        CREATED, AGENT, previous=AGENT, at=CREATED.time + 2 * SECOND, change=2, queue="billing"
    )
    await hear(database, moved)
    assert await states(database) == {address_of(AGENT): "planned"}
    assert (await ticket(database, CREATED))["queue"] == "billing"
    await hear(database, CREATED)
    assert (await ticket(database, CREATED))["queue"] == "billing"


async def test_one_under_way_is_marked_and_ends_with_its_try(
    database: Database, mailbox: Mailbox
) -> None:
    """It may have arrived: the try is let go, and none follows."""
    await hear(database, CREATED, given(1, AGENT))
    await query(database, "UPDATE deliveries SET state = 'sending', attempts = 1")
    await hear(database, given(2, COLLEAGUE, AGENT))
    assert (await states(database))[address_of(AGENT)] == "sending"
    await query(database, "UPDATE deliveries SET not_before = now() WHERE state = 'sending'")
    sending = Sending(database, mailbox)
    async with sending.running():
        await sending.ended("email", 1, "suppressed")
        await sending.ended("email", 1, "sent")
    assert [mail["To"] for mail in mailbox.mails if mail["To"] != said.ADDRESS] == [
        address_of(COLLEAGUE)
    ]


async def test_what_is_somebody_elses_by_now_is_not_sent_again(database: Database) -> None:
    """A lead who asks for it is told why not."""
    operated = Operated(database)
    await hear(database, CREATED, given(1, AGENT))
    await query(database, "UPDATE deliveries SET state = 'sent', ended_at = now()")
    await hear(database, given(2, COLLEAGUE, AGENT))
    (first, _) = await deliveries(database, "assignment")
    async with operated.client("lead") as lead:
        url = f"/v1/deliveries/{first['id']}/again"
        refused = await lead.post(url, json={"even_if_sent": True})
    assert (refused.status_code, refused.json()["reason"]) == (409, "reassigned")


async def test_the_mail_names_what_is_due_next_by_the_last_that_was_said(
    database: Database, mailbox: Mailbox
) -> None:
    """A promise that was counted anew since; in whatever order that is heard."""
    sooner = said.moved(SLOT.scheduled, CREATED.time + timedelta(hours=1))
    await hear(database, CREATED, *SLOT.events)
    await hear(database, sooner, SLOT.scheduled, given(1, AGENT))
    (mail,) = await _mailed(database, mailbox, DESK)
    text = part(mail, "plain")
    assert sooner.data.due is not None
    assert f"Next is due: first response, by {sooner.data.due:%A}" in text
    assert f"{sooner.data.due:%H:%M:%S}" in text
    assert f"https://desk.careline.example/inbox/{CREATED.subject}" in text
    (event,) = [
        event
        for event in await outbox(database)
        if isinstance(event, NotificationSent) and event.data.kind is NotificationKind.ASSIGNMENT
    ]
    assert event.data.link is None


async def test_what_stands_still_or_is_over_is_not_due(
    database: Database, mailbox: Mailbox
) -> None:
    """Answered, so that nothing runs: the mail names no time."""
    await hear(database, CREATED, *SLOT.events, said.met(SLOT.scheduled), given(1, AGENT))
    (mail,) = await _mailed(database, mailbox, DESK)
    assert "Next is due" not in part(mail, "plain")
    assert "Platform Care Advanced" in part(mail, "plain")


async def _mailed(database: Database, mailbox: Mailbox, desk: Desk) -> list[EmailMessage]:
    """Send all that is planned; what agents were told."""
    compose = composing.compose_with(lambda: said.CATALOGUE, desk, said.now)
    sending = Sending(database, mailbox, compose=compose)
    async with sending.running():
        await sending.ended("email", 2)
    return mailbox.to(address_of(AGENT))


async def test_a_storm_of_alerts_does_not_hold_it(database: Database) -> None:
    """It is for one person about their own work: it goes by itself, at once."""
    await hear(database, CREATED, given(1, AGENT), rules=Rules())
    (row,) = await deliveries(database, "assignment")
    assert (row["held"], row["digest"]) == (False, None)
