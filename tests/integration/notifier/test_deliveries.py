"""notifier as a real process: fed by hand, killed where it hurts, with a real SMTP server."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from shared.envelope import Topic
from shared.events import Event
from shared.notifications import NotificationFailed, NotificationSent, NotificationSuppressed
from tests.support import said
from tests.support.desk import Desk, running_desk
from tests.support.stack import Stack
from tests.support.stream import publish, read_events
from tests.support.waiting import until

pytestmark = pytest.mark.timeout(240)  # more than all waits of a test together

LEADS = "support-leads@careline.example"
HOLD = "10"
"""Seconds until another sender takes over from one that died: the least that is allowed."""


@pytest.fixture
def desk(stack: Stack, tmp_path: Path) -> Iterator[Desk]:
    """A desk of which nothing runs yet."""
    with running_desk(stack, tmp_path) as made:
        yield made


async def test_inputs_delivered_twice_come_to_the_same_as_once(desk: Desk) -> None:
    """Every event that notifier hears comes twice: one acknowledgement, one alert."""
    desk.start("notifier")
    await desk.ready("notifier")
    created = said.ticket_created()
    slotted = said.slot(created)
    heard = [created, *slotted.events, said.breach(slotted)]
    await _publish(desk, *(event for event in heard for _ in range(2)))
    await _sent(desk, 2)
    await _publish(desk, *heard)
    other = said.ticket_created("another")
    await _publish(desk, other, *said.slot(other).events)
    # The other ticket's mail goes out behind all that was delivered again before it.
    await _sent(desk, 3)
    assert len(desk.mailbox.to(said.ADDRESS)) == 2
    assert len(desk.mailbox.to(LEADS)) == 1


async def test_an_acknowledgement_waits_for_the_slot_but_not_for_ever(desk: Desk) -> None:
    """Without a slot the acknowledgement goes out when patience is over, and names no plan."""
    desk.start("notifier", CARELINE_PATIENCE="3")
    await desk.ready("notifier")
    patience = timedelta(seconds=3)
    created = said.ticket_created()
    await _publish(desk, created)
    (planned,) = await until(
        lambda: desk.query("notifier", "SELECT not_before FROM deliveries WHERE state = 'planned'"),
        what="the acknowledgement waits",
    )
    # It was planned between the ticket's creation and now.
    assert created.time + patience <= planned["not_before"] <= said.now() + patience
    await _sent(desk, 1)
    (ended,) = await desk.query("notifier", "SELECT ended_at FROM deliveries")
    assert ended["ended_at"] >= planned["not_before"]
    text = desk.mailbox.text_to(said.ADDRESS)
    assert "YOUR PLAN" not in text
    assert "Your Service Plan decides when you will have an answer;" in text
    (mail,) = desk.mailbox.mails
    assert mail["Auto-Submitted"] == "auto-replied"


async def test_a_slot_that_was_heard_before_its_ticket_is_in_the_mail(desk: Desk) -> None:
    """Topics have no order among them: the slot may be heard first."""
    desk.start("notifier")
    await desk.ready("notifier")
    created = said.ticket_created()
    await _publish(desk, *said.slot(created).events)
    await until(lambda: desk.query("notifier", "SELECT 1 FROM tickets"), what="the slot is kept")
    await _publish(desk, created)
    await _sent(desk, 1)
    assert "YOUR PLAN: Platform Care Centurion" in desk.mailbox.text_to(said.ADDRESS)


# The others go with `make long`: sla passes the same places of the shared code in each run.
@pytest.mark.parametrize(
    "place",
    [
        pytest.param("notifier.before_commit", marks=pytest.mark.long),
        "notifier.committed",
        pytest.param("notifier.claimed", marks=pytest.mark.long),
        pytest.param("notifier.composed", marks=pytest.mark.long),
        "notifier.concluded",
        pytest.param("outbox.before_publish", marks=pytest.mark.long),
        pytest.param("outbox.published", marks=pytest.mark.long),
    ],
)
async def test_killed_on_the_way_comes_to_the_same_as_unharmed(desk: Desk, place: str) -> None:
    """SIGKILL around the commit, the claim, the words and the publish: one mail, said once."""
    desk.start("notifier", CARELINE_FAILPOINT=place, CARELINE_HOLD=HOLD)
    await desk.ready("notifier")
    created = said.ticket_created()
    await _publish(desk, created, *said.slot(created).events)
    assert await desk.died("notifier") == -9
    desk.start("notifier", CARELINE_HOLD=HOLD)
    await _sent(desk, 1)
    await until(lambda: _quiet(desk), what="nothing is left to send or to say")
    assert len(desk.mailbox.to(said.ADDRESS)) == 1


async def test_the_unavoidable_second_copy_has_the_same_message_id_and_is_counted(
    desk: Desk,
) -> None:
    """Killed between the server's 250 and our commit: a second copy, known as such."""
    desk.start("notifier", CARELINE_FAILPOINT="notifier.smtp_answered", CARELINE_HOLD=HOLD)
    await desk.ready("notifier")
    created = said.ticket_created()
    await _publish(desk, created, *said.slot(created).events)
    assert await desk.died("notifier") == -9
    desk.start("notifier", CARELINE_HOLD=HOLD)
    (sent,) = await _sent(desk, 1)
    assert isinstance(sent, NotificationSent)
    assert sent.data.second_copy_possible
    first, second = desk.mailbox.to(said.ADDRESS)
    assert first["Message-ID"] == second["Message-ID"]
    async with httpx.AsyncClient() as client:
        metrics = (await client.get(f"{desk.url('notifier')}/metrics")).text
    assert "notifier_second_copies_possible_total 1.0" in metrics.splitlines()
    tries = await desk.query("notifier", "SELECT outcome, ended_at FROM tries ORDER BY attempt")
    assert [row["outcome"] for row in tries] == ["under_way", "accepted"]


