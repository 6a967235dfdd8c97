"""How threads, messages and files are shown as JSON: pure."""

from collections.abc import Sequence
from typing import Any

from services.messaging.clocks import ClockView
from services.messaging.domain import Message, Thread
from services.messaging.files import File, FileState
from services.messaging.store import Found, Standing, TicketRow
from shared.envelope import format_instant
from shared.tickets import ticket_number


def thread(
    kept: Thread,
    standing: Standing,
    *,
    is_staff: bool,
    account_plan: str | None,
    unread: int,
) -> dict[str, Any]:
    """A thread without its messages."""
    acknowledged = standing.acknowledged_at
    return {
        "ticket": str(kept.ticket),
        "number": ticket_number(kept.ticket),
        "account": kept.account,
        "subject": kept.subject,
        "channel": kept.channel,
        "queue": kept.queue,
        "continues": kept.continues and str(kept.continues),
        "merged_into": kept.merged_into and str(kept.merged_into),
        "automatic": kept.automatic,
        "priority": kept.priority,
        "status": kept.status,
        "opened_at": format_instant(kept.opened_at),
        "acknowledged_at": acknowledged and format_instant(acknowledged),
        "erased_at": kept.erased_at and format_instant(kept.erased_at),
        "plan": standing.plan,
        "service_level": standing.service_level,
        "account_plan": account_plan,
        "asked_plan": kept.asked_plan,
        "unread": unread,
        "clocks": [clock(each) for each in standing.clocks],
    } | _desks_own(kept, is_staff=is_staff)


def change(kept: Thread, *, is_staff: bool) -> dict[str, Any]:
    """How a ticket stands after it was set."""
    return {
        "ticket": str(kept.ticket),
        "number": ticket_number(kept.ticket),
        "status": kept.status,
        "priority": kept.priority,
        "queue": kept.queue,
        "merged_into": kept.merged_into and str(kept.merged_into),
    } | _desks_own(kept, is_staff=is_staff)


def row(kept: TicketRow, *, unread: int, is_staff: bool) -> dict[str, Any]:
    """A ticket in a list."""
    last = kept.last_message_at
    return {
        "ticket": str(kept.ticket),
        "number": ticket_number(kept.ticket),
        "account": kept.account,
        "subject": kept.subject,
        "queue": kept.queue,
        "priority": kept.priority,
        "status": kept.status,
        "merged_into": kept.merged_into and str(kept.merged_into),
        "opened_at": format_instant(kept.opened_at),
        "last_message_at": last and format_instant(last),
        "unread": unread,
    } | _desks_own(kept, is_staff=is_staff)


def found(kept: Found) -> dict[str, Any]:
    """A ticket in which something was found."""
    return {
        "ticket": str(kept.ticket),
        "number": ticket_number(kept.ticket),
        "account": kept.account,
        "subject": kept.subject,
        "status": kept.status,
        "requester_name": kept.requester_name,
        "message": kept.message and str(kept.message),
        "sequence": kept.sequence,
        "at": format_instant(kept.at),
        "headline": kept.html,
    }


def clock(kept: ClockView) -> dict[str, Any]:
    """A clock of a thread."""
    return {
        "clock": kept.clock,
        "cycle": kept.cycle,
        "revision": kept.revision,
        "state": kept.state,
        "due": kept.due_at and format_instant(kept.due_at),
        "changed_at": format_instant(kept.changed_at),
        "plan": kept.plan,
        "catalogue_version": kept.catalogue_version,
        "calendar": kept.calendar,
        "started": format_instant(kept.started_at),
        "target_seconds": kept.target_seconds,
        "left_seconds": kept.left_seconds,
    }


def message(kept: Message, files: Sequence[File] = ()) -> dict[str, Any]:
    """A message with what came with it."""
    return {
        "id": str(kept.id),
        "ticket": str(kept.ticket),
        "sequence": kept.sequence,
        "author_kind": kept.author_kind,
        "author_name": kept.author_name,
        "visibility": kept.visibility,
        "channel": kept.channel,
        "text": kept.text,
        "quoted": kept.quoted,
        "asks_for_plan": kept.asks_for_plan,
        "came_to": kept.came_to and str(kept.came_to),
        "attachments": [file(each) for each in files],
        "posted_at": format_instant(kept.posted_at),
        "erased_at": kept.erased_at and format_instant(kept.erased_at),
    }


def file(kept: File) -> dict[str, Any]:
    """What is said of a file; its content has an address of its own."""
    return {
        "id": str(kept.id),
        "name": kept.name,
        "content_type": kept.content_type,
        "size_bytes": kept.size_bytes,
        "complete": kept.state is FileState.COMPLETE,
        "broken": kept.state is FileState.BROKEN,
    }


def _desks_own(kept: Thread | TicketRow, *, is_staff: bool) -> dict[str, Any]:
    """What is said about a ticket among agents: its tags, and whose it is."""
    if not is_staff:
        return {}
    return {
        "assignee": kept.assignee,
        "assignee_name": kept.assignee_name,
        "tags": list(kept.tags),
    }
