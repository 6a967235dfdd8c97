"""What people do with a ticket: kept and said once, however often it is asked for."""

import asyncio
from uuid import UUID

import pytest

from services.messaging import doing, store
from services.messaging.domain import Thread
from services.messaging.visitors import Visitor
from shared.database import Database
from shared.events import TicketStatus, TicketStatusChanged
from shared.handling import TicketAssigned, TicketTagsChanged
from shared.identity import Caller, Role
from shared.messages import AuthorKind, Visibility
from shared.plans import Priority
from tests.support import said
from tests.support.inbox import hear, shown
from tests.support.visiting import (
    ACCOUNT,
    AGENT,
    customer,
    do,
    guest,
    meet,
    neighbour,
    post,
    status_of,
    thread_of,
)

CREATED = said.ticket_created(account=ACCOUNT)
TICKET = said.ticket_of(CREATED)


@pytest.fixture(autouse=True)
async def opened(database: Database) -> None:
    """The ticket is there."""
    await hear(database, CREATED)


async def _said(database: Database, kind: type) -> list[object]:
    return [event for event in (await shown(database, TICKET)).said if isinstance(event, kind)]


async def test_an_agent_takes_a_ticket_once(database: Database) -> None:
    """Whoever asks for themself need not have been on our pages; asked again, nothing is said."""
    for _ in range(2):
        thread = await do(database, AGENT, doing.assign, TICKET, assignee="a-agent")
        assert (thread.assignee, thread.assignee_name) == ("a-agent", "An Agent")
    (event,) = await _said(database, TicketAssigned)
    assert isinstance(event, TicketAssigned)
    assert (event.data.assignee, event.data.previous_assignee) == ("a-agent", None)
    assert (event.data.queue, event.data.previous_queue) == ("support", "support")
    assert (event.data.by_kind, event.data.by) == (AuthorKind.AGENT, "a-agent")


async def test_a_ticket_is_given_to_a_colleague_and_back(database: Database) -> None:
    """They are told by the address of their sign-in; back means that it is nobody's."""
    await meet(database, "a-colleague", Role.AGENT, name="Kim Colleague")
    given = await do(database, AGENT, doing.assign, TICKET, assignee="a-colleague")
    assert given.assignee_name == "Kim Colleague"
    back = await do(database, AGENT, doing.assign, TICKET, assignee=None)
    assert (back.assignee, back.assignee_name) == (None, None)
    first, second = await _said(database, TicketAssigned)
    assert isinstance(first, TicketAssigned)
    assert isinstance(second, TicketAssigned)
    assert first.data.private is not None
    assert first.data.private.assignee_address == "a-colleague@desk.example"
    assert (second.data.assignee, second.data.previous_assignee) == (None, "a-colleague")
    assert second.data.private is None


async def test_another_queue_leaves_the_assignee_and_both_can_change_at_once(
    database: Database,
) -> None:
    """What is not named stays as it is."""
    await do(database, AGENT, doing.assign, TICKET, assignee="a-agent")
    moved = await do(database, AGENT, doing.assign, TICKET, queue="billing")
    assert (moved.assignee, moved.assignee_name, moved.queue) == ("a-agent", "An Agent", "billing")
    both = await do(database, AGENT, doing.assign, TICKET, assignee=None, queue="support")
    assert (both.assignee, both.queue) == (None, "support")
    events = await _said(database, TicketAssigned)
    queues = [event.data.queue for event in events if isinstance(event, TicketAssigned)]
    assert queues == ["support", "billing", "support"]


@pytest.mark.parametrize("subject", ["nobody", "c-one", ""])
async def test_only_people_of_the_desk_are_assigned(database: Database, subject: str) -> None:
    """Neither somebody unknown nor a customer who has signed in."""
    await meet(database, "c-one", Role.CUSTOMER)
    asked = do(database, AGENT, doing.assign, TICKET, assignee=subject)
    assert await status_of(asked) == 422
    assert (await thread_of(database, TICKET)).assignee is None


