"""messaging as a real process: mails and files come from the stream, and it is killed over them."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from shared.envelope import Topic
from shared.events import Event, TicketCreated, TicketStatus, TicketStatusChanged
from shared.messages import Channel, MessagePosted
from shared.topics import dead_letter_name
from tests.support import said, said_mails
from tests.support.desk import Desk, running_desk
from tests.support.stack import Stack
from tests.support.stream import publish, read_all, read_events
from tests.support.waiting import until

pytestmark = pytest.mark.timeout(180)  # more than all waits of a test together

CONTENT = b"week,rows\n" + b"9,0\n" * 300_000
NAME = "Übersicht.csv"


@pytest.fixture(scope="module")
def open_desk(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A desk of which messaging runs, for several tests of this module; each has its ticket."""
    with running_desk(stack, tmp_path_factory.mktemp("mails")) as made:
        made.start("messaging")
        yield made


async def test_a_mail_with_a_file_is_in_the_thread_though_all_of_it_comes_twice(
    open_desk: Desk,
) -> None:
    """And before its ticket: one message, with its quoted words and a file that can be saved."""
    created = said.ticket_created("a mail with a file", account="an-account")
    file = said_mails.attachment(created, CONTENT, name=NAME)
    mail = said_mails.message_received(created, quoted="> Which report?", attachments=(file,))
    parts = said_mails.attachment_parts(created, file, CONTENT)
    assert len(parts) > 1
    await _publish(open_desk, *parts, mail, *parts, mail, created, created)
    async with httpx.AsyncClient(headers=_customer(open_desk)) as client:
        thread = await until(lambda: _whole(client, open_desk, created), what="the file")
        saved = await client.get(f"{_url(open_desk, created)}/attachments/{file.id}")
    first, message = thread["messages"]
    assert (first["quoted"], first["attachments"]) == (None, [])
    assert (message["quoted"], message["channel"]) == ("> Which report?", "mail")
    assert message["attachments"] == [
        {
            "id": str(file.id),
            "name": NAME,
            "content_type": "text/csv",
            "size_bytes": len(CONTENT),
            "complete": True,
            "broken": False,
        }
    ]
    assert (saved.status_code, saved.content) == (200, CONTENT)
    assert saved.headers["content-type"].startswith("text/csv")
    assert saved.headers["x-content-type-options"] == "nosniff"
    assert "filename*=UTF-8''%C3%9Cbersicht.csv" in saved.headers["content-disposition"]
    assert len(await _posted(open_desk, created)) == 1


async def test_a_file_is_for_those_alone_who_may_read_its_ticket(open_desk: Desk) -> None:
    """A stranger is told that there is none, and nobody finds it under another ticket."""
    created, other = (
        said.ticket_created(key, account=account)
        for key, account in (("whose file", "an-account"), ("not its ticket", "another-account"))
    )
    file = said_mails.attachment(created, b"secret")
    mail = said_mails.message_received(created, attachments=(file,))
    parts = said_mails.attachment_parts(created, file, b"secret")
    await _publish(open_desk, created, other, mail, *parts)
    url, elsewhere = (f"{_url(open_desk, each)}/attachments/{file.id}" for each in (created, other))
    strange = open_desk.bearer("customer", account="another-account")
    async with httpx.AsyncClient() as client:
        await until(lambda: _whole(client, open_desk, created), what="the file")
        await until(lambda: _thread(client, open_desk, other), what="the other thread")
        answers = [
            await client.get(url, headers=_customer(open_desk)),
            await client.get(url, headers=open_desk.bearer("agent")),
            await client.get(url, headers=strange),
            await client.get(elsewhere, headers=strange),
            await client.get(url),
            await client.get(f"{url}0", headers=open_desk.bearer("agent")),
        ]
    assert [answer.status_code for answer in answers] == [200, 200, 404, 404, 401, 404]
    assert answers[0].content == b"secret"


async def test_no_more_of_a_file_is_handed_out_than_its_size(open_desk: Desk) -> None:
    """Whatever has come under its name: a reader was told its length."""
    created = said.ticket_created("longer than told", account="an-account")
    file = said_mails.attachment(created, b"abcdef")
    mail = said_mails.message_received(created, attachments=(file,))
    parts = said_mails.attachment_parts(created, file, b"abcdef", size=3)
    await _publish(open_desk, created, mail, *parts)
    async with httpx.AsyncClient(headers=_customer(open_desk)) as client:
        await until(lambda: _whole(client, open_desk, created), what="the file")
        await open_desk.query(
            "messaging",
            "UPDATE attachment_parts SET content = content || 'ghi'::bytea WHERE attachment = $1",
            file.id,
        )
        saved = await client.get(f"{_url(open_desk, created)}/attachments/{file.id}")
    assert (saved.status_code, saved.content) == (200, b"abcghi")


async def test_a_file_that_is_on_its_way_can_be_asked_for_again(open_desk: Desk) -> None:
    """409 with `Retry-After` until its last part is here; 410 for one that came out wrong."""
    created = said.ticket_created("on its way", account="an-account")
    coming, wrong = (
        said_mails.attachment(created, b"abcdef", place=place, name=f"{place}.txt")
        for place in (1, 2)
    )
    first, last = said_mails.attachment_parts(created, coming, b"abcdef", size=3)
    mail = said_mails.message_received(created, attachments=(coming, wrong))
    spoiled = said_mails.attachment_parts(created, wrong, b"ABCDEF")
    await _publish(open_desk, created, mail, *spoiled, first)
    async with httpx.AsyncClient(headers=_customer(open_desk)) as client:

        async def answer(id_: object, status: int) -> httpx.Response | None:
            found = await client.get(f"{_url(open_desk, created)}/attachments/{id_}")
            return found if found.status_code == status else None

        await until(lambda: answer(wrong.id, 410), what="the broken file")
        early = await until(lambda: answer(coming.id, 409), what="the incomplete file")
        assert early.headers["content-type"] == "application/problem+json"
        assert int(early.headers["retry-after"]) > 0
        await _publish(open_desk, last)
        whole = await until(lambda: answer(coming.id, 200), what="the whole file")
    assert whole.content == b"abcdef"


