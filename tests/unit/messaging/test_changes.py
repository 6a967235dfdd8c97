"""Status, priority and clocks of a ticket: pure decisions."""

from dataclasses import replace
from datetime import timedelta

import pytest

from services.messaging import changes, domain, writing
from services.messaging.clocks import ClockState, clock_state
from services.messaging.domain import Actor, Thread
from shared.deadlines import DeadlineState
from shared.events import TicketPriorityChanged, TicketStatus, TicketStatusChanged
from shared.messages import AuthorKind, MessagePosted, Visibility
from shared.plans import Priority
from tests.support import said

CUSTOMER = Actor(AuthorKind.CUSTOMER, "c-one")
AGENT = Actor(AuthorKind.AGENT, "a-agent", "An Agent")
NOW = said.now()


def thread(status: TicketStatus = TicketStatus.OPEN) -> Thread:
    """A thread whose ticket has this status."""
    opened, _ = domain.open_thread(said.ticket_created(account="an-account", at=NOW))
    return replace(opened, status=status)


def posted(by: Actor, to: Thread, visibility: Visibility = Visibility.PUBLIC) -> MessagePosted:
    """What is said of a message."""
    id_ = writing.message_id(ticket=to.ticket, author=by.id, key="k")
    return writing.say_posted(writing.write(to, by, "Hello", visibility, id_=id_, now=NOW), to)


def test_a_new_ticket_is_open() -> None:
    """Nobody has to say so."""
    assert thread().status is TicketStatus.OPEN


def test_a_change_of_status_says_from_what_to_what_and_who_did_it() -> None:
    """At the instant of the change, under the ticket's correlation."""
    before = thread(TicketStatus.PENDING)
    change = changes.set_status(before, TicketStatus.ON_HOLD, AGENT, now=NOW)
    assert change is not None
    assert change.thread.status is TicketStatus.ON_HOLD
    assert isinstance(change.event, TicketStatusChanged)
    data = change.event.data
    assert (data.previous, data.status) == (TicketStatus.PENDING, TicketStatus.ON_HOLD)
    assert (data.by_kind, data.by) == (AuthorKind.AGENT, "a-agent")
    assert change.event.time == NOW
    assert change.event.correlationid == before.correlation
    assert change.event.subject == str(before.ticket)


def test_a_change_of_priority_says_from_what_to_what_and_who_did_it() -> None:
    """As for the status."""
    change = changes.set_priority(thread(), Priority.HIGH, AGENT, now=NOW)
    assert change is not None
    assert change.thread.priority is Priority.HIGH
    assert isinstance(change.event, TicketPriorityChanged)
    data = change.event.data
    assert (data.previous, data.priority) == (Priority.NORMAL, Priority.HIGH)
    assert (data.by_kind, data.by) == (AuthorKind.AGENT, "a-agent")


def test_what_is_so_already_is_no_change() -> None:
    """Asking again is safe: nothing is said."""
    assert changes.set_status(thread(), TicketStatus.OPEN, AGENT, now=NOW) is None
    assert changes.set_priority(thread(), Priority.NORMAL, AGENT, now=NOW) is None


def test_every_change_of_a_ticket_is_an_event_of_its_own() -> None:
    """To and fro within one instant: four changes, four ids, four instants, in order."""
    now, events = thread(), []
    for status in (TicketStatus.PENDING, TicketStatus.OPEN) * 2:
        change = changes.set_status(now, status, AGENT, now=NOW)
        assert change is not None
        events.append(change.event)
        now = change.thread
    assert len({event.id for event in events}) == 4
    times = [event.time for event in events]
    assert times == sorted(set(times))


def test_the_same_change_tried_again_is_the_same_event() -> None:
    """A transaction that was rolled back and comes again says the same."""
    first, again = (
        changes.set_status(thread(), TicketStatus.CLOSED, AGENT, now=NOW + timedelta(seconds=s))
        for s in (0, 1)
    )
    assert first is not None
    assert again is not None
    assert first.event.id == again.event.id