@pytest.mark.parametrize("queue", ["", "-", "a b", "x" * 101, "a\x00"])
async def test_what_is_no_queue_is_refused(database: Database, queue: str) -> None:
    """Queues are called as intake calls them."""
    assert await status_of(do(database, AGENT, doing.assign, TICKET, queue=queue)) == 422


async def test_tags_are_small_letters_each_once_in_order(database: Database) -> None:
    """What was added and taken away is said; the same tags again are no change."""
    for _ in range(2):
        await do(database, AGENT, doing.set_tags, TICKET, ["Login", "app.ios", "login "])
    thread = await do(database, AGENT, doing.set_tags, TICKET, ["login", "größe"])
    assert thread.tags == ("größe", "login")
    first, second = await _said(database, TicketTagsChanged)
    assert isinstance(first, TicketTagsChanged)
    assert isinstance(second, TicketTagsChanged)
    assert first.data.tags == ("app.ios", "login")
    assert (second.data.added, second.data.removed) == (("größe",), ("app.ios",))


@pytest.mark.parametrize(
    "tags", [["two words"], [""], ["x" * 41], ["a/b"], [f"tag-{number}" for number in range(21)]]
)
async def test_what_is_no_tag_is_refused(database: Database, tags: list[str]) -> None:
    """And more than twenty of them: nothing is kept of either."""
    assert await status_of(do(database, AGENT, doing.set_tags, TICKET, tags)) == 422
    assert (await thread_of(database, TICKET)).tags == ()


@pytest.mark.parametrize("who", [customer(), guest(TICKET), neighbour(said.REQUESTER)])
async def test_customers_set_nothing_that_is_ours(database: Database, who: Visitor) -> None:
    """They are told that it is for agents, and nothing changes."""
    refused = [
        await status_of(do(database, who, doing.assign, TICKET, assignee="c-one")),
        await status_of(do(database, who, doing.set_tags, TICKET, ["mine"])),
        await status_of(do(database, who, doing.set_priority, TICKET, Priority.URGENT)),
        await status_of(do(database, who, doing.set_status, TICKET, TicketStatus.ON_HOLD)),
        await status_of(do(database, who, doing.unmerge, TICKET)),
        await status_of(do(database, who, doing.request_plan, TICKET, "advanced")),
        await status_of(do(database, who, doing.merge, TICKET, TICKET)),
    ]
    assert set(refused) == {403}
    assert (await shown(database, TICKET)).said == []


@pytest.mark.parametrize(
    "who", [customer("another-account"), customer(None), guest(UUID(int=1)), neighbour("r-other")]
)
async def test_strangers_are_told_that_there_is_no_such_ticket(
    database: Database, who: Visitor
) -> None:
    """Whatever they ask for."""
    refused = [
        await status_of(do(database, who, doing.set_status, TICKET, TicketStatus.RESOLVED)),
        await status_of(do(database, who, doing.mark_read, TICKET, 1)),
        await status_of(post(database, who, TICKET, "Hello")),
        await status_of(do(database, who, doing.assign, TICKET, assignee=None)),
    ]
    assert set(refused) == {404}
    assert (await shown(database, TICKET)).texts == ["Help!"]


@pytest.mark.parametrize("who", [customer(), guest(TICKET), neighbour(said.REQUESTER)])
async def test_a_customer_closes_their_ticket_and_opens_it_again(
    database: Database, who: Visitor
) -> None:
    """Who closed it themself may think better of it."""
    closed = await do(database, who, doing.set_status, TICKET, TicketStatus.CLOSED)
    assert (closed.status, closed.closed_by) == (TicketStatus.CLOSED, AuthorKind.CUSTOMER)
    opened = await do(database, who, doing.set_status, TICKET, TicketStatus.OPEN)
    assert (opened.status, opened.closed_by) == (TicketStatus.OPEN, None)
    author = who.caller.subject or said.REQUESTER
    events = await _said(database, TicketStatusChanged)
    by = [event.data.by for event in events if isinstance(event, TicketStatusChanged)]
    assert by == [author, author]