async def test_a_refusal_for_good_ends_at_once_and_is_said(desk: Desk) -> None:
    """550 for the recipient: no further try, and the failure is on the stream with its code."""
    desk.mailbox.refused[said.ADDRESS] = "550 no such user"
    desk.start("notifier")
    await desk.ready("notifier")
    created = said.ticket_created()
    await _publish(desk, created, *said.slot(created).events)
    (failed,) = await _sent(desk, 1)
    assert isinstance(failed, NotificationFailed)
    assert (failed.data.reason, failed.data.code, failed.data.attempt) == ("refused", 550, 1)


async def test_a_refusal_for_now_is_tried_again(desk: Desk) -> None:
    """451 for the recipient: the mail waits, and arrives once when the server takes it."""
    desk.mailbox.refused[said.ADDRESS] = "451 come back later"
    desk.start("notifier")
    await desk.ready("notifier")
    created = said.ticket_created()
    await _publish(desk, created, *said.slot(created).events)
    await until(
        lambda: desk.query(
            "notifier", "SELECT 1 FROM deliveries WHERE attempts = 1 AND state = 'planned'"
        ),
        what="one try was refused",
    )
    desk.mailbox.refused.clear()
    (sent,) = await _sent(desk, 1)
    assert isinstance(sent, NotificationSent)
    assert sent.data.attempt == 2
    assert len(desk.mailbox.to(said.ADDRESS)) == 1


async def test_a_mail_that_hangs_holds_back_no_other(desk: Desk) -> None:
    """The server keeps one recipient waiting: a later mail goes out meanwhile; a stop lets both."""
    desk.mailbox.kept_waiting.add(said.ADDRESS)
    desk.start("notifier", CARELINE_SMTP_CONNECTIONS="2")
    await desk.ready("notifier")
    created = said.ticket_created()
    slotted = said.slot(created)
    await _publish(desk, created, *slotted.events)
    await until(
        lambda: desk.query("notifier", "SELECT 1 FROM deliveries WHERE state = 'sending'"),
        what="the acknowledgement is under way",
    )
    await _publish(desk, said.breach(slotted))
    await _sent(desk, 1)
    (row,) = await desk.query(
        "notifier", "SELECT state, attempts FROM deliveries WHERE kind = 'acknowledgement'"
    )
    assert tuple(row) == ("sending", 1)
    assert len(desk.mailbox.to(LEADS)) == 1
    desk.mailbox.kept_waiting.clear()
    await _sent(desk, 2)
    assert desk.stop("notifier") == 0
    assert len(desk.mailbox.to(said.ADDRESS)) == 1


