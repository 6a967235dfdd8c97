"""messaging as a real process: fed by hand, written to over HTTP, killed where it hurts."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from shared.envelope import Topic
from shared.events import Event
from shared.messages import MessagePosted
from shared.topics import dead_letter_name
from tests.support import said
from tests.support.desk import Desk, running_desk
from tests.support.stack import Stack
from tests.support.stream import publish, read_all, read_events
from tests.support.waiting import until

pytestmark = pytest.mark.timeout(270)  # more than all waits of a test together

KEY = {"Idempotency-Key": "one-answer"}


@pytest.fixture
def desk(stack: Stack, tmp_path: Path) -> Iterator[Desk]:
    """A desk of which nothing runs yet."""
    with running_desk(stack, tmp_path) as made:
        yield made


async def test_inputs_delivered_twice_come_to_the_same_as_once(desk: Desk) -> None:
    """Every event that messaging hears, and a message, come twice: one thread with two messages."""
    desk.start("messaging")
    await desk.ready("messaging")
    created = said.ticket_created(account="an-account")
    slotted = said.slot(created)
    heard = [created, *slotted.events, said.acknowledged(created), said.breach(slotted)]
    await _publish(desk, *(event for event in heard for _ in range(2)))
    async with httpx.AsyncClient() as client:
        thread = await until(lambda: _thread(client, desk, created), what="the thread")
        first, second = await _post(client, desk, created), await _post(client, desk, created)
        assert first.status_code == second.status_code == 201
        assert first.json() == second.json()
        thread = await until(lambda: _breached(client, desk, created), what="the breach")
    assert [message["sequence"] for message in thread["messages"]] == [1, 2]
    assert thread["plan"] == "centurion"
    assert thread["acknowledged_at"] is not None
    assert len(thread["clocks"]) == 1
    assert len(await _posted(desk)) == 1


# The others go with `make long`: sla passes the same places of the shared code in each run.
@pytest.mark.parametrize(
    "place", ["outbox.before_publish", pytest.param("outbox.published", marks=pytest.mark.long)]
)
async def test_a_message_survives_a_kill_between_commit_and_publish(desk: Desk, place: str) -> None:
    """A message that was answered with 201 is on the stream once, though its service was killed."""
    desk.start("messaging", CARELINE_FAILPOINT=place)
    await desk.ready("messaging")
    created = said.ticket_created(account="an-account")
    await _publish(desk, created)
    async with httpx.AsyncClient() as client:
        await until(lambda: _thread(client, desk, created), what="the thread")
        answer = await _post(client, desk, created)
        assert answer.status_code == 201
        assert await desk.died("messaging") == -9
        desk.start("messaging")
        await until(lambda: _posted(desk), what="the message is on the stream")
        await desk.ready("messaging")
        assert (await _post(client, desk, created)).json() == answer.json()
        thread = await _thread(client, desk, created)
    assert thread is not None
    assert [message["sequence"] for message in thread["messages"]] == [1, 2]
    assert len({event.id for event in await _posted(desk)}) == 1


@pytest.mark.parametrize(
    "place",
    [pytest.param("messaging.before_commit", marks=pytest.mark.long), "messaging.committed"],
)
async def test_a_thread_is_opened_once_though_its_opener_was_killed(desk: Desk, place: str) -> None:
    """SIGKILL before or after the commit of a batch: one thread, one first message."""
    desk.start("messaging", CARELINE_FAILPOINT=place)
    await desk.ready("messaging")
    created = said.ticket_created(account="an-account")
    await _publish(desk, created)
    assert await desk.died("messaging") == -9
    desk.start("messaging")
    await desk.ready("messaging")
    async with httpx.AsyncClient() as client:
        thread = await until(lambda: _thread(client, desk, created), what="the thread")
    assert [message["sequence"] for message in thread["messages"]] == [1]


async def test_another_request_under_an_old_key_is_put_aside_and_not_lost(desk: Desk) -> None:
    """Of two different requests under one key the first stands, the second is a dead letter."""
    desk.start("messaging")
    await desk.ready("messaging")
    first = said.ticket_created("same", text="My printer burns.")
    await _publish(desk, first, said.ticket_created("same", text="My house burns."))
    topic = dead_letter_name(desk.namespace, "messaging")
    bootstrap = desk.stack.bootstrap_servers
    (dead,) = await until(lambda: read_all(bootstrap, topic), what="the dead letter")
    assert b"My house burns." in dead.value
    assert b"KeyReusedError" in dict(dead.headers)["dead-reason"]
    async with httpx.AsyncClient() as client:
        thread = await until(lambda: _thread(client, desk, first), what="the thread")
    assert [message["text"] for message in thread["messages"]] == ["My printer burns."]


async def test_nobody_reads_or_writes_what_is_not_theirs(desk: Desk) -> None:
    """A stranger is told there is no such ticket; nobody without a token is told anything."""
    desk.start("messaging")
    await desk.ready("messaging")
    created = said.ticket_created(account="an-account")
    await _publish(desk, created)
    url = f"{desk.url('messaging')}/v1/tickets/{created.subject}"
    async with httpx.AsyncClient() as client:
        await until(lambda: _thread(client, desk, created), what="the thread")
        own = await client.get(url, headers=desk.bearer("customer", account="an-account"))
        strange = desk.bearer("customer", account="another-account")
        stranger = await client.get(url, headers=strange)
        writing = await client.post(f"{url}/messages", json={"text": "Hello"}, headers=strange)
        nobody = await client.get(url)
        forged = await client.get(url, headers={"Authorization": "Bearer e30.e30.e30"})
    answers = [own, stranger, writing, nobody, forged]
    assert [answer.status_code for answer in answers] == [200, 404, 404, 401, 401]


async def test_notes_are_for_agents_alone(desk: Desk) -> None:
    """A customer neither sees a note nor writes one."""
    desk.start("messaging")
    await desk.ready("messaging")
    created = said.ticket_created(account="an-account")
    await _publish(desk, created)
    url = f"{desk.url('messaging')}/v1/tickets/{created.subject}"
    note = {"text": "They mean the other printer.", "visibility": "note"}
    customer = desk.bearer("customer", account="an-account")
    async with httpx.AsyncClient() as client:
        await until(lambda: _thread(client, desk, created), what="the thread")
        written = await client.post(f"{url}/messages", json=note, headers=desk.bearer("agent"))
        refused = await client.post(f"{url}/messages", json=note, headers=customer)
        seen = (await client.get(url, headers=customer)).json()["messages"]
    assert (written.status_code, refused.status_code) == (201, 403)
    assert [message["visibility"] for message in seen] == ["public"]


async def test_a_long_thread_opens_in_pages(desk: Desk) -> None:
    """`limit` and `next` lead through all messages in order, each once."""
    desk.start("messaging")
    await desk.ready("messaging")
    created = said.ticket_created(account="an-account")
    await _publish(desk, created)
    url = f"{desk.url('messaging')}/v1/tickets/{created.subject}"
    agent = desk.bearer("agent")
    async with httpx.AsyncClient(headers=agent) as client:
        await until(lambda: _thread(client, desk, created), what="the thread")
        for number in range(6):
            await client.post(f"{url}/messages", json={"text": f"Message {number}"})
        seen: list[int] = []
        after: int | None = 0
        while after is not None:
            page = (await client.get(url, params={"after": after, "limit": 3})).json()
            seen += [message["sequence"] for message in page["messages"]]
            after = page["next"]
        wrong = await client.get(url, params={"limit": 0})
    assert seen == [1, 2, 3, 4, 5, 6, 7]
    assert wrong.status_code == 422
    assert wrong.headers["content-type"] == "application/problem+json"


async def _publish(desk: Desk, *events: Event) -> None:
    await publish(desk.stack.bootstrap_servers, desk.namespace, events)


async def _post(client: httpx.AsyncClient, desk: Desk, created: Event) -> httpx.Response:
    return await client.post(
        f"{desk.url('messaging')}/v1/tickets/{created.subject}/messages",
        json={"text": "It works now."},
        headers=desk.bearer("agent") | KEY,
    )


async def _thread(client: httpx.AsyncClient, desk: Desk, created: Event) -> dict[str, Any] | None:
    answer = await client.get(
        f"{desk.url('messaging')}/v1/tickets/{created.subject}", headers=desk.bearer("agent")
    )
    return answer.json() if answer.status_code == 200 else None


async def _breached(client: httpx.AsyncClient, desk: Desk, created: Event) -> dict[str, Any] | None:
    thread = await _thread(client, desk, created)
    if thread is None or [clock["state"] for clock in thread["clocks"]] != ["breached"]:
        return None
    return thread


async def _posted(desk: Desk) -> list[Event]:
    said_so_far = await read_events(desk.stack.bootstrap_servers, desk.namespace, Topic.MESSAGES)
    return [event for event in said_so_far if isinstance(event, MessagePosted)]
