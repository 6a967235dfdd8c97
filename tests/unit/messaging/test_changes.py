"""Status, priority and clocks of a ticket: pure decisions."""

from dataclasses import replace
from datetime import timedelta

import pytest

from services.messaging import domain
from services.messaging.clocks import ClockState, clock_state
from services.messaging.domain import Thread
from shared.deadlines import DeadlineState
from shared.events import TicketPriorityChanged, TicketStatus, TicketStatusChanged
from shared.identity import Caller, Role
from shared.messages import AuthorKind, MessagePosted, Visibility
from shared.plans import Priority
from tests.support import said

CUSTOMER = Caller("c-one", "an-account", None, frozenset({Role.CUSTOMER}))
NOW = said.now()


def thread(status: TicketStatus = TicketStatus.OPEN) -> Thread:
    """A thread whose ticket has this status."""
    opened, _ = domain.open_thread(said.ticket_created(account="an-account", at=NOW))
    return replace(opened, status=status)


def posted(by: Caller, to: Thread, visibility: Visibility = Visibility.PUBLIC) -> MessagePosted:
    """What is said of a message."""
    id_ = domain.message_id(ticket=to.ticket, author=by.subject, key="k")
    return domain.write(to, by, "Hello", visibility, id_=id_, now=NOW)[1]


def test_a_new_ticket_is_open() -> None:
    """Nobody has to say so."""
    assert thread().status is TicketStatus.OPEN


def test_a_change_of_status_says_from_what_to_what_and_who_did_it() -> None:
    """At the instant of the change, under the ticket's correlation."""
    before = thread(TicketStatus.PENDING)
    change = domain.set_status(before, TicketStatus.ON_HOLD, said.AGENT, now=NOW)
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
    change = domain.set_priority(thread(), Priority.HIGH, said.AGENT, now=NOW)
    assert change is not None
    assert change.thread.priority is Priority.HIGH
    assert isinstance(change.event, TicketPriorityChanged)
    data = change.event.data
    assert (data.previous, data.priority) == (Priority.NORMAL, Priority.HIGH)
    assert (data.by_kind, data.by) == (AuthorKind.AGENT, "a-agent")


def test_what_is_so_already_is_no_change() -> None:
    """Asking again is safe: nothing is said."""
    assert domain.set_status(thread(), TicketStatus.OPEN, said.AGENT, now=NOW) is None
    assert domain.set_priority(thread(), Priority.NORMAL, said.AGENT, now=NOW) is None


def test_every_change_of_a_ticket_is_an_event_of_its_own() -> None:
    """To and fro within one instant: four changes, four ids, four instants, in order."""
    now, changes = thread(), []
    for status in (TicketStatus.PENDING, TicketStatus.OPEN) * 2:
        change = domain.set_status(now, status, said.AGENT, now=NOW)
        assert change is not None
        changes.append(change.event)
        now = change.thread
    assert len({event.id for event in changes}) == 4
    times = [event.time for event in changes]
    assert times == sorted(set(times))


def test_the_same_change_tried_again_is_the_same_event() -> None:
    """A transaction that was rolled back and comes again says the same."""
    first, again = (
        domain.set_status(thread(), TicketStatus.CLOSED, said.AGENT, now=NOW + timedelta(seconds=s))
        for s in (0, 1)
    )
    assert first is not None
    assert again is not None
    assert first.event.id == again.event.id


def test_time_never_runs_back_in_a_ticket() -> None:
    """Of two replicas the second has the slower clock: what it says lies behind all the same."""
    change = domain.set_status(thread(), TicketStatus.PENDING, said.AGENT, now=NOW)
    assert change is not None
    earlier = NOW - timedelta(milliseconds=20)
    id_ = domain.message_id(ticket=change.thread.ticket, author="c-one", key="k")
    message, event = domain.write(
        change.thread, CUSTOMER, "Hello", Visibility.PUBLIC, id_=id_, now=earlier
    )
    assert message.posted_at == event.time > change.event.time


@pytest.mark.parametrize("status", list(TicketStatus))
def test_a_customer_says_that_it_is_solved_or_is_not(status: TicketStatus) -> None:
    """Our own people may set every status."""
    customers = {TicketStatus.RESOLVED, TicketStatus.OPEN}
    assert domain.may_set_status(CUSTOMER, status) is (status in customers)
    assert domain.may_set_status(said.AGENT, status)


@pytest.mark.parametrize("status", list(TicketStatus))
def test_only_closed_is_final_and_only_for_customers(status: TicketStatus) -> None:
    """Agents may open again what they closed."""
    assert domain.is_over(thread(status), CUSTOMER) is (status is TicketStatus.CLOSED)
    assert not domain.is_over(thread(status), said.AGENT)


@pytest.mark.parametrize("status", list(TicketStatus))
def test_a_customers_message_opens_what_waits_for_them_or_was_solved(status: TicketStatus) -> None:
    """At the instant of the message, which led to it; on hold is not theirs to end."""
    before = thread(status)
    message = posted(CUSTOMER, before)
    change = domain.reopen(before, message)
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
    assert domain.reopen(before, posted(said.AGENT, before, visibility)) is None


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
    worn = replace(thread(TicketStatus.RESOLVED), changes=domain.MOST_CHANGES)
    assert domain.reopen(worn, posted(CUSTOMER, worn)) is None
    assert not domain.may_change(CUSTOMER, worn)
    assert domain.may_change(said.AGENT, worn)
    almost = replace(worn, changes=domain.MOST_CHANGES - 1)
    opened = domain.reopen(almost, posted(CUSTOMER, almost))
    assert opened is not None
    assert opened.thread.changes == domain.MOST_CHANGES