async def test_a_mail_that_breaks_waits_and_holds_back_no_other(desk: Desk) -> None:
    """Facts that no template can use: it is tried again, says why, and goes once mended."""
    desk.start("notifier", CARELINE_PATIENCE="3600", CARELINE_SMTP_CONNECTIONS="1")
    await desk.ready("notifier")
    created = said.ticket_created()
    await _publish(desk, created)
    spoil = "UPDATE deliveries SET facts = '{\"articles\": 5}' RETURNING id"
    await until(lambda: desk.query("notifier", spoil), what="the delivery is planned")
    slotted = said.slot(created)
    await _publish(desk, *slotted.events)
    again = "SELECT 1 FROM deliveries WHERE attempts > 1 AND state = 'planned'"
    await until(lambda: desk.query("notifier", again), what="two tries broke")
    await _publish(desk, said.breach(slotted))
    await _sent(desk, 1)
    assert len(desk.mailbox.to(LEADS)) == 1
    tries = await desk.query(
        "notifier", "SELECT DISTINCT outcome, detail FROM tries WHERE code IS NULL"
    )
    assert ("lost", "could not be composed: TypeError") in map(tuple, tries)
    broke = [line for line in desk.log("notifier") if line["event"] == "delivery_broke"]
    assert {line["ticket"] for line in broke} == {created.subject}
    assert {line["correlation"] for line in broke} == {str(created.correlationid)}
    await desk.query("notifier", "UPDATE deliveries SET facts = '{}' WHERE state <> 'sent'")
    await _sent(desk, 2)
    assert len(desk.mailbox.to(said.ADDRESS)) == 1


async def test_an_address_that_is_none_gets_no_more_mail(desk: Desk) -> None:
    """The mail server knows no such mailbox: it is remembered, and the next mail is held back."""
    desk.mailbox.refused[said.ADDRESS] = "550 5.1.1 no such user"
    desk.start("notifier")
    await desk.ready("notifier")
    for key in ("one", "two"):
        created = said.ticket_created(key)
        await _publish(desk, created, *said.slot(created).events)
        await _sent(desk, 1 if key == "one" else 2)
    failed, suppressed = await _sent(desk, 2)
    assert isinstance(failed, NotificationFailed)
    assert isinstance(suppressed, NotificationSuppressed)
    assert suppressed.data.reason == "address_bounced"
    (row,) = await desk.query("notifier", "SELECT address, status, detail FROM bounces")
    assert tuple(row) == (said.ADDRESS, "5.1.1", "5.1.1 no such user")


async def _publish(desk: Desk, *events: Event) -> None:
    await publish(desk.stack.bootstrap_servers, desk.namespace, events)


async def _sent(desk: Desk, wanted: int) -> list[Event]:
    """What notifier said, once it has said so much; repeats of one id left out."""

    async def complete() -> list[Event] | None:
        said_so_far = await read_events(
            desk.stack.bootstrap_servers, desk.namespace, Topic.NOTIFICATIONS
        )
        known = {event.id: event for event in said_so_far}
        return list(known.values()) if len(known) >= wanted else None

    sent = await until(complete, within=60, what=f"{wanted} notifications")
    assert len(sent) == wanted
    return sent


async def _quiet(desk: Desk) -> bool:
    waiting = await desk.query(
        "notifier",
        "SELECT 1 FROM deliveries WHERE state IN ('planned', 'sending')"
        " UNION ALL SELECT 1 FROM outbox",
    )
    return not waiting
