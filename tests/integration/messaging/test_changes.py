"""Status and priority of a ticket over HTTP: who may set what, and what is said of it."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from shared.envelope import Topic
from shared.events import (
    Event,
    TicketCreated,
    TicketPriorityChanged,
    TicketStatus,
    TicketStatusChanged,
)
from shared.messages import AuthorKind, MessagePosted
from tests.support import said
from tests.support.desk import Desk, running_desk
from tests.support.stack import Stack
from tests.support.stream import publish, read_events
from tests.support.waiting import until

pytestmark = pytest.mark.timeout(180)  # more than all waits of a test together

WORDS = {"text": "It does it again."}


@pytest.fixture(scope="module")
def desk(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A desk of which messaging runs, for all tests of this module; each has its own ticket."""
    with running_desk(stack, tmp_path_factory.mktemp("changes")) as made:
        made.start("messaging")
        yield made


@dataclass(frozen=True)
class Ticket:
    """A ticket of this desk, as its agent, its customer and a stranger reach it."""

    desk: Desk
    created: TicketCreated
    client: httpx.AsyncClient

    async def put(self, what: str, value: str, who: dict[str, str]) -> httpx.Response:
        """Set its status or priority."""
        return await self.client.put(f"{self.url}/{what}", json={what: value}, headers=who)

    async def write(self, who: dict[str, str], key: str, **more: str) -> httpx.Response:
        """Write into its thread."""
        headers = who | {"Idempotency-Key": key}
        return await self.client.post(f"{self.url}/messages", json=WORDS | more, headers=headers)

    async def shown(self) -> dict[str, Any]:
        """The thread, once it is there."""
        answer = await until(self._answer, what="the thread")
        shown: dict[str, Any] = answer.json()
        return shown

    async def events(self, count: int) -> list[Event]:
        """What messaging has said of it, once that is so much; topic by topic, in order."""

        async def enough() -> list[Event] | None:
            found = [
                event
                for topic in (Topic.TICKETS, Topic.MESSAGES)
                for event in await read_events(
                    self.desk.stack.bootstrap_servers, self.desk.namespace, topic
                )
                if event.subject == self.created.subject and event.id != self.created.id
            ]
            return found if len(found) >= count else None

        return await until(enough, what=f"{count} events")

    @property
    def url(self) -> str:
        """Where it is."""
        return f"{self.desk.url('messaging')}/v1/tickets/{self.created.subject}"

    @property
    def agent(self) -> dict[str, str]:
        """One of us."""
        return self.desk.bearer("agent")

    @property
    def customer(self) -> dict[str, str]:
        """Whose ticket it is."""
        return self.desk.bearer("customer", account="an-account")

    @property
    def stranger(self) -> dict[str, str]:
        """A customer of another account."""
        return self.desk.bearer("customer", account="another-account")

    async def _answer(self) -> httpx.Response | None:
        answer = await self.client.get(self.url, headers=self.agent)
        return answer if answer.status_code == 200 else None


@pytest.fixture
async def ticket(desk: Desk, request: pytest.FixtureRequest) -> AsyncIterator[Ticket]:
    """A new ticket whose thread is open."""
    await desk.ready("messaging")
    created = said.ticket_created(request.node.name, account="an-account")
    await publish(desk.stack.bootstrap_servers, desk.namespace, [created])
    async with httpx.AsyncClient() as client:
        made = Ticket(desk, created, client)
        assert (await made.shown())["status"] == "open"
        yield made


async def test_a_change_is_shown_and_said_once_however_often_it_is_asked_for(
    ticket: Ticket,
) -> None:
    """PUT is idempotent: 200 each time, and one event per change."""
    for _ in range(2):
        status = await ticket.put("status", "pending", ticket.agent)
        priority = await ticket.put("priority", "urgent", ticket.agent)
        assert (status.status_code, priority.status_code) == (200, 200)
        assert priority.json()["status"] == "pending"
        assert priority.json()["priority"] == "urgent"
    shown = await ticket.shown()
    assert (shown["status"], shown["priority"]) == ("pending", "urgent")
    # The next change lies behind whatever was said of the ones before it.
    await ticket.put("status", "on_hold", ticket.agent)
    pending, urgent, held = await ticket.events(3)
    assert isinstance(pending, TicketStatusChanged)
    assert (pending.data.previous, pending.data.status) == (
        TicketStatus.OPEN,
        TicketStatus.PENDING,
    )
    assert (pending.data.by_kind, pending.data.by) == (AuthorKind.AGENT, "a-agent")
    assert isinstance(urgent, TicketPriorityChanged)
    assert isinstance(held, TicketStatusChanged)
    assert held.data.previous is TicketStatus.PENDING
    assert pending.time < urgent.time < held.time
    assert {event.correlationid for event in (pending, urgent, held)} == {ticket.created.id}