async def test_a_mail_opens_a_closed_ticket_again(open_desk: Desk) -> None:
    """By the customer, at the mail's instant, which led to it."""
    created = said.ticket_created("closed", account="an-account")
    await _publish(open_desk, created)
    agent = open_desk.bearer("agent")
    async with httpx.AsyncClient(headers=agent) as client:
        await until(lambda: _thread(client, open_desk, created), what="the thread")
        closed = await client.put(f"{_url(open_desk, created)}/status", json={"status": "closed"})
        assert closed.status_code == 200
        await _publish(open_desk, said_mails.message_received(created))
        (posted,) = await until(lambda: _posted(open_desk, created), what="what is said of it")
        thread = await _thread(client, open_desk, created)
    assert thread is not None
    assert (thread["status"], len(thread["messages"])) == ("open", 2)
    bootstrap, namespace = open_desk.stack.bootstrap_servers, open_desk.namespace
    _, opened = [
        event
        for event in await read_events(bootstrap, namespace, Topic.TICKETS)
        if event.subject == created.subject and isinstance(event, TicketStatusChanged)
    ]
    assert opened.data.previous is TicketStatus.CLOSED
    assert (opened.data.by, opened.causationid) == (created.data.requester, posted.id)


async def test_a_strangers_mail_is_a_dead_letter(open_desk: Desk) -> None:
    """Put aside with its reason; what comes behind it goes on."""
    created = said.ticket_created("a stranger", account="an-account")
    mail = said_mails.message_received(created, text="Let me in.")
    behind = said_mails.message_received(created, "behind", text="I am still here.")
    await _publish(open_desk, created)
    async with httpx.AsyncClient() as client:
        await until(lambda: _thread(client, open_desk, created), what="the thread")
        await _publish(open_desk, said_mails.by_somebody_else(mail), behind)
        await until(lambda: _posted(open_desk, created), what="the next mail")
        thread = await _thread(client, open_desk, created)
    assert thread is not None
    assert [message["text"] for message in thread["messages"]] == ["Help!", "I am still here."]
    topic = dead_letter_name(open_desk.namespace, "messaging")
    (dead,) = await read_all(open_desk.stack.bootstrap_servers, topic)
    assert b"Let me in." in dead.value
    assert b"StrangerError" in dict(dead.headers)["dead-reason"]


# The others go with `make long`: sla passes the same places of the shared code in each run.
@pytest.mark.parametrize(
    "place",
    [
        # the first batch opens the thread
        pytest.param("messaging.before_commit:2", marks=pytest.mark.long),
        "messaging.committed:2",
        pytest.param("outbox.before_publish", marks=pytest.mark.long),
        pytest.param("outbox.published", marks=pytest.mark.long),
    ],
)
async def test_a_mail_is_kept_and_said_once_though_its_reader_was_killed(
    desk: Desk, place: str
) -> None:
    """SIGKILL before or after the commit that keeps it, and around what is said of it."""
    desk.start("messaging", CARELINE_FAILPOINT=place)
    await desk.ready("messaging")
    created = said.ticket_created(account="an-account")
    await _publish(desk, created)
    file = said_mails.attachment(created, b"abc")
    mail = said_mails.message_received(created, attachments=(file,))
    async with httpx.AsyncClient() as client:
        await until(lambda: _thread(client, desk, created), what="the thread")
        await _publish(desk, mail)
        assert await desk.died("messaging") == -9
        desk.start("messaging")
        await _publish(desk, *said_mails.attachment_parts(created, file, b"abc"))
        thread = await until(lambda: _whole(client, desk, created), what="the file")
        posted = await until(lambda: _posted(desk, created), what="the mail is said")
    assert [message["sequence"] for message in thread["messages"]] == [1, 2]
    assert {event.data.channel for event in posted} == {Channel.MAIL}
    assert len({event.id for event in posted}) == 1


def _customer(desk: Desk) -> dict[str, str]:
    return desk.bearer("customer", account="an-account")


def _url(desk: Desk, created: TicketCreated) -> str:
    return f"{desk.url('messaging')}/v1/tickets/{created.subject}"


async def _publish(desk: Desk, *events: Event) -> None:
    await desk.ready("messaging")
    await publish(desk.stack.bootstrap_servers, desk.namespace, events)


async def _thread(
    client: httpx.AsyncClient, desk: Desk, created: TicketCreated
) -> dict[str, Any] | None:
    try:
        answer = await client.get(_url(desk, created), headers=desk.bearer("agent"))
    except httpx.TransportError:
        return None
    return answer.json() if answer.status_code == 200 else None


async def _whole(
    client: httpx.AsyncClient, desk: Desk, created: TicketCreated
) -> dict[str, Any] | None:
    """The thread, once the files of its last message are complete."""
    thread = await _thread(client, desk, created)
    files = thread["messages"][-1]["attachments"] if thread else []
    return thread if files and all(file["complete"] for file in files) else None


async def _posted(desk: Desk, created: TicketCreated) -> list[MessagePosted]:
    found = await read_events(desk.stack.bootstrap_servers, desk.namespace, Topic.MESSAGES)
    return [
        event
        for event in found
        if isinstance(event, MessagePosted) and event.subject == created.subject
    ]
