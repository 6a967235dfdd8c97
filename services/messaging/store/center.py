"""A customer's tickets: whatever their connection sees, which is theirs (`guarded.py`)."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

import asyncpg

from services.messaging.clocks import ClockState, ClockView
from shared.database import Connection
from shared.events import TicketStatus
from shared.plans import Clock, Priority

OVER = (TicketStatus.RESOLVED.value, TicketStatus.CLOSED.value)
MOST_UNREAD = 100
"""Nobody needs to know exactly how many more there are."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a ticket stands in the list."""

    active_at: datetime
    ticket: UUID


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose list it is: tells what is news to them."""

    reader: str
    """Under whom it is kept how far they have read."""
    names: Collection[str] = ()
    """Under which they write."""
    is_guest: bool = False
    """Whether they have only links, and are held to be who asked."""


@dataclass(frozen=True, slots=True)
class OwnTicket:
    """A ticket as its customer's list shows it."""

    ticket: UUID
    account: str
    account_verified: bool
    subject: str | None
    status: TicketStatus
    priority: Priority
    is_waiting: bool
    """Whether they have written since our last answer."""
    opened_at: datetime
    active_at: datetime
    """When somebody wrote last."""
    time_zone: str
    merged_into: UUID | None
    revision: int
    plan: str | None
    """Id of the plan that it was slotted by."""
    unread: int
    answered_at: datetime | None
    """When somebody of ours wrote last."""
    beginning: str | None
    """Of what was written last."""
    by_name: str | None
    """Who wrote that."""
    by_kind: str | None
    clocks: tuple[ClockView, ...] = ()

    @property
    def place(self) -> Place:
        """Where it stands in the list."""
        return Place(self.active_at, self.ticket)


@dataclass(frozen=True, slots=True)
class Counts:
    """How many tickets are somebody's."""

    open: int
    all: int


async def list_own(
    connection: Connection,
    owner: Owner,
    *,
    is_open: bool,
    limit: int,
    before: Place | None = None,
) -> list[OwnTicket]:
    """Tickets, those in which somebody wrote last first.

    Args:
        connection: Sees what is theirs.
        owner: Whose they are.
        is_open: Whether those that are over, or went into others, are left out.
        limit: How many there are at the most.
        before: They stand behind this one.
    """
    rows = await connection.fetch(
        _LIST,
        owner.reader,
        list(owner.names),
        owner.is_guest,
        list(OVER) if is_open else [],
        is_open,
        before and before.active_at,
        before and before.ticket,
        limit,
        MOST_UNREAD,
    )
    clocks = await _list_clocks(connection, [row["ticket"] for row in rows])
    return [replace(_own(row), clocks=clocks[row["ticket"]]) for row in rows]


async def count_own(connection: Connection) -> Counts:
    """How many tickets are open, and how many there are."""
    row = await connection.fetchrow(
        """
        SELECT count(*) FILTER (WHERE status <> ALL($1::text[]) AND merged_into IS NULL) AS open,
            count(*) AS all
        FROM threads
        """,
        list(OVER),
    )
    assert row is not None  # noqa: S101 - an aggregate has one row
    return Counts(row["open"], row["all"])


async def read_state(connection: Connection, reader: str) -> str:
    """Another one whenever anything may have changed that a list of all these tickets shows."""
    value = await connection.fetchval(
        """
        SELECT concat_ws(
            '.', count(*), coalesce(sum(t.revision), 0), coalesce(sum(r.sequence), 0)
        )
        FROM threads AS t
        LEFT JOIN reads AS r ON r.ticket = t.ticket AND r.reader = $1
        """,
        reader,
    )
    return str(value)


async def list_plans(
    connection: Connection, accounts: Collection[str], now: datetime
) -> dict[str, str]:
    """Ids of the plans that are in force for accounts, as far as any was ever said."""
    rows = await connection.fetch(
        """
        SELECT DISTINCT ON (account) account, plan FROM account_plans
        WHERE account = ANY($1::text[]) AND since <= $2
        ORDER BY account, since DESC, changed_at DESC, change
        """,
        list(accounts),
        now,
    )
    return {row["account"]: row["plan"] for row in rows}


