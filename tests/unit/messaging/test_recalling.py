"""What a thread was, by all that was said of it, in whatever order."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.messaging import changes, domain, merging, recalling, writing
from services.messaging.changes import Assignee, Change
from services.messaging.domain import Actor, Message, Thread
from shared.events import Event, TicketStatus
from shared.messages import AuthorKind, MessagePosted, Visibility
from shared.plans import Priority
from tests.support import said

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
AGENT = Actor(AuthorKind.AGENT, "a-agent", "An Agent")
CUSTOMER = Actor(AuthorKind.CUSTOMER, said.REQUESTER, "A Customer")
OPENED, FIRST = domain.open_thread(said.ticket_created(account="an-account", at=NOW))
OTHER, _ = domain.open_thread(said.ticket_created("other", account="an-account", at=NOW))

Step = Callable[[Thread, datetime], Change | None]


def _give(thread: Thread, now: datetime) -> Change | None:
    return changes.assign(thread, Assignee("a-agent", "An Agent"), "second-line", AGENT, now=now)


STEPS: tuple[Step, ...] = (
    lambda t, now: changes.set_status(t, TicketStatus.PENDING, AGENT, now=now),
    lambda t, now: changes.set_status(t, TicketStatus.CLOSED, CUSTOMER, now=now),
    lambda t, now: changes.set_status(t, TicketStatus.OPEN, AGENT, now=now),
    lambda t, now: changes.set_priority(t, Priority.URGENT, AGENT, now=now),
    _give,
    lambda t, now: changes.assign(t, None, changes.UNSET, AGENT, now=now),
    lambda t, now: changes.set_tags(t, {"login"}, AGENT, now=now),
    lambda t, now: merging.move(t, OTHER, AGENT, now=now) if t.merged_into is None else None,
    lambda t, now: next(iter(merging.unmerge(t, AGENT, now=now)), None),
    lambda t, now: changes.request_plan(t, "premium", AGENT, now=now),
    lambda t, now: changes.dismiss_plan(t, AGENT, now=now),
)


@given(st.data())
def test_any_order_of_what_was_said_gives_the_thread_back(data: st.DataObject) -> None:
    """Whatever was set and written, heard in any order and more than once."""
    thread, messages, events = _live(data.draw(st.lists(st.integers(0, len(STEPS) + 1))))
    heard = data.draw(st.permutations(events + events[: len(events) // 2]))
    past = recalling.recall(OPENED, {FIRST.id: 1}, heard)
    assert past.thread == thread
    assert [post.message for post in past.posts] == messages


@given(st.data())
def test_what_is_heard_once_more_afterwards_changes_nothing(data: st.DataObject) -> None:
    """Also if it is but a part of all."""
    _, _, events = _live(data.draw(st.lists(st.integers(0, len(STEPS) + 1))))
    past = recalling.recall(OPENED, {FIRST.id: 1}, events)
    known = {FIRST.id: 1} | {post.message.id: post.message.sequence for post in past.posts}
    part = [event for event in events if data.draw(st.booleans())]
    again = recalling.recall(past.thread, known, part)
    assert again.thread == past.thread
    assert again.posts == ()


def test_a_message_whose_words_are_gone_keeps_its_place() -> None:
    """Nobody can read what it said, or which files came with it."""
    posted = _posted(OPENED, "Secret", NOW)
    bare = posted.model_copy(update={"data": posted.data.model_copy(update={"private": None})})
    past = recalling.recall(OPENED, {FIRST.id: 1}, [bare])
    (post,) = past.posts
    assert (post.message.text, post.message.author_name, post.attachments) == ("", None, ())
    assert (post.message.sequence, past.thread.last_sequence) == (2, 2)


def test_of_two_messages_in_one_place_the_later_one_goes_to_the_end() -> None:
    """Messaging had gone on with an older copy of its database: neither is lost."""
    lost, kept = _posted(OPENED, "Lost", NOW), _posted(OPENED, "Kept", NOW + timedelta(hours=1))
    longer = replace(OPENED, last_sequence=2)
    last = _posted(longer, "Last", NOW + timedelta(hours=2))
    past = recalling.recall(OPENED, {FIRST.id: 1}, [last, kept, lost])
    found = [(post.message.sequence, post.message.text) for post in past.posts]
    assert found == [(2, "Lost"), (3, "Last"), (4, "Kept")]
    assert past.thread.last_sequence == 4


def test_a_wish_stays_dismissed() -> None:
    """Unless it was made anew afterwards."""
    asked = _posted(OPENED, "Please", NOW, plan="premium")
    wishing = replace(OPENED, asked_plan="premium", last_sequence=2)
    dismissed = changes.dismiss_plan(wishing, AGENT, now=NOW + timedelta(hours=1))
    assert dismissed is not None
    again = _posted(wishing, "Please!", NOW + timedelta(hours=2), plan="gold")
    known = {FIRST.id: 1}
    over = recalling.recall(OPENED, known, [dismissed.event, asked])
    anew = recalling.recall(OPENED, known, [again, dismissed.event, asked])
    assert (over.thread.asked_plan, anew.thread.asked_plan) == (None, "gold")


@pytest.mark.parametrize("by", [AGENT, CUSTOMER])
def test_who_closed_it_is_known_again(by: Actor) -> None:
    """What an agent closed is closed for good."""
    closed = changes.set_status(OPENED, TicketStatus.CLOSED, by, now=NOW)
    assert closed is not None
    past = recalling.recall(OPENED, {FIRST.id: 1}, [closed.event])
    assert past.thread.closed_by is by.kind


def _live(steps: list[int]) -> tuple[Thread, list[Message], list[Event]]:
    """A thread in which all that happens, as it is kept and said."""
    thread, now = OPENED, NOW
    messages: list[Message] = []
    events: list[Event] = []
    for number, step in enumerate(steps):
        now += timedelta(minutes=1)
        if step < len(STEPS):
            change = STEPS[step](thread, now)
        else:
            plan = "premium" if step == len(STEPS) else None
            posted = _posted(thread, f"Message {number}", now, plan=plan)
            message = _message(thread, f"Message {number}", now, plan)
            messages.append(message)
            events.append(posted)
            thread = replace(
                thread,
                last_sequence=message.sequence,
                last_message_at=message.posted_at,
                asked_plan=plan or thread.asked_plan,
            )
            change = changes.reopen(thread, posted)
        if change is not None:
            thread = change.thread
            events.append(change.event)
    return thread, messages, events


def _message(thread: Thread, text: str, at: datetime, plan: str | None = None) -> Message:
    id_ = writing.message_id(ticket=thread.ticket, author=CUSTOMER.id, key=text)
    public = Visibility.PUBLIC
    return writing.write(thread, CUSTOMER, text, public, id_=id_, now=at, asks_for_plan=plan)


def _posted(thread: Thread, text: str, at: datetime, *, plan: str | None = None) -> MessagePosted:
    return writing.say_posted(_message(thread, text, at, plan), thread)
