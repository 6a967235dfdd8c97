"""What agents do with tickets beside writing: plans that are asked for, and who reads what."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from services.messaging.store.people import Person
from shared.database import Connection
from shared.events import PlanChanged
from shared.handling import PlanChangeDeclined, PlanChangeRequested


async def read_colleague(connection: Connection, subject: str) -> Person | None:
    """Somebody of the desk who has signed in before, or None."""
    row = await connection.fetchrow(
        """
        SELECT subject, name, address, address_verified, account, roles FROM people
        WHERE subject = $1 AND roles && '{agent,lead,admin}'
        """,
        subject,
    )
    return None if row is None else Person(**{**row, "roles": tuple(row["roles"])})


async def add_plan_request(connection: Connection, asked: PlanChangeRequested) -> None:
    """Keep a change of plan that an agent asks for, until sla has answered."""
    await connection.execute(
        """
        INSERT INTO plan_requests (request, ticket, account, plan, requested_by, requested_at)
        VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (request) DO NOTHING
        """,
        asked.id,
        UUID(asked.subject),
        asked.data.account,
        asked.data.plan,
        asked.data.by,
        asked.time,
    )


async def read_plan_request(connection: Connection, ticket: UUID) -> str | None:
    """The plan that was asked for last for this ticket's account, while sla has not answered."""
    found: str | None = await connection.fetchval(
        """
        SELECT plan FROM plan_requests WHERE ticket = $1 AND declined IS NULL
        ORDER BY requested_at DESC LIMIT 1
        """,
        ticket,
    )
    return found


async def read_declined(connection: Connection, ticket: UUID) -> tuple[str, str] | None:
    """The plan that sla declined last for this ticket and why, if nothing was asked since."""
    row = await connection.fetchrow(
        """
        SELECT plan, declined FROM plan_requests WHERE ticket = $1
        ORDER BY requested_at DESC LIMIT 1
        """,
        ticket,
    )
    return None if row is None or row["declined"] is None else (row["plan"], row["declined"])


async def decline_plans(connection: Connection, declined: Sequence[PlanChangeDeclined]) -> None:
    """Keep why plans that were asked for are not changed."""
    await connection.executemany(
        "UPDATE plan_requests SET declined = $2 WHERE request = $1",
        [(event.data.request, event.data.reason.value) for event in declined],
    )


async def record_plans(connection: Connection, changed: Sequence[PlanChanged]) -> None:
    """Keep the plans of accounts, and be done with what was asked for before.

    What was asked for later than the change waits on, in whatever order both are heard. A change
    that is said once more is an answer to who asks for the plan that is in force anyway.
    """
    await connection.executemany(
        """
        INSERT INTO account_plans (change, account, plan, since, changed_at)
        VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (change) DO NOTHING
        """,
        [(e.id, e.data.account, e.data.plan, e.data.since, e.time) for e in changed],
    )
    answered = [(e.data.account, e.time, e.data.plan, e.data.since) for e in changed]
    await connection.executemany(_END_REQUESTS, answered)
    await connection.executemany(_END_WISHES, answered)


_IS_LAST = """
    NOT EXISTS (
        SELECT FROM account_plans AS p
        WHERE p.account = $1 AND (p.since, p.changed_at) > ($4::timestamptz, $2)
    )
"""
_END_REQUESTS = f"""
    DELETE FROM plan_requests
    WHERE account = $1 AND (requested_at <= $2 OR (plan = $3 AND {_IS_LAST}))
"""  # noqa: S608 - texts of ours
_END_WISHES = f"""
    UPDATE threads SET asked_plan = NULL, revision = revision + 1
    WHERE account = $1 AND asked_plan IS NOT NULL AND (
        (asked_plan = $3 AND {_IS_LAST})
        OR NOT EXISTS (
            SELECT FROM messages AS m
            WHERE m.ticket = threads.ticket AND m.asks_for_plan IS NOT NULL AND m.posted_at > $2
        )
    )
"""  # noqa: S608 - the same


async def list_asking(connection: Connection, accounts: Collection[str]) -> set[UUID]:
    """Tickets of these accounts in which somebody asks for another plan."""
    rows = await connection.fetch(
        """
        SELECT ticket FROM threads WHERE account = ANY($1::text[]) AND asked_plan IS NOT NULL
        """,
        accounts,
    )
    return {row["ticket"] for row in rows}


async def dismiss_plan(connection: Connection, ticket: UUID) -> None:
    """An agent has dealt with the plan that a customer asked for."""
    await connection.execute(
        """
        UPDATE threads SET asked_plan = NULL, revision = revision + 1
        WHERE ticket = $1 AND asked_plan IS NOT NULL
        """,
        ticket,
    )


async def mark_read(
    connection: Connection, ticket: UUID, reader: str, sequence: int, *, now: datetime
) -> None:
    """Keep how far somebody has read; never back, nor further than there are messages."""
    await connection.execute(
        """
        INSERT INTO reads AS r (ticket, reader, sequence, read_at)
        SELECT ticket, $2, least($3, last_sequence), $4 FROM threads WHERE ticket = $1
        ON CONFLICT (ticket, reader) DO UPDATE
        SET sequence = excluded.sequence, read_at = excluded.read_at
        WHERE r.sequence < excluded.sequence
        """,
        ticket,
        reader,
        sequence,
        now,
    )


async def count_unread(
    connection: Connection, tickets: Collection[UUID], *, reader: str, own: Collection[str]
) -> dict[UUID, int]:
    """How many messages of these threads somebody has not read.

    Args:
        connection: Restricted to what they may see: notes count for our own people alone.
        tickets: Whose threads they are.
        reader: Under which name it is kept how far they have read.
        own: Under which ids they write: what is their own doesn't count.
    """
    rows = await connection.fetch(
        """
        SELECT m.ticket, count(*) AS unread
        FROM messages AS m
        LEFT JOIN reads AS r ON r.ticket = m.ticket AND r.reader = $2
        WHERE m.ticket = ANY($1::uuid[]) AND m.sequence > coalesce(r.sequence, 0)
            AND m.author <> ALL($3::text[])
        GROUP BY m.ticket
        """,
        tickets,
        reader,
        list(own),
    )
    return {row["ticket"]: row["unread"] for row in rows}


async def follow_merges(
    connection: Connection, tickets: Collection[UUID], *, mailed: Collection[UUID]
) -> frozenset[UUID]:
    """These tickets, and what they have gone into where the same person asked for both.

    Args:
        connection: Of the desk itself.
        tickets: Opened by links.
        mailed: Those whose link came by mail. Who has another one has named an address in a form,
            which may be anybody's: unless their account is proved, their link opens that one
            ticket.
    """
    rows = await connection.fetch(
        """
        SELECT into_.ticket FROM threads AS gone
        JOIN threads AS into_ ON into_.ticket = gone.merged_into
            AND into_.requester = gone.requester
        WHERE gone.ticket = ANY($1::uuid[])
            AND (gone.account_verified OR gone.ticket = ANY($2::uuid[]))
        """,
        tickets,
        mailed,
    )
    return frozenset(tickets) | {row["ticket"] for row in rows}
