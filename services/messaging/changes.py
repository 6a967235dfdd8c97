"""How a ticket is set: status, priority, whose it is, tags, plan. Pure decisions."""

import re
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum, auto

from services.messaging.domain import SOURCE, Actor, Thread, cause_of_change, moment
from shared.envelope import STAFF, Cause, derive_id
from shared.events import (
    Event,
    TicketPriorityChanged,
    TicketPriorityChangedData,
    TicketStatus,
    TicketStatusChanged,
    TicketStatusChangedData,
)
from shared.handling import (
    LinksRevoked,
    LinksRevokedData,
    PlanChangeRequested,
    PlanChangeRequestedData,
    PlanWishDismissed,
    PlanWishDismissedData,
    TicketAssigned,
    TicketAssignedData,
    TicketAssignedPrivate,
    TicketTagsChanged,
    TicketTagsChangedData,
)
from shared.messages import AuthorKind, Channel, MessagePosted, Visibility
from shared.plans import Priority

MOST_CHANGES = 1000
"""Changes of a ticket after which customers, and their messages, change it no more."""

CUSTOMERS_STATUSES = (TicketStatus.OPEN, TicketStatus.RESOLVED, TicketStatus.CLOSED)
"""What a customer may set their own ticket to."""
REOPENED_BY_MESSAGES = (TicketStatus.PENDING, TicketStatus.RESOLVED)
"""A customer's message is what these wait for, or says that the problem is not solved."""

MOST_TAGS = 20
_TAG = re.compile(r"[\w.-]{1,40}")
_QUEUE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_PLAN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class Unset(Enum):
    """Tells what is left as it is from what is set to nothing."""

    UNSET = auto()


UNSET = Unset.UNSET


@dataclass(frozen=True, slots=True)
class Change:
    """A thread that was set to something else, and what is said of it."""

    thread: Thread
    event: Event


@dataclass(frozen=True, slots=True)
class Assignee:
    """An agent to whom a ticket is given."""

    subject: str
    name: str | None = None
    address: str | None = None
    """Where they are told of it."""


def is_tag(text: str) -> bool:
    """Whether a tag may be called so."""
    return _TAG.fullmatch(text) is not None and text == text.lower()


def is_queue(text: str) -> bool:
    """Whether a queue may be called so."""
    return _QUEUE.fullmatch(text) is not None


def is_plan(text: str) -> bool:
    """Whether a plan's id may be that."""
    return _PLAN.fullmatch(text) is not None


def may_set_status(by: AuthorKind, status: TicketStatus) -> bool:
    """A customer says that their problem is solved, over, or back; the rest is ours."""
    return by is AuthorKind.AGENT or status in CUSTOMERS_STATUSES


def is_over(thread: Thread, by: AuthorKind) -> bool:
    """Whether nothing is added to it: what an agent closed is closed for good, for customers.

    Who closed their own ticket may think better of it; and we may open each one again.
    """
    return is_closed_for_good(thread) and by is not AuthorKind.AGENT


def is_closed_for_good(thread: Thread) -> bool:
    """Whether it was closed by somebody else than a customer."""
    return thread.status is TicketStatus.CLOSED and thread.closed_by is not AuthorKind.CUSTOMER


def may_change(by: AuthorKind, thread: Thread) -> bool:
    """Whether a ticket takes one more change of status; we may always change it.

    A robot that opens again what was resolved, against another one, would go on for ever, and every
    pause of a clock is in each event that follows.
    """
    return by is AuthorKind.AGENT or thread.changes < MOST_CHANGES


def set_status(thread: Thread, status: TicketStatus, by: Actor, *, now: datetime) -> Change | None:
    """Set a ticket to a status; None if it is in it already."""
    if status is thread.status:
        return None
    changed = _changed(thread, now)
    changed = replace(changed, status=status, closed_by=_closed_by(status, by.kind))
    data = TicketStatusChangedData(
        change=changed.changes,
        status=status,
        previous=thread.status,
        by_kind=by.kind,
        by=by.id,
    )
    cause, at = cause_of_change(changed), _at(changed)
    return Change(changed, TicketStatusChanged.say(data, cause=cause, source=SOURCE, time=at))


def set_priority(thread: Thread, priority: Priority, by: Actor, *, now: datetime) -> Change | None:
    """Set a ticket to a priority; None if it has it already."""
    if priority is thread.priority:
        return None
    changed = replace(_changed(thread, now), priority=priority)
    data = TicketPriorityChangedData(
        change=changed.changes,
        priority=priority,
        previous=thread.priority,
        by_kind=by.kind,
        by=by.id,
    )
    cause, at = cause_of_change(changed), _at(changed)
    return Change(changed, TicketPriorityChanged.say(data, cause=cause, source=SOURCE, time=at))


