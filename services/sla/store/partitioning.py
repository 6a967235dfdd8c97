"""By how many partitions of the stream tickets and deadlines have their partition."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from shared.database import Connection

_NUMBERS = 0x0CA2E512
"""Advisory lock: shared by who gives tickets their partition, taken alone by who changes how."""


@dataclass(frozen=True, slots=True)
class Partitioning:
    """How far the tickets are counted anew."""

    partitions: int
    after: UUID
    """The last ticket that was."""
    tickets: int
    """How many were."""
    done_at: datetime | None


async def share_partitioning(connection: Connection) -> int | None:
    """How many partitions new tickets are counted by; nobody changes that until the commit.

    None as long as nobody has counted.
    """
    # Two statements: the second one sees what was committed while the first one waited.
    await connection.execute("SELECT pg_advisory_xact_lock_shared($1)", _NUMBERS)
    found: int | None = await connection.fetchval("SELECT partitions FROM partitioning")
    return found


async def counted_by(connection: Connection) -> int | None:
    """By how many partitions all tickets are counted; None while that is under way."""
    found: int | None = await connection.fetchval(
        "SELECT partitions FROM partitioning WHERE done_at IS NOT NULL"
    )
    return found


async def try_lock_partitioning(connection: Connection) -> bool:
    """Be the one who counts; False if somebody else is."""
    return bool(await connection.fetchval("SELECT pg_try_advisory_xact_lock($1)", _NUMBERS + 1))


async def read_partitioning(connection: Connection) -> Partitioning | None:
    """How far the tickets are counted anew, or None if nobody has begun."""
    row = await connection.fetchrow("SELECT * FROM partitioning")
    return None if row is None else Partitioning(**row)


async def begin_partitioning(connection: Connection, partitions: int) -> None:
    """From now on new tickets are counted by so many; those that are there have to follow."""
    await connection.execute("SELECT pg_advisory_xact_lock($1)", _NUMBERS)
    await connection.execute("DELETE FROM partitioning")
    await connection.execute("INSERT INTO partitioning (partitions) VALUES ($1)", partitions)


async def list_tickets_after(connection: Connection, after: UUID, *, limit: int) -> list[UUID]:
    """The next tickets, by id."""
    rows = await connection.fetch(
        "SELECT ticket FROM tickets WHERE ticket > $1 ORDER BY ticket LIMIT $2", after, limit
    )
    return [row["ticket"] for row in rows]


async def record_partitions(connection: Connection, partitions: Mapping[UUID, int]) -> None:
    """Keep which partition these tickets and their deadlines are of."""
    numbers: Sequence[object] = (list(partitions.keys()), list(partitions.values()))
    # Tickets first and in order, as everybody locks them.
    await connection.execute(
        """
        WITH locked AS (
            SELECT t.ticket, new.partition
            FROM tickets AS t JOIN unnest($1::uuid[], $2::int[]) AS new (ticket, partition)
                USING (ticket)
            WHERE t.partition <> new.partition
            ORDER BY t.ticket
            FOR NO KEY UPDATE OF t
        )
        UPDATE tickets SET partition = locked.partition
        FROM locked WHERE tickets.ticket = locked.ticket
        """,
        *numbers,
    )
    await connection.execute(
        """
        UPDATE deadlines AS d SET partition = new.partition
        FROM unnest($1::uuid[], $2::int[]) AS new (ticket, partition)
        WHERE d.ticket = new.ticket AND d.partition <> new.partition
        """,
        *numbers,
    )


async def advance_partitioning(
    connection: Connection, *, after: UUID, tickets: int, done_at: datetime | None
) -> None:
    """Keep how far the counting has come."""
    await connection.execute(
        "UPDATE partitioning SET after = $1, tickets = tickets + $2, done_at = $3",
        after,
        tickets,
        done_at,
    )
