"""Two tickets that are about the same become one conversation, and two again: pure decisions."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from services.messaging import changes, writing
from services.messaging.changes import Change
from services.messaging.domain import SOURCE, Actor, Message, Thread, cause_of_change, moment
from shared.events import TicketStatus
from shared.handling import (
    TicketMerged,
    TicketMergedData,
    TicketUnmerged,
    TicketUnmergedData,
)
from shared.tickets import ticket_number


class Obstacle(StrEnum):
    """Why a ticket does not go into another one."""

    ITSELF = "A ticket can't go into itself."
    ANOTHER_ACCOUNT = "Both tickets must be of the same account."
    UNPROVED = (
        "Nobody has proved that the other ticket is of this account: whoever asked there would "
        "read what is written here. Merge that one into this one instead."
    )
    GONE = "The other ticket was merged itself. Take the one that goes on in its place."
    CLOSED = "The other ticket is closed. Open it again first."
    ELSEWHERE = "This ticket has gone into another one already. Undo that first."


@dataclass(frozen=True, slots=True)
class Noted:
    """A note for each of the two threads."""

    here: Message
    there: Message


def obstacle(thread: Thread, into: Thread) -> Obstacle | None:
    """Why a ticket can't go into another one, or None."""
    if thread.ticket == into.ticket:
        return Obstacle.ITSELF
    if thread.account != into.account:
        return Obstacle.ANOTHER_ACCOUNT
    if thread.account_verified and not into.account_verified:
        return Obstacle.UNPROVED
    if thread.merged_into is not None:
        return Obstacle.ELSEWHERE
    if into.merged_into is not None:
        return Obstacle.GONE
    return Obstacle.CLOSED if into.status is TicketStatus.CLOSED else None


def merge(thread: Thread, into: Thread, by: Actor, *, now: datetime) -> tuple[Change, ...]:
    """Let a ticket go into another one: it is closed, so that its clocks end, and then gone."""
    closed = changes.set_status(thread, TicketStatus.CLOSED, by, now=now)
    gone = move(closed.thread if closed else thread, into, by, now=now)
    return (closed, gone) if closed else (gone,)


def move(thread: Thread, into: Thread, by: Actor, *, now: datetime) -> Change:
    """A ticket is gone into that one, whether it was open before or had gone elsewhere."""
    changed = _changed(replace(thread, merged_into=into.ticket), now)
    data = TicketMergedData(change=changed.changes, into=into.ticket, by_kind=by.kind, by=by.id)
    cause, at = cause_of_change(changed), changed.changed_at or now
    return Change(changed, TicketMerged.say(data, cause=cause, source=SOURCE, time=at))


def unmerge(thread: Thread, by: Actor, *, now: datetime) -> tuple[Change, ...]:
    """Give a ticket a conversation of its own again, which is open; nothing if it has one."""
    if thread.merged_into is None:
        return ()
    changed = _changed(replace(thread, merged_into=None), now)
    data = TicketUnmergedData(
        change=changed.changes, previous=thread.merged_into, by_kind=by.kind, by=by.id
    )
    cause, at = cause_of_change(changed), changed.changed_at or now
    parted = Change(changed, TicketUnmerged.say(data, cause=cause, source=SOURCE, time=at))
    opened = changes.set_status(changed, TicketStatus.OPEN, by, now=now)
    return (parted, opened) if opened else (parted,)


def note_merge(thread: Thread, into: Thread, by: Actor, *, now: datetime) -> Noted:
    """What stands in both threads when one goes into the other."""
    return Noted(
        _note(thread, by, f"Merged into {_called(into)}.", into, thread.changes, now),
        _note(
            into, by, f"{_called(thread)} was merged into this one.", thread, thread.changes, now
        ),
    )


def note_unmerge(thread: Thread, previous: Thread, by: Actor, *, now: datetime) -> Noted:
    """What stands in both threads when that is undone."""
    apart = f"{_called(thread)} was separated from this one again."
    return Noted(
        _note(
            thread, by, f"Separated from {_called(previous)} again.", previous, thread.changes, now
        ),
        _note(previous, by, apart, thread, thread.changes, now),
    )


def _note(
    thread: Thread, by: Actor, text: str, other: Thread, change: int, now: datetime
) -> Message:
    about = f"merge {other.ticket} {change}"
    return writing.note(thread, by, text, about=about, now=now)


def _called(thread: Thread) -> str:
    """By its number alone: its subject is its requester's, the other thread may be another's."""
    return ticket_number(thread.ticket)


def _changed(thread: Thread, now: datetime) -> Thread:
    return replace(thread, changes=thread.changes + 1, changed_at=moment(thread, now))
