"""Whose a ticket is, its tags, and what is closed for whom: pure decisions."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from services.messaging import changes, domain
from services.messaging.changes import UNSET, Assignee, Change
from services.messaging.domain import Actor, Thread
from shared.events import TicketStatus
from shared.handling import PlanChangeRequested, TicketAssigned, TicketTagsChanged
from shared.messages import AuthorKind
from tests.support import said

NOW = said.now()
AGENT = Actor(AuthorKind.AGENT, "a-agent", "An Agent")
CUSTOMER = Actor(AuthorKind.CUSTOMER, "c-one")
KIM = Assignee("a-kim", "Kim", "kim@desk.example")


def thread(**fields: object) -> Thread:
    """A thread with some of its fields."""
    opened, _ = domain.open_thread(said.ticket_created(account="an-account", at=NOW))
    return replace(opened, **fields)  # type: ignore[arg-type]  # whatever a test needs


def test_an_assignment_says_what_was_before() -> None:
    """Name and address of whoever gets it stand in its personal part alone."""
    before = thread(assignee="a-agent", assignee_name="An Agent")
    change = changes.assign(before, KIM, "billing", AGENT, now=NOW)
    assert change is not None
    assert (change.thread.assignee, change.thread.assignee_name) == ("a-kim", "Kim")
    assert change.thread.queue == "billing"
    event = change.event
    assert isinstance(event, TicketAssigned)
    assert (event.data.assignee, event.data.previous_assignee) == ("a-kim", "a-agent")
    assert (event.data.queue, event.data.previous_queue) == ("billing", "support")
    assert event.data.private is not None
    assert event.data.private.assignee_address == "kim@desk.example"
    assert "kim@" not in event.data.model_copy(update={"private": None}).model_dump_json()


def test_what_is_left_out_of_an_assignment_stays() -> None:
    """Nothing named is no change; a queue alone leaves the assignee, by name too."""
    before = thread(assignee="a-kim", assignee_name="Kim")
    assert changes.assign(before, UNSET, UNSET, AGENT, now=NOW) is None
    assert changes.assign(before, KIM, "support", AGENT, now=NOW) is None
    moved = changes.assign(before, UNSET, "billing", AGENT, now=NOW)
    assert moved is not None
    assert (moved.thread.assignee, moved.thread.assignee_name) == ("a-kim", "Kim")
    back = changes.assign(before, None, UNSET, AGENT, now=NOW)
    assert back is not None
    assert (back.thread.assignee, back.thread.assignee_name) == (None, None)


def test_tags_say_what_is_new_and_what_is_gone() -> None:
    """In order of the alphabet, each once."""
    change = changes.set_tags(thread(tags=("a", "b")), ["c", "b", "c"], AGENT, now=NOW)
    assert change is not None
    assert isinstance(change.event, TicketTagsChanged)
    data = change.event.data
    assert (data.tags, data.added, data.removed) == (("b", "c"), ("c",), ("a",))
    assert changes.set_tags(change.thread, ["c", "b"], AGENT, now=NOW) is None


@pytest.mark.parametrize(
    ("text", "is_one"),
    [("login", True), ("größe", True), ("a.b-c_1", True), ("x" * 40, True)]
    + [(text, False) for text in ("", "A", "a b", "x" * 41, "a/b", "a\n", "#a")],
)
def test_a_tag_is_a_word_in_small_letters(text: str, *, is_one: bool) -> None:
    """Of any script, with dots and hyphens."""
    assert changes.is_tag(text) is is_one


@pytest.mark.parametrize("closed_by", [*AuthorKind, None])
def test_what_a_customer_closed_is_not_closed_for_good(closed_by: AuthorKind | None) -> None:
    """Whoever else closed it, it is over for customers, and never for us."""
    closed = thread(status=TicketStatus.CLOSED, closed_by=closed_by)
    is_theirs = closed_by is AuthorKind.CUSTOMER
    assert changes.is_over(closed, AuthorKind.CUSTOMER) is not is_theirs
    assert not changes.is_over(closed, AuthorKind.AGENT)


def test_who_closed_a_ticket_is_kept_while_it_is_closed() -> None:
    """An agent who opens and closes it closes it for good."""
    closed = changes.set_status(thread(), TicketStatus.CLOSED, CUSTOMER, now=NOW)
    assert closed is not None
    assert closed.thread.closed_by is AuthorKind.CUSTOMER
    opened = changes.set_status(closed.thread, TicketStatus.OPEN, AGENT, now=NOW)
    assert opened is not None
    assert opened.thread.closed_by is None
    again = changes.set_status(opened.thread, TicketStatus.CLOSED, AGENT, now=NOW)
    assert again is not None
    assert again.thread.closed_by is AuthorKind.AGENT


def test_every_kind_of_change_is_an_event_of_its_own_in_order() -> None:
    """Within one instant: their ids differ, and their times go up."""
    steps: list[Callable[[Thread], Change | None]] = [
        lambda of: changes.assign(of, KIM, UNSET, AGENT, now=NOW),
        lambda of: changes.set_tags(of, ["a"], AGENT, now=NOW - timedelta(seconds=1)),
        lambda of: changes.request_plan(of, "premium", AGENT, now=NOW),
        lambda of: changes.request_plan(of, "premium", AGENT, now=NOW),
    ]
    now, events = thread(), []
    for step in steps:
        change = step(now)
        assert change is not None
        events.append(change.event)
        now = change.thread
    assert len({event.id for event in events}) == 4
    times = [event.time for event in events]
    assert times == sorted(set(times))
    assert isinstance(events[-1], PlanChangeRequested)
    assert (events[-1].data.account, events[-1].data.plan) == ("an-account", "premium")
