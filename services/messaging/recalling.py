"""What a thread was, by all that was said of it, in whatever order that is heard: pure decisions.

A thread that was just opened again becomes what it had been. What was taken into account already
changes nothing when it is heard once more.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import count
from typing import TypeVar
from uuid import UUID

from services.messaging.domain import Message, Thread
from shared.events import Event, TicketPriorityChanged, TicketStatus, TicketStatusChanged
from shared.handling import (
    LinksRevoked,
    PlanChangeDeclined,
    PlanChangeRequested,
    PlanWishDismissed,
    TicketAssigned,
    TicketMerged,
    TicketTagsChanged,
    TicketUnmerged,
)
from shared.messages import Attachment, MessagePosted

Changed = (
    TicketStatusChanged
    | TicketPriorityChanged
    | TicketAssigned
    | TicketTagsChanged
    | TicketMerged
    | TicketUnmerged
    | PlanChangeRequested
    | PlanWishDismissed
)
"""Something about a ticket was set."""

EventT = TypeVar("EventT", bound=Event)


@dataclass(frozen=True, slots=True)
class Post:
    """A message that was posted, with what is said of its files."""

    message: Message
    attachments: tuple[Attachment, ...]


@dataclass(frozen=True, slots=True)
class Past:
    """What a ticket had been."""

    thread: Thread
    posts: tuple[Post, ...]
    """Those that are not there yet, in their order."""
    asked: tuple[PlanChangeRequested, ...]
    declined: tuple[PlanChangeDeclined, ...]
    revoked: tuple[LinksRevoked, ...]


def recall(thread: Thread, known: Mapping[UUID, int], said: Collection[Event]) -> Past:
    """What a ticket had been, by what was said of it.

    Args:
        thread: As it is by now.
        known: Its messages that are there already, and their places.
        said: Events of the ticket, in any order, also more than once.
    """
    posts = _posts(thread, known, _only(MessagePosted, said))
    changes = [event for event in said if isinstance(event, Changed)]
    thread = _extended(thread, posts, _only(PlanWishDismissed, said))
    for event in sorted(changes, key=lambda event: event.data.change):
        thread = _changed(thread, event)
    return Past(
        thread,
        tuple(posts),
        tuple(_only(PlanChangeRequested, said)),
        tuple(_only(PlanChangeDeclined, said)),
        tuple(_only(LinksRevoked, said)),
    )


def _only(kind: type[EventT], said: Iterable[Event]) -> list[EventT]:
    return [event for event in said if isinstance(event, kind)]


def _posts(
    thread: Thread, known: Mapping[UUID, int], posted: Iterable[MessagePosted]
) -> list[Post]:
    """Each new message at its place; where that is taken, at the end.

    Two have one place only if messaging went on with an older copy of its database.
    """
    new = {event.data.message: event for event in posted if event.data.message not in known}
    taken, late = set(known.values()), []
    posts = []
    for event in sorted(new.values(), key=lambda event: (event.data.sequence, event.time)):
        if event.data.sequence in taken:
            late.append(event)
        else:
            taken.add(event.data.sequence)
            posts.append(_post(thread, event, event.data.sequence))
    ends = count(max(taken, default=0) + 1)
    return posts + [_post(thread, event, next(ends)) for event in late]


def _post(thread: Thread, posted: MessagePosted, sequence: int) -> Post:
    """A message; without its words, if nobody can read them any more."""
    data, private = posted.data, posted.data.private
    message = Message(
        id=data.message,
        ticket=thread.ticket,
        sequence=sequence,
        author_kind=data.author_kind,
        author=data.author,
        author_name=private.author_name if private else None,
        visibility=data.visibility,
        channel=data.channel,
        text=private.text if private else "",
        posted_at=posted.time,
        quoted=private.quoted if private else None,
        asks_for_plan=data.asks_for_plan,
        came_to=data.came_to,
    )
    return Post(message, private.attachments if private else ())


def _extended(
    thread: Thread, posts: Collection[Post], dismissed: Iterable[PlanWishDismissed]
) -> Thread:
    """A thread with these messages at its end; the last one that asks for a plan counts."""
    handled_at = [event.time for event in dismissed]
    for message in (post.message for post in posts):
        if message.asks_for_plan is not None:
            is_over = any(at >= message.posted_at for at in handled_at)
            thread = replace(thread, asked_plan=None if is_over else message.asks_for_plan)
        if message.sequence > thread.last_sequence:
            thread = replace(
                thread, last_sequence=message.sequence, last_message_at=message.posted_at
            )
    return thread


def _changed(thread: Thread, event: Changed) -> Thread:
    """A thread after a change, if that is later than those that it went through."""
    if event.data.change <= thread.changes:
        return thread
    thread = replace(thread, changes=event.data.change, changed_at=event.time)
    match event:
        case TicketStatusChanged(data=data):
            closed_by = data.by_kind if data.status is TicketStatus.CLOSED else None
            thread = replace(thread, status=data.status, closed_by=closed_by)
        case TicketPriorityChanged(data=data):
            thread = replace(thread, priority=data.priority)
        case TicketAssigned(data=data):
            name = data.private.assignee_name if data.private else None
            thread = replace(thread, assignee=data.assignee, assignee_name=name, queue=data.queue)
        case TicketTagsChanged(data=data):
            thread = replace(thread, tags=data.tags)
        case TicketMerged(data=data):
            thread = replace(thread, merged_into=data.into)
        case TicketUnmerged():
            thread = replace(thread, merged_into=None)
        case PlanChangeRequested() | PlanWishDismissed():
            pass  # its number and its time are all that it leaves
    return thread