async def list_zones(connection: Connection, tickets: Collection[UUID]) -> dict[UUID, str]:
    """In which time zone the customer of each ticket lives."""
    rows = await connection.fetch(
        "SELECT ticket, time_zone FROM threads WHERE ticket = ANY($1::uuid[])", list(tickets)
    )
    return {row["ticket"]: row["time_zone"] for row in rows}


async def read_last_answer(connection: Connection, ticket: UUID) -> datetime | None:
    """When somebody of ours wrote last, so that the customer sees it."""
    at: datetime | None = await connection.fetchval(
        """
        SELECT posted_at FROM messages
        WHERE ticket = $1 AND author_kind = 'agent' AND visibility = 'public'
        ORDER BY sequence DESC
        LIMIT 1
        """,
        ticket,
    )
    return at


async def read_position(connection: Connection, ticket: UUID, reader: str) -> int:
    """How far somebody has read a thread: the place of the last message that they saw."""
    place: int | None = await connection.fetchval(
        "SELECT sequence FROM reads WHERE ticket = $1 AND reader = $2", ticket, reader
    )
    return place or 0


_LIST = """
    SELECT t.ticket, t.account, t.account_verified, t.subject, t.status, t.priority,
        t.waiting_since IS NOT NULL AS is_waiting, t.opened_at,
        coalesce(t.last_message_at, t.opened_at) AS active_at,
        t.time_zone, t.merged_into, t.revision, s.plan, unread.number AS unread,
        (
            SELECT m.posted_at FROM messages AS m
            WHERE m.ticket = t.ticket AND m.author_kind = 'agent' AND m.visibility = 'public'
            ORDER BY m.sequence DESC LIMIT 1
        ) AS answered_at,
        latest.beginning, latest.author_name AS by_name, latest.author_kind AS by_kind
    FROM threads AS t
    LEFT JOIN slots AS s ON s.ticket = t.ticket
    LEFT JOIN reads AS r ON r.ticket = t.ticket AND r.reader = $1
    CROSS JOIN LATERAL (
        SELECT count(*) AS number FROM (
            SELECT FROM messages AS m
            WHERE m.ticket = t.ticket AND m.visibility = 'public'
                AND m.author_kind <> 'system'
                AND m.sequence > coalesce(r.sequence, 0) AND m.author <> ALL($2::text[])
                AND NOT ($3 AND m.author = t.requester)
            LIMIT $9
        ) AS latest_ones
    ) AS unread
    LEFT JOIN LATERAL (
        SELECT left(m.text, 200) AS beginning, m.author_name, m.author_kind
        FROM messages AS m
        WHERE m.ticket = t.ticket AND m.visibility = 'public' AND m.author_kind <> 'system'
        ORDER BY m.sequence DESC LIMIT 1
    ) AS latest ON true
    WHERE t.status <> ALL($4::text[]) AND NOT ($5 AND t.merged_into IS NOT NULL)
        AND (
            $6::timestamptz IS NULL
            OR (coalesce(t.last_message_at, t.opened_at), t.ticket) < ($6, $7::uuid)
        )
    ORDER BY active_at DESC, t.ticket DESC
    LIMIT $8
"""


async def _list_clocks(
    connection: Connection, tickets: Sequence[UUID]
) -> defaultdict[UUID, tuple[ClockView, ...]]:
    rows = await connection.fetch(
        """
        SELECT ticket, clock, cycle, revision, state, due_at, changed_at, plan, catalogue_version,
            calendar, started_at, target_seconds, left_seconds
        FROM clocks
        WHERE ticket = ANY($1::uuid[])
            AND state IN ('running', 'at_risk', 'paused', 'breached')
        ORDER BY ticket, clock, cycle
        """,
        tickets,
    )
    found: defaultdict[UUID, tuple[ClockView, ...]] = defaultdict(tuple)
    for row in rows:
        fields = dict(row)
        ticket = fields.pop("ticket")
        fields["clock"] = Clock(fields["clock"])
        fields["state"] = ClockState(fields["state"])
        found[ticket] += (ClockView(**fields),)
    return found


def _own(row: asyncpg.Record) -> OwnTicket:
    kinds = {"status": TicketStatus(row["status"]), "priority": Priority(row["priority"])}
    return OwnTicket(**dict(row) | kinds)
