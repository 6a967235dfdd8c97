"""A mail that was answered with 250 is on the stream; any other is its sender's to send again."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.envelope import Topic
from shared.events import Event, TicketCreated
from shared.messages import AttachmentReceived
from tests.support.desk import Desk, running_desk
from tests.support.lone_broker import LoneBroker, running_broker
from tests.support.mail_sender import a_mail, conversation, stuffed
from tests.support.stack import Stack
from tests.support.stream import read_events
from tests.support.waiting import until

pytestmark = pytest.mark.timeout(240)  # more than all waits of a test together

TOPICS = (Topic.TICKETS, Topic.ATTACHMENTS)


@pytest.fixture
def desk(stack: Stack, tmp_path: Path) -> Iterator[Desk]:
    """A desk of which nothing runs yet."""
    with running_desk(stack, tmp_path) as made:
        yield made


@pytest.fixture
def own_broker() -> Iterator[LoneBroker]:
    """A running broker that this test alone uses, to be mistreated."""
    with running_broker() as running:
        yield running


@pytest.fixture
def lone_desk(stack: Stack, own_broker: LoneBroker, tmp_path: Path) -> Iterator[Desk]:
    """A desk on that broker."""
    own = Stack(own_broker.bootstrap_servers, stack.postgres_admin_dsn)
    with running_desk(own, tmp_path) as made:
        yield made


async def test_killed_between_stream_and_answer_the_same_mail_is_the_same_ticket(
    desk: Desk,
) -> None:
    """The sender never heard of it and sends it again: the same events, its files too."""
    mail = _mail("<killed@customer.example>")
    desk.start("intake", CARELINE_FAILPOINT="intake.mail_published")
    await desk.ready("intake")
    assert await _send(desk, mail) == ""
    assert await desk.died("intake") == -9
    before = {event.id for event in await _events(desk)}
    assert len(before) > 1

    desk.start("intake")
    await desk.ready("intake")
    assert (await _send(desk, mail)).startswith("250 ")
    events = await _events(desk)
    assert {event.id for event in events} == before
    assert len(events) == 2 * len(before)


async def test_killed_behind_the_key_the_mail_sent_again_is_one_ticket(desk: Desk) -> None:
    """A key alone stands there, which opens nothing; sent again, the mail has one of its own."""
    mail = _mail("<key@customer.example>")
    desk.start("intake", CARELINE_FAILPOINT="intake.mail_keys_published")
    await desk.ready("intake")
    assert await _send(desk, mail) == ""
    assert await desk.died("intake") == -9
    assert await _events(desk) == []

    desk.start("intake")
    await desk.ready("intake")
    assert (await _send(desk, mail)).startswith("250 ")
    (created,) = [event for event in await _events(desk) if isinstance(event, TicketCreated)]
    assert created.data.private is not None


async def test_killed_between_files_and_ticket_no_ticket_names_what_is_not_there(
    desk: Desk,
) -> None:
    """The parts of files stand on the stream alone; sent again, the ticket stands behind them."""
    mail = _mail("<files@customer.example>", size=2 * 512 * 1024)
    desk.start("intake", CARELINE_FAILPOINT="intake.mail_files_published")
    await desk.ready("intake")
    assert await _send(desk, mail) == ""
    assert await desk.died("intake") == -9
    files = await _events(desk)
    assert len(files) == 2
    assert all(isinstance(event, AttachmentReceived) for event in files)

    desk.start("intake")
    await desk.ready("intake")
    assert (await _send(desk, mail)).startswith("250 ")
    events = await _events(desk)
    assert len([event for event in events if isinstance(event, TicketCreated)]) == 1
    assert len({event.id for event in events}) == len(files) + 1


async def test_while_kafka_is_silent_a_mail_is_put_off_and_sent_again_it_is_one_ticket(
    lone_desk: Desk, own_broker: LoneBroker
) -> None:
    """451 within the deadline, then at once and before the mail is sent; later 250."""
    lone_desk.start("intake", CARELINE_MAIL_PUBLISH_DEADLINE="2")
    await lone_desk.ready("intake")
    mail = _mail("<away@customer.example>")
    own_broker.freeze()
    try:
        first = await _send(lone_desk, mail)
        async with conversation(lone_desk.ports.smtp_in) as line:
            await line.greet()
            second = await line.say("MAIL FROM:<customer@customer.example>")
    finally:
        own_broker.thaw()
    assert first.startswith("451 4.3.0 ")
    assert second.startswith("451 4.3.0 ")

    async def taken() -> bool:
        return (await _send(lone_desk, mail)).startswith("250 ")

    await until(taken, within=60, what="taken again")
    created = [event for event in await _events(lone_desk) if isinstance(event, TicketCreated)]
    assert len({event.id for event in created}) == 1


@pytest.mark.long
async def test_a_broker_that_dies_while_a_large_mail_is_on_its_way_leaves_no_half(
    lone_desk: Desk, own_broker: LoneBroker
) -> None:
    """Not taken, and once it is, the event that names the files stands behind all their parts."""
    lone_desk.start("intake", CARELINE_MAIL_PUBLISH_DEADLINE="2")
    await lone_desk.ready("intake")
    mail = _mail("<large@customer.example>", size=8 * 1024 * 1024)
    sending = asyncio.create_task(_send(lone_desk, mail))
    await asyncio.sleep(0.3)
    own_broker.kill()
    answer = await sending
    await own_broker.start()
    assert answer[:3] in ("250", "451")

    async def taken() -> bool:
        return (await _send(lone_desk, mail)).startswith("250 ")

    await until(taken, within=60, what="taken again")
    events = await _events(lone_desk)
    (ticket,) = {event.id: event for event in events if isinstance(event, TicketCreated)}.values()
    assert ticket.data.private is not None
    (named,) = ticket.data.private.attachments
    parts = {
        event.data.part
        for event in events
        if isinstance(event, AttachmentReceived) and event.data.attachment == named.id
    }
    assert parts == set(range(1, 17))


def _mail(message_id: str, *, size: int = 1000) -> bytes:
    mail = a_mail(message_id)
    mail.add_attachment(b"\x00" * size, maintype="application", subtype="x-test", filename="a.bin")
    return mail.as_bytes()


async def _send(desk: Desk, mail: bytes) -> str:
    async with conversation(desk.ports.smtp_in) as line:
        await line.greet()
        refused = await line.begin()
        if not refused.startswith("354"):
            return refused
        line.send(stuffed(mail))
        return await line.answer()


async def _events(desk: Desk) -> list[Event]:
    return await read_events(desk.stack.bootstrap_servers, desk.namespace, *TOPICS)
