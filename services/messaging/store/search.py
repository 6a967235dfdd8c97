"""Looking for words in what a visitor may read."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from html import escape
from uuid import UUID

import asyncpg

from services.messaging.store.tickets import After
from services.messaging.visitors import Visitor
from shared.database import Connection
from shared.events import TicketStatus
from shared.tickets import read_ticket_number

_BEGIN, _END = "\ue000", "\ue001"
"""Stand around words that were found; what somebody wrote loses them before."""


@dataclass(frozen=True, slots=True)
class Passage:
    """Some words, and whether they are what was looked for."""

    words: str
    is_found: bool


@dataclass(frozen=True, slots=True)
class Found:
    """A ticket in which something was found, with the newest place where it was."""

    ticket: UUID
    account: str
    subject: str | None
    status: TicketStatus
    requester_name: str | None
    at: datetime
    """Of the message, or when the ticket was opened."""
    message: UUID | None
    """None where the ticket itself is what was looked for: its subject, number or requester."""
    sequence: int | None
    passages: tuple[Passage, ...]
    """What stands there, shortened; plain text."""

    @property
    def html(self) -> str:
        """What stands there as HTML: escaped, with `<mark>` around what was looked for."""
        return "".join(
            f"<mark>{escape(each.words)}</mark>" if each.is_found else escape(each.words)
            for each in self.passages
        )

    @property
    def place(self) -> After:
        """Where it stands in the list."""
        return After(self.at, self.ticket)


# As the columns and indexes have it: words as they are, and by their English stems.
_WORDS = "(websearch_to_tsquery('simple', $1) || websearch_to_tsquery('english', $1))"
_PLAIN = "websearch_to_tsquery('simple', $1)"
_SUBJECT = "to_tsvector('simple', coalesce(t.subject, ''))"
_REQUESTER = "to_tsvector('simple', coalesce(t.requester_name, ''))"
_NUMBER = "right(replace(t.ticket::text, '-', ''), 15)"

# What only says which words are not to be there would find nearly everything.
_SAYS_WORDS = f"querytree({_WORDS}) NOT IN ('', 'T')"

# Each part has an index of its own.
_HITS = f"""
    SELECT m.ticket, m.id, m.sequence, m.posted_at AS at FROM messages AS m
    WHERE m.words @@ {_WORDS} AND {_SAYS_WORDS}
    UNION ALL
    SELECT t.ticket, NULL, NULL, t.opened_at FROM threads AS t
    WHERE {_SUBJECT} @@ {_PLAIN} AND {_SAYS_WORDS}
    UNION ALL
    SELECT t.ticket, NULL, NULL, t.opened_at FROM threads AS t
    WHERE {_REQUESTER} @@ {_PLAIN} AND {_SAYS_WORDS}
    UNION ALL
    SELECT t.ticket, NULL, NULL, t.opened_at FROM threads AS t WHERE {_NUMBER} = $2
"""  # noqa: S608 - put together from texts of ours; values are arguments
# Postgres holds a customer to their threads before it looks at a word: these are few.
_OWN_HITS = f"""
    SELECT m.ticket, m.id, m.sequence, m.posted_at AS at
    FROM own AS t JOIN messages AS m ON m.ticket = t.ticket
    WHERE m.words @@ {_WORDS} AND {_SAYS_WORDS}
    UNION ALL
    SELECT t.ticket, NULL, NULL, t.opened_at FROM own AS t
    WHERE ({_SUBJECT} @@ {_PLAIN} AND {_SAYS_WORDS}) OR {_NUMBER} = $2
"""  # noqa: S608 - the same
_PAGE = f"""
    newest AS (
        SELECT DISTINCT ON (ticket) * FROM hits ORDER BY ticket, at DESC, sequence DESC NULLS LAST
    ),
    page AS (
        SELECT * FROM newest
        WHERE $3::timestamptz IS NULL OR (at, ticket) < ($3, $4::uuid)
        ORDER BY at DESC, ticket DESC
        LIMIT $5
    )
    SELECT t.ticket, t.account, t.subject, t.status, t.requester_name, p.at, p.id AS message,
        p.sequence,
        ts_headline(
            'english',
            translate(coalesce(m.text, t.subject, ''), '{_BEGIN}{_END}', ''),
            {_WORDS},
            'StartSel="{_BEGIN}", StopSel="{_END}", MaxFragments=2, MaxWords=24, MinWords=8, '
            'FragmentDelimiter=" … "'
        ) AS headline
    FROM page AS p
    JOIN threads AS t ON t.ticket = p.ticket
    LEFT JOIN messages AS m ON m.id = p.id
    ORDER BY p.at DESC, p.ticket DESC
"""  # noqa: S608 - the same
_OWN = "own AS MATERIALIZED (SELECT ticket, subject, opened_at FROM threads)"
STAFF_SEARCH = f"WITH hits AS ({_HITS}), {_PAGE}"
OWN_SEARCH = f"WITH {_OWN}, hits AS ({_OWN_HITS}), {_PAGE}"


async def search(
    connection: Connection,
    visitor: Visitor,
    text: str,
    *,
    limit: int,
    after: After | None = None,
) -> list[Found]:
    """Tickets in which these words are, or whose number it is; what was said last comes first.

    Args:
        connection: Of `Guarded`, for this visitor: what they may not read is not found.
        visitor: Who looks.
        text: Words, "in quotes" for such that follow one another, with a - for such that are not
            to be there; or a ticket's number or id.
        limit: How many tickets at the most.
        after: Behind this place of the list.
    """
    rows = await connection.fetch(
        STAFF_SEARCH if visitor.is_staff else OWN_SEARCH,
        text,
        number_tail(text),
        after and after.at,
        after and after.ticket,
        limit,
    )
    return [_found(row) for row in rows]


def number_tail(text: str) -> str:
    """The end of the id that a ticket's number, or an id, stands for; empty for other texts."""
    number = read_ticket_number(text)
    if number is not None:
        return f"{number:015x}"
    try:
        return UUID(text.strip()).hex[-15:]
    except ValueError:
        return ""


def _found(row: asyncpg.Record) -> Found:
    fields = dict(row)
    fields["status"] = TicketStatus(fields["status"])
    passages = tuple(_passages(fields.pop("headline")))
    return Found(**fields, passages=passages)


def _passages(headline: str) -> Iterator[Passage]:
    before, *marked = headline.split(_BEGIN)
    if before:
        yield Passage(before, is_found=False)
    for part in marked:
        found, _, behind = part.partition(_END)
        yield Passage(found, is_found=True)
        if behind:
            yield Passage(behind, is_found=False)