async def test_a_message_opens_what_its_customer_closed(database: Database) -> None:
    """As it opens what was resolved."""
    await do(database, customer(), doing.set_status, TICKET, TicketStatus.CLOSED)
    await post(database, customer(), TICKET, "It is back.")
    assert (await thread_of(database, TICKET)).status is TicketStatus.OPEN


async def test_what_an_agent_closed_is_closed_for_good(database: Database) -> None:
    """For customers, whatever they try; also if they had closed and opened it before."""
    await do(database, customer(), doing.set_status, TICKET, TicketStatus.CLOSED)
    await do(database, AGENT, doing.set_status, TICKET, TicketStatus.OPEN)
    await do(database, AGENT, doing.set_status, TICKET, TicketStatus.CLOSED)
    opening = do(database, customer(), doing.set_status, TICKET, TicketStatus.OPEN)
    assert await status_of(opening) == 409
    assert await status_of(post(database, customer(), TICKET, "Hello?")) == 409
    again = do(database, customer(), doing.set_status, TICKET, TicketStatus.CLOSED)
    assert await status_of(again) == 0


async def test_two_agents_at_once_take_a_ticket_one_after_the_other(database: Database) -> None:
    """Both succeed, the second takes it from the first, and each event knows what was before."""
    other = Visitor(Caller("a-other", None, "An Other", frozenset({Role.AGENT})))

    async def take(who: Visitor) -> Thread:
        return await do(database, who, doing.assign, TICKET, assignee=who.caller.subject)

    await asyncio.gather(take(AGENT), take(other))
    first, second = await _said(database, TicketAssigned)
    assert isinstance(first, TicketAssigned)
    assert isinstance(second, TicketAssigned)
    assert second.data.previous_assignee == first.data.assignee
    assert second.time > first.time
    assert (await thread_of(database, TICKET)).assignee == second.data.assignee


async def test_the_same_change_asked_for_by_many_at_once_is_said_once(database: Database) -> None:
    """Five clicks on one button."""
    tagging = [do(database, AGENT, doing.set_tags, TICKET, ["login"]) for _ in range(5)]
    await asyncio.gather(*tagging)
    assert len(await _said(database, TicketTagsChanged)) == 1


async def test_reading_never_goes_back_nor_beyond_the_end(database: Database) -> None:
    """How far each one has read is their own; what they wrote is no news to them."""
    for number in range(3):
        await post(database, AGENT, TICKET, f"Answer {number}")
    await post(database, customer(), TICKET, "Thanks!")
    assert await _unread(database, AGENT) == 2  # the request itself, and the thanks
    assert await _unread(database, customer()) == 4
    await do(database, customer(), doing.mark_read, TICKET, 2)
    assert await _unread(database, customer()) == 2
    await do(database, customer(), doing.mark_read, TICKET, 1)
    assert await _unread(database, customer()) == 2
    await do(database, customer(), doing.mark_read, TICKET, store.LATEST)
    assert await _unread(database, customer()) == 0
    await post(database, AGENT, TICKET, "One more thing.")
    assert await _unread(database, customer()) == 1
    assert await _unread(database, AGENT) == 2


async def test_notes_are_no_news_to_customers(database: Database) -> None:
    """They don't even know that there is one."""
    await do(database, customer(), doing.mark_read, TICKET, store.LATEST)
    await post(database, AGENT, TICKET, "Between us.", visibility=Visibility.NOTE)
    assert await _unread(database, customer()) == 0
    colleague = Visitor(Caller("a-other", None, None, frozenset({Role.AGENT})))
    assert await _unread(database, colleague) == 2


async def _unread(database: Database, who: Visitor) -> int:
    async def count(connection: object, visitor: Visitor, *, now: object) -> int:
        del now
        counted = await store.count_unread(
            connection,  # type: ignore[arg-type]  # as `do` hands it over
            [TICKET, UUID(int=9)],
            reader=visitor.reader,
            own=visitor.names,
        )
        return counted.get(TICKET, 0)

    return await do(database, who, count)
