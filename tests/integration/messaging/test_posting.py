"""Messages from pages: written once under one key, with their files, by whoever may."""

import asyncio
import hashlib

import pytest

from services.messaging import store
from services.messaging.doing import posting
from services.messaging.files import FileState
from services.messaging.visitors import Visitor
from shared.attached import PART_BYTES
from shared.database import Database
from shared.events import TicketStatus
from shared.forms import SentFile
from shared.messages import AttachmentReceived, AuthorKind, Channel, MessagePosted, Visibility
from tests.support import said
from tests.support.inbox import content, hear, shown
from tests.support.visiting import (
    ACCOUNT,
    AGENT,
    customer,
    guest,
    neighbour,
    post,
    status_of,
    thread_of,
)

CREATED = said.ticket_created(account=ACCOUNT)
TICKET = said.ticket_of(CREATED)
LARGE = hashlib.shake_256(b"what nobody can pack").digest(2 * PART_BYTES + 17)


@pytest.fixture(autouse=True)
async def opened(database: Database) -> None:
    """The ticket is there."""
    await hear(database, CREATED)


async def test_customers_add_so_many_files_in_an_hour(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By bytes, whoever of them it is; words are taken all the same, and agents' files."""
    monkeypatch.setattr(posting, "MOST_BYTES", 10)
    four = [SentFile("a.txt", "", b"four")]
    for visitor in (customer(), guest(TICKET)):
        await post(database, visitor, TICKET, "Look", key="k", files=four)
        await post(database, visitor, TICKET, "Look", key="k", files=four)
    assert await status_of(post(database, guest(TICKET), TICKET, "Look", files=four)) == 429
    await post(database, guest(TICKET), TICKET, "Then without")
    await post(database, AGENT, TICKET, "See there", files=four)
    assert len((await shown(database, TICKET)).texts) == 5


async def test_one_key_is_one_message(database: Database) -> None:
    """However often it is sent, one after the other or at once; another text is refused."""
    first = await post(database, customer(), TICKET, "Hello", key="k")
    again = [post(database, customer(), TICKET, "Hello", key="k") for _ in range(5)]
    assert set(await asyncio.gather(*again)) == {first}
    assert await status_of(post(database, customer(), TICKET, "Bye", key="k")) == 422
    found = await shown(database, TICKET)
    assert found.texts == ["Help!", "Hello"]
    assert [type(event) for event in found.said] == [MessagePosted]


async def test_many_at_once_stand_in_order_without_gaps(database: Database) -> None:
    """Each has a place of its own, and its time never runs back."""
    writing = [
        post(database, who, TICKET, f"{who.caller.subject} {number}")
        for number in range(5)
        for who in (customer(), AGENT)
    ]
    await asyncio.gather(*writing)
    found = await shown(database, TICKET)
    assert [message.sequence for message in found.messages] == list(range(1, 12))
    said_places = [each.data.sequence for each in found.said if isinstance(each, MessagePosted)]
    assert said_places == list(range(2, 12))


@pytest.mark.parametrize(
    ("who", "author", "name"),
    [
        (customer(), "c-one", "A Customer"),
        (neighbour(said.REQUESTER), "c-two", None),
        (guest(TICKET), said.REQUESTER, "A Customer"),
        (AGENT, "a-agent", "An Agent"),
    ],
)
async def test_a_message_names_its_author(
    database: Database, who: Visitor, author: str, name: str | None
) -> None:
    """Who only has a link writes as who asked."""
    message = await post(database, who, TICKET, "Hello", channel=Channel.CHAT)
    assert (message.author, message.author_name) == (author, name)
    assert message.author_kind is (AuthorKind.AGENT if who.is_staff else AuthorKind.CUSTOMER)
    assert message.channel is Channel.CHAT


async def test_files_come_with_their_message_and_are_said_in_parts(database: Database) -> None:
    """Whole at once; what is heard of our own parts afterwards changes nothing."""
    sent = (
        SentFile("../../ein Bild\u202egnp.png", "Image/PNG; name=x", LARGE),
        SentFile("", "no type", b""),
    )
    for _ in range(2):
        message = await post(database, customer(), TICKET, "Look", files=sent)
    found = await shown(database, TICKET)
    picture, empty = found.files[message.id]
    assert (picture.name, picture.content_type) == ("ein Bildgnp.png", "image/png")
    assert (empty.name, empty.content_type) == ("file-2", "application/octet-stream")
    assert picture.state is empty.state is FileState.COMPLETE
    assert (await content(database, picture.id), await content(database, empty.id)) == (LARGE, b"")
    posted = [event for event in found.said if isinstance(event, MessagePosted)]
    assert posted[0].data.private is not None
    assert [each.id for each in posted[0].data.private.attachments] == [picture.id, empty.id]
    parts = [event for event in found.said if isinstance(event, AttachmentReceived)]
    numbered = [(each.data.part, each.data.parts) for each in parts]
    assert numbered == [(1, 3), (2, 3), (3, 3), (1, 1)]
    await hear(database, *parts)
    assert await shown(database, TICKET) == found


async def test_a_file_may_come_without_words(database: Database) -> None:
    """But something has to come."""
    await post(database, customer(), TICKET, "", key="k", files=[SentFile("a.txt", "", b"a")])
    assert await status_of(post(database, customer(), TICKET, "", key="l")) == 422


@pytest.mark.parametrize("text", ["", "x" * 50_001, "\x00"])
async def test_what_cannot_be_kept_is_refused(database: Database, text: str) -> None:
    """Nothing, too much, or what Postgres doesn't take."""
    assert await status_of(post(database, customer(), TICKET, text, key="k")) == 422


async def test_notes_are_written_and_seen_by_agents_alone(database: Database) -> None:
    """A customer's connection doesn't even find them."""
    note = Visibility.NOTE
    assert await status_of(post(database, customer(), TICKET, "Hm", visibility=note)) == 403
    await post(database, AGENT, TICKET, "Hm", visibility=note)
    assert (await shown(database, TICKET)).texts == ["Help!", "Hm"]


async def test_a_customer_asks_for_a_plan_in_their_message(database: Database) -> None:
    """The thread remembers it until somebody deals with it; agents ask sla instead."""
    message = await post(database, customer(), TICKET, "Please", asks_for_plan="advanced")
    assert message.asks_for_plan == "advanced"
    (event,) = (await shown(database, TICKET)).said
    assert isinstance(event, MessagePosted)
    assert event.data.asks_for_plan == "advanced"
    assert (await thread_of(database, TICKET)).asked_plan == "advanced"
    assert await status_of(post(database, AGENT, TICKET, "x", asks_for_plan="advanced")) == 403
    assert await status_of(post(database, customer(), TICKET, "x", asks_for_plan="a b")) == 422


async def test_pages_run_through_a_thread_both_ways(database: Database) -> None:
    """From its beginning on, and from its end back, without a gap between them."""
    for number in range(2, 8):
        await post(database, AGENT, TICKET, str(number))
    async with database.connection() as connection:

        async def page(**where: int) -> list[int]:
            found = await store.list_messages(
                connection,
                TICKET,
                limit=3,
                notes=True,
                **where,
            )
            return [message.sequence for message in found]

        assert await page() == [1, 2, 3]
        assert await page(after=3) == [4, 5, 6]
        assert await page(before=store.LATEST) == [5, 6, 7]
        assert await page(before=5) == [2, 3, 4]
        assert await page(before=2) == [1]
        assert await page(after=1, before=4) == [2, 3]
    assert (await thread_of(database, TICKET)).status is TicketStatus.OPEN