async def test_a_customer_says_that_it_is_solved_and_that_it_is_not(ticket: Ticket) -> None:
    """Of their own ticket; everything else is refused, and changes nothing."""
    solved = await ticket.put("status", "resolved", ticket.customer)
    again = await ticket.put("status", "open", ticket.customer)
    assert (solved.status_code, again.status_code) == (200, 200)
    refused = [
        await ticket.put("status", value, ticket.customer) for value in ("pending", "on_hold")
    ]
    refused.append(await ticket.put("priority", "urgent", ticket.customer))
    assert {answer.status_code for answer in refused} == {403}
    assert {each.headers["content-type"] for each in refused} == {"application/problem+json"}
    shown = await ticket.shown()
    assert (shown["status"], shown["priority"]) == ("open", "normal")
    resolved, opened = await ticket.events(2)
    assert isinstance(resolved, TicketStatusChanged)
    assert isinstance(opened, TicketStatusChanged)
    assert (resolved.data.status, opened.data.status) == (TicketStatus.RESOLVED, TicketStatus.OPEN)
    assert {event.data.by_kind for event in (resolved, opened)} == {AuthorKind.CUSTOMER}


async def test_a_stranger_is_told_that_there_is_no_such_ticket(ticket: Ticket) -> None:
    """Whatever they ask for; who brings no token is told nothing at all."""
    answers = [
        await ticket.put("status", "resolved", ticket.stranger),
        await ticket.put("status", "closed", ticket.stranger),
        await ticket.put("priority", "urgent", ticket.stranger),
    ]
    assert {answer.status_code for answer in answers} == {404}
    nobody = await ticket.put("status", "resolved", {})
    assert nobody.status_code == 401
    assert (await ticket.shown())["status"] == "open"


@pytest.mark.parametrize(
    ("what", "body"),
    [("status", {"status": "solved"}), ("priority", {"priority": 1}), ("status", {})],
)
async def test_what_is_no_status_or_priority_is_refused(
    ticket: Ticket, what: str, body: dict[str, object]
) -> None:
    """422 that points at the field."""
    answer = await ticket.client.put(f"{ticket.url}/{what}", json=body, headers=ticket.agent)
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == [f"/{what}"]


@pytest.mark.parametrize("status", ["pending", "resolved"])
async def test_a_customers_message_opens_the_ticket_again(ticket: Ticket, status: str) -> None:
    """At the message's instant and by the message; sent again, it does so no second time."""
    await ticket.put("status", status, ticket.agent)
    first = await ticket.write(ticket.customer, "once")
    assert first.status_code == 201
    assert (await ticket.shown())["status"] == "open"
    await ticket.put("status", status, ticket.agent)
    repeated = await ticket.write(ticket.customer, "once")
    assert repeated.json() == first.json()
    assert (await ticket.shown())["status"] == status
    _, opened, _, posted = await ticket.events(4)
    assert isinstance(opened, TicketStatusChanged)
    assert isinstance(posted, MessagePosted)
    assert opened.data.status is TicketStatus.OPEN
    assert opened.data.previous == status
    assert opened.data.by_kind is AuthorKind.CUSTOMER
    assert (opened.time, opened.causationid) == (posted.time, posted.id)


async def test_no_other_message_changes_the_status(ticket: Ticket) -> None:
    """Neither an agent's answer or note, nor a customer's word on what is on hold."""
    await ticket.put("status", "pending", ticket.agent)
    written = [
        await ticket.write(ticket.agent, "an-answer"),
        await ticket.write(ticket.agent, "a-note", visibility="note"),
    ]
    assert (await ticket.shown())["status"] == "pending"
    await ticket.put("status", "on_hold", ticket.agent)
    written.append(await ticket.write(ticket.customer, "a-question"))
    assert {answer.status_code for answer in written} == {201}
    assert (await ticket.shown())["status"] == "on_hold"


async def test_closed_is_final_for_the_customer_and_not_for_us(ticket: Ticket) -> None:
    """They are told to write a new request; what they had written before is still theirs."""
    before = await ticket.write(ticket.customer, "before")
    await ticket.put("status", "closed", ticket.agent)
    refused = [
        await ticket.write(ticket.customer, "after"),
        await ticket.put("status", "open", ticket.customer),
        await ticket.put("status", "resolved", ticket.customer),
    ]
    assert {answer.status_code for answer in refused} == {409}
    assert all("new request" in answer.json()["detail"] for answer in refused)
    repeated = await ticket.write(ticket.customer, "before")
    assert (repeated.status_code, repeated.json()) == (201, before.json())
    assert (await ticket.write(ticket.agent, "a-last-word")).status_code == 201
    shown = await ticket.shown()
    assert (shown["status"], len(shown["messages"])) == ("closed", 3)
    opened = await ticket.put("status", "open", ticket.agent)
    assert opened.json()["status"] == "open"
    assert (await ticket.write(ticket.customer, "after")).status_code == 201