def assign(
    thread: Thread,
    assignee: Assignee | Unset | None,
    queue: str | Unset,
    by: Actor,
    *,
    now: datetime,
) -> Change | None:
    """Give a ticket to somebody, to another queue, or back to it; None if nothing changes."""
    who = Assignee(thread.assignee) if thread.assignee else None
    if not isinstance(assignee, Unset):
        who = assignee
    where = thread.queue if isinstance(queue, Unset) else queue
    subject = who.subject if who else None
    if (subject, where) == (thread.assignee, thread.queue):
        return None
    name = who.name if who else None
    if subject == thread.assignee:
        name = thread.assignee_name
    changed = replace(_changed(thread, now), assignee=subject, assignee_name=name, queue=where)
    private = TicketAssignedPrivate(
        person=STAFF, assignee_name=name, assignee_address=who.address if who else None
    )
    data = TicketAssignedData(
        change=changed.changes,
        assignee=subject,
        previous_assignee=thread.assignee,
        queue=where,
        previous_queue=thread.queue,
        by_kind=by.kind,
        by=by.id,
        private=private if who else None,
    )
    cause, at = cause_of_change(changed), _at(changed)
    return Change(changed, TicketAssigned.say(data, cause=cause, source=SOURCE, time=at))


def set_tags(thread: Thread, tags: Collection[str], by: Actor, *, now: datetime) -> Change | None:
    """Give a ticket these tags and no others; None if it has just these."""
    wanted = tuple(sorted(set(tags)))
    if wanted == thread.tags:
        return None
    changed = replace(_changed(thread, now), tags=wanted)
    data = TicketTagsChangedData(
        change=changed.changes,
        tags=wanted,
        added=tuple(tag for tag in wanted if tag not in thread.tags),
        removed=tuple(tag for tag in thread.tags if tag not in wanted),
        by_kind=by.kind,
        by=by.id,
    )
    cause, at = cause_of_change(changed), _at(changed)
    return Change(changed, TicketTagsChanged.say(data, cause=cause, source=SOURCE, time=at))


def request_plan(thread: Thread, plan: str, by: Actor, *, now: datetime) -> Change:
    """Ask sla to put the ticket's account on another plan."""
    changed = _changed(thread, now)
    data = PlanChangeRequestedData(
        change=changed.changes, account=thread.account, plan=plan, by_kind=by.kind, by=by.id
    )
    cause, at = cause_of_change(changed), _at(changed)
    return Change(changed, PlanChangeRequested.say(data, cause=cause, source=SOURCE, time=at))


def dismiss_plan(thread: Thread, by: Actor, *, now: datetime) -> Change | None:
    """Be done with the plan that the customer asked for; None if there is none."""
    if thread.asked_plan is None:
        return None
    changed = replace(_changed(thread, now), asked_plan=None)
    data = PlanWishDismissedData(
        change=changed.changes, plan=thread.asked_plan, by_kind=by.kind, by=by.id
    )
    cause, at = cause_of_change(changed), _at(changed)
    return Change(changed, PlanWishDismissed.say(data, cause=cause, source=SOURCE, time=at))


def revoke_links(
    thread: Thread, links: Collection[str], by: Actor, *, now: datetime
) -> LinksRevoked:
    """What is said of links that open the ticket no longer, by their hashes."""
    revoked = tuple(sorted(links))
    cause = Cause(
        derive_id(thread.ticket, "links revoked", *revoked),
        str(thread.ticket),
        thread.correlation,
        thread.correlation,
        thread.traceparent,
    )
    data = LinksRevokedData(links=revoked, by_kind=by.kind, by=by.id)
    return LinksRevoked.say(data, cause=cause, source=SOURCE, time=now)


def reopen(thread: Thread, posted: MessagePosted) -> Change | None:
    """A customer's public message opens a ticket that waits for them, or was solved, again.

    It does so at the instant of the message, which is also what led to it.
    """
    data = posted.data
    is_customers = data.author_kind is AuthorKind.CUSTOMER and data.visibility is Visibility.PUBLIC
    if not is_customers or not _is_reopened(thread, by_mail=data.channel is Channel.MAIL):
        return None
    if thread.changes >= MOST_CHANGES:
        return None
    said = TicketStatusChangedData(
        change=thread.changes + 1,
        status=TicketStatus.OPEN,
        previous=thread.status,
        by_kind=data.author_kind,
        by=data.author,
    )
    opened = replace(
        thread,
        status=TicketStatus.OPEN,
        closed_by=None,
        changes=thread.changes + 1,
        changed_at=posted.time,
    )
    event = TicketStatusChanged.say(said, cause=posted.as_cause, source=SOURCE, time=posted.time)
    return Change(opened, event)


def _is_reopened(thread: Thread, *, by_mail: bool) -> bool:
    """A mail can't be refused once we have taken it, and nobody would hear it: it opens all."""
    if thread.status is TicketStatus.CLOSED:
        return by_mail or not is_closed_for_good(thread)
    return thread.status in REOPENED_BY_MESSAGES


def _closed_by(status: TicketStatus, kind: AuthorKind) -> AuthorKind | None:
    return kind if status is TicketStatus.CLOSED else None


def _changed(thread: Thread, now: datetime) -> Thread:
    """The thread after one more change, which is later than any before."""
    return replace(thread, changes=thread.changes + 1, changed_at=moment(thread, now))


def _at(changed: Thread) -> datetime:
    assert changed.changed_at is not None  # noqa: S101 - it was just changed
    return changed.changed_at
