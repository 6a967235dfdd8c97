"""All that the auditor asks the services' databases: bounded, by index, and only to read.

Each column that stands here, and no other, is granted to its role (`sql/`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from shared.database import Connection

STATEMENT_TIMEOUT_MS = 5_000


@dataclass(frozen=True, slots=True)
class Row:
    """A deadline as sla keeps it."""

    revision: int
    state: str
    due: datetime | None


class WritableError(Exception):
    """Somebody gave the auditor a role that may change things."""


async def refuse_to_write(connection: Connection) -> None:
    """Look at a new connection: it may not be one that can change anything.

    Raises:
        WritableError: The role may change tables.
    """
    writable = await connection.fetchval(
        """
        SELECT string_agg(c.relname, ', ' ORDER BY c.relname) FROM pg_class AS c
        WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace
          AND (has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE')
            OR has_any_column_privilege(c.oid, 'INSERT, UPDATE'))
        """
    )
    if writable:
        raise WritableError(f"this role may write to {writable}")


async def hurry(connection: Connection) -> None:
    """Give each statement of this transaction a few seconds, and no more."""
    await connection.execute(f"SET LOCAL statement_timeout = {STATEMENT_TIMEOUT_MS}")


async def find_threads(connection: Connection, tickets: Sequence[UUID]) -> set[UUID]:
    """Which of these tickets have a thread (messaging)."""
    rows = await connection.fetch("SELECT ticket FROM threads WHERE ticket = ANY ($1)", tickets)
    return {row["ticket"] for row in rows}


async def find_slots(connection: Connection, tickets: Sequence[UUID]) -> set[UUID]:
    """Which of these tickets have a slot (sla)."""
    rows = await connection.fetch(
        "SELECT ticket FROM tickets WHERE ticket = ANY ($1) AND plan IS NOT NULL", tickets
    )
    return {row["ticket"] for row in rows}


async def count_acknowledgements(
    connection: Connection, tickets: Sequence[UUID]
) -> dict[UUID, int]:
    """How many acknowledgements each of these tickets has (notifier)."""
    rows = await connection.fetch(
        """
        SELECT ticket, count(*) AS number FROM deliveries
        WHERE ticket = ANY ($1) AND kind = 'acknowledgement'
        GROUP BY ticket
        """,
        tickets,
    )
    return {row["ticket"]: row["number"] for row in rows}


async def read_deadlines(
    connection: Connection, tickets: Sequence[UUID]
) -> dict[tuple[str, str], Row]:
    """The deadlines of these tickets (sla), by ticket and by clock and cycle."""
    rows = await connection.fetch(
        """
        SELECT ticket, clock, cycle, revision, state, due_at FROM deadlines
        WHERE ticket = ANY ($1)
        """,
        tickets,
    )
    return {
        (str(row["ticket"]), f"{row['clock']}/{row['cycle']}"): Row(
            row["revision"], row["state"], row["due_at"]
        )
        for row in rows
    }


async def read_outbox_age(connection: Connection) -> float:
    """For how many seconds the first event has waited to be published; 0 where none waits."""
    return float(
        await connection.fetchval(
            """
            SELECT coalesce(extract(epoch FROM now() - (
                SELECT appended_at FROM outbox ORDER BY id LIMIT 1
            )), 0)
            """
        )
    )
