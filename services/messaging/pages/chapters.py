"""A long thread in pages, and what its composer begins with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from starlette.requests import Request

from services.messaging import store
from services.messaging.domain import Message, Thread
from services.messaging.files import File
from services.messaging.store import answers, beside
from services.messaging.visitors import Visitor
from shared.database import Connection
from shared.tickets import ticket_number

PAGE = 50
"""Messages on a page of a thread."""


@dataclass(frozen=True, slots=True)
class Chapter:
    """A page of a thread."""

    messages: Sequence[Message]
    files: Mapping[UUID, Sequence[File]]
    earlier: int | None
    """The place before which the messages of the page before stand."""
    later: int | None
    """The place behind which those of the next page stand; None on the newest."""
    read: int
    """How far its reader had read."""
    first_unread: int | None = field(default=None)
    """Where they have to begin, if that is on an earlier page."""


async def read_chapter(
    connection: Connection, visitor: Visitor, thread: Thread, request: Request
) -> Chapter:
    """The newest messages, those before a place, or those behind one."""
    after, before = (_place(request, name) for name in ("after", "before"))
    ticket, last = thread.ticket, thread.last_sequence
    if after is None:
        found = await store.list_messages(
            connection, ticket, before=before or last + 1, limit=PAGE, notes=True
        )
    else:
        found = await store.list_messages(connection, ticket, after=after, limit=PAGE, notes=True)
    files = await store.list_attachments(connection, [each.id for each in found])
    read = await beside.read_place(connection, ticket, visitor.reader)
    first = found[0].sequence if found else 1
    newest = found[-1].sequence if found else last
    is_newest = newest >= last or (after is None and before is None)
    return Chapter(
        found,
        files,
        earlier=first if first > 1 else None,
        later=None if is_newest else newest,
        read=read,
        first_unread=read if 0 < read < first - 1 and is_newest else None,
    )


async def read_chosen(
    connection: Connection, thread: Thread, visitor: Visitor, request: Request
) -> str:
    """The canned answer that the address names, filled in; nothing without one."""
    try:
        id_ = UUID(request.query_params.get("answer", ""))
    except ValueError:
        return ""
    found = await answers.read_canned(connection, id_)
    return fill(found.text, thread, visitor) if found else ""


def fill(text: str, thread: Thread, visitor: Visitor) -> str:
    """A canned answer with the words of this ticket; what is no placeholder stays as it is."""
    words = {
        "{name}": thread.requester_name or "",
        "{number}": ticket_number(thread.ticket),
        "{agent}": visitor.caller.name or "",
    }
    for placeholder, value in words.items():
        text = text.replace(placeholder, value)
    return text


def _place(request: Request, name: str) -> int | None:
    value = request.query_params.get(name, "")
    return int(value) if value.isdecimal() and len(value) < 10 else None  # noqa: PLR2004 - an integer of Postgres