def test_time_never_runs_back_in_a_ticket() -> None:
    """Of two replicas the second has the slower clock: what it says lies behind all the same."""
    change = changes.set_status(thread(), TicketStatus.PENDING, AGENT, now=NOW)
    assert change is not None
    earlier = NOW - timedelta(milliseconds=20)
    id_ = writing.message_id(ticket=change.thread.ticket, author="c-one", key="k")
    message = writing.write(
        change.thread, CUSTOMER, "Hello", Visibility.PUBLIC, id_=id_, now=earlier
    )
    assert message.posted_at > change.event.time
    assert writing.say_posted(message, change.thread).time == message.posted_at


@pytest.mark.parametrize("status", list(TicketStatus))
def test_a_customer_says_that_it_is_solved_or_is_not(status: TicketStatus) -> None:
    """Our own people may set every status."""
    customers = {TicketStatus.RESOLVED, TicketStatus.OPEN, TicketStatus.CLOSED}
    assert changes.may_set_status(AuthorKind.CUSTOMER, status) is (status in customers)
    assert changes.may_set_status(AuthorKind.AGENT, status)


@pytest.mark.parametrize("status", list(TicketStatus))
def test_only_closed_is_final_and_only_for_customers(status: TicketStatus) -> None:
    """Agents may open again what they closed."""
    assert changes.is_over(thread(status), AuthorKind.CUSTOMER) is (status is TicketStatus.CLOSED)
    assert not changes.is_over(thread(status), AuthorKind.AGENT)


@pytest.mark.parametrize("status", list(TicketStatus))
def test_a_customers_message_opens_what_waits_for_them_or_was_solved(status: TicketStatus) -> None:
    """At the instant of the message, which led to it; on hold is not theirs to end."""
    before = thread(status)
    message = posted(CUSTOMER, before)
    change = changes.reopen(before, message)
    if status not in {TicketStatus.PENDING, TicketStatus.RESOLVED}:
        assert change is None
        return
    assert change is not None
    assert change.thread.status is TicketStatus.OPEN
    assert isinstance(change.event, TicketStatusChanged)
    assert change.event.time == message.time
    assert change.event.causationid == message.id
    assert change.event.data.previous is status
    assert (change.event.data.by_kind, change.event.data.by) == (AuthorKind.CUSTOMER, "c-one")


@pytest.mark.parametrize("status", list(TicketStatus))
@pytest.mark.parametrize("visibility", list(Visibility))
def test_an_agents_message_changes_no_status(status: TicketStatus, visibility: Visibility) -> None:
    """What an agent's message means for the status, the agent says."""
    before = thread(status)
    assert changes.reopen(before, posted(AGENT, before, visibility)) is None


def test_a_clock_is_shown_as_it_was_said_to_stand() -> None:
    """At risk while it runs; and every state of a deadline can be shown."""
    slot = said.slot(said.ticket_created(at=NOW))
    alarm = said.breach(slot)
    assert clock_state(slot.scheduled) is ClockState.RUNNING
    assert clock_state(said.at_risk(slot.scheduled)) is ClockState.AT_RISK
    assert clock_state(said.paused(slot.scheduled, NOW)) is ClockState.PAUSED
    assert clock_state(alarm) is ClockState.BREACHED
    for state in DeadlineState:
        shown = clock_state(said.retraction(alarm, state=state))
        assert shown.value == state.value


def test_after_a_thousand_changes_customers_change_a_ticket_no_more() -> None:
    """Two robots that open and resolve it by turns come to an end; agents still may."""
    worn = replace(thread(TicketStatus.RESOLVED), changes=changes.MOST_CHANGES)
    assert changes.reopen(worn, posted(CUSTOMER, worn)) is None
    assert not changes.may_change(AuthorKind.CUSTOMER, worn)
    assert changes.may_change(AuthorKind.AGENT, worn)
    almost = replace(worn, changes=changes.MOST_CHANGES - 1)
    opened = changes.reopen(almost, posted(CUSTOMER, almost))
    assert opened is not None
    assert opened.thread.changes == changes.MOST_CHANGES
