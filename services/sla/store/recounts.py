"""Long work on many tickets, and the catalogues that promises were made by."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter
from uuid import UUID

from services.sla.accounts import PlanChange
from shared.database import Connection

_SLOTTING = 0x0CA2E510
"""Advisory lock: shared by who slots tickets, taken alone by who moves them to a catalogue."""


@dataclass(frozen=True, slots=True)
class Recount:
    """Tickets are to be counted anew: those of an account, or all that move to a catalogue."""

    id: UUID
    account: str | None
    from_version: str | None
    """Only tickets that count by this version; None for all."""
    to_version: str | None
    due_at: datetime
    """When it takes effect."""
    asked_by: str
    asked_at: datetime
    after: UUID
    """The last ticket that was done."""
    tickets: int
    """How many were done."""
    done_at: datetime | None


async def adopt_catalogue(connection: Connection, version: str, text: str, *, now: datetime) -> str:
    """Keep a catalogue under its version; returns what stands there, which may be older."""
    await connection.execute(
        """
        INSERT INTO catalogues (version, text, adopted_at) VALUES ($1, $2, $3)
        ON CONFLICT DO NOTHING
        """,
        version,
        text,
        now,
    )
    kept: str = await connection.fetchval("SELECT text FROM catalogues WHERE version = $1", version)
    return kept


async def say_catalogues(connection: Connection) -> list[tuple[str, str, datetime]]:
    """Catalogues that were not said yet, and since when they are in force; now they are said."""
    rows = await connection.fetch(
        """
        UPDATE catalogues SET said = true WHERE NOT said RETURNING version, text, adopted_at
        """
    )
    return sorted(((r["version"], r["text"], r["adopted_at"]) for r in rows), key=itemgetter(2, 0))


async def read_catalogues(connection: Connection, versions: Collection[str]) -> dict[str, str]:
    """The texts of these catalogues, by version."""
    rows = await connection.fetch(
        "SELECT version, text FROM catalogues WHERE version = ANY($1::text[])", list(versions)
    )
    return {row["version"]: row["text"] for row in rows}


async def list_catalogues(connection: Connection) -> list[tuple[str, datetime]]:
    """Every catalogue that promises were made by, the latest first, and since when."""
    rows = await connection.fetch(
        "SELECT version, adopted_at FROM catalogues ORDER BY adopted_at DESC, version LIMIT 1000"
    )
    return [(row["version"], row["adopted_at"]) for row in rows]


async def share_slotting(connection: Connection) -> None:
    """Slot tickets: who moves tickets to a catalogue waits until they are committed."""
    await connection.execute("SELECT pg_advisory_xact_lock_shared($1)", _SLOTTING)


async def lock_slotting(connection: Connection) -> None:
    """Wait until all tickets that are being slotted are committed."""
    await connection.execute("SELECT pg_advisory_xact_lock($1)", _SLOTTING)


async def add_plan_recounts(connection: Connection, changes: Sequence[PlanChange]) -> None:
    """Let the open tickets of these accounts follow the changes, once they take effect.

    Nothing is left to do for accounts, locked by this transaction, that have no open ticket now:
    an import of thousands holds nobody up.
    """
    await connection.execute(
        """
        INSERT INTO recounts (id, account, due_at, asked_by, asked_at, done_at)
        SELECT *, CASE WHEN due_at <= asked_at AND NOT EXISTS (
            SELECT FROM tickets AS t WHERE t.account = new.account AND t.status <> 'closed'
        ) THEN asked_at END
        FROM unnest(
            $1::uuid[], $2::text[], $3::timestamptz[], $4::text[], $5::timestamptz[]
        ) AS new (id, account, due_at, asked_by, asked_at)
        """,
        [change.id for change in changes],
        [change.account for change in changes],
        [change.takes_effect_at for change in changes],
        [change.changed_by for change in changes],
        [change.changed_at for change in changes],
    )


async def add_move(connection: Connection, move: Recount) -> Recount:
    """Let tickets move to another catalogue; asked again under one id, it is the same move."""
    row = await connection.fetchrow(
        """
        INSERT INTO recounts (id, from_version, to_version, due_at, asked_by, asked_at)
        VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (id) DO UPDATE SET id = excluded.id
        RETURNING *
        """,
        move.id,
        move.from_version,
        move.to_version,
        move.due_at,
        move.asked_by,
        move.asked_at,
    )
    assert row is not None  # noqa: S101 - inserted or found
    return Recount(**row)


async def read_move(connection: Connection, id_: UUID) -> Recount | None:
    """A move to another catalogue, or None."""
    row = await connection.fetchrow(
        "SELECT * FROM recounts WHERE id = $1 AND to_version IS NOT NULL", id_
    )
    return None if row is None else Recount(**row)


async def lock_next_recount(connection: Connection, *, now: datetime) -> Recount | None:
    """The oldest recount that has taken effect and that nobody is at, locked.

    Moves to a catalogue are done one after the other: the last one asked for is to win.
    """
    row = await connection.fetchrow(
        """
        SELECT * FROM recounts AS r
        WHERE done_at IS NULL AND due_at <= $1 AND NOT EXISTS (
            SELECT FROM recounts AS earlier
            WHERE r.to_version IS NOT NULL AND earlier.to_version IS NOT NULL
                AND earlier.done_at IS NULL AND (earlier.due_at, earlier.id) < (r.due_at, r.id)
        )
        ORDER BY due_at, id
        LIMIT 1
        FOR UPDATE SKIP LOCKED
        """,
        now,
    )
    return None if row is None else Recount(**row)


@dataclass(frozen=True, slots=True)
class OpenRecounts:
    """What is still to be done."""

    open: int
    oldest: datetime | None


async def count_recounts(connection: Connection, *, now: datetime) -> OpenRecounts:
    """The recounts that have taken effect and are not done."""
    row = await connection.fetchrow(
        "SELECT count(*), min(due_at) FROM recounts WHERE done_at IS NULL AND due_at <= $1", now
    )
    assert row is not None  # noqa: S101 - an aggregate is one row
    return OpenRecounts(*row)


async def list_tickets_of_account(
    connection: Connection, account: str, *, after: UUID, limit: int
) -> list[UUID]:
    """The account's tickets that are not closed, by id."""
    rows = await connection.fetch(
        """
        SELECT ticket FROM tickets
        WHERE account = $1 AND ticket > $2 AND status <> 'closed' AND NOT stands_as_said
        ORDER BY ticket
        LIMIT $3
        """,
        account,
        after,
        limit,
    )
    return [row["ticket"] for row in rows]


async def list_tickets_to_move(connection: Connection, move: Recount, *, limit: int) -> list[UUID]:
    """The next tickets of a move, by id: those that are not closed and count by another version."""
    rows = await connection.fetch(
        """
        SELECT ticket FROM tickets
        WHERE ticket > $1 AND opened_at IS NOT NULL AND status <> 'closed' AND NOT stands_as_said
            AND coalesce(moved_to, catalogue_version) <> $2
            AND ($3::text IS NULL OR coalesce(moved_to, catalogue_version) = $3)
        ORDER BY ticket
        LIMIT $4
        """,
        move.after,
        move.to_version,
        move.from_version,
        limit,
    )
    return [row["ticket"] for row in rows]


async def record_moves(connection: Connection, versions: Mapping[UUID, str]) -> None:
    """Keep by which catalogues these tickets count now."""
    await connection.execute(
        """
        UPDATE tickets SET moved_to = new.version
        FROM unnest($1::uuid[], $2::text[]) AS new (ticket, version)
        WHERE tickets.ticket = new.ticket
        """,
        list(versions.keys()),
        list(versions.values()),
    )


async def advance_recount(
    connection: Connection, id_: UUID, *, after: UUID, tickets: int, done_at: datetime | None
) -> None:
    """Keep how far a recount has come."""
    await connection.execute(
        """
        UPDATE recounts SET after = $2, tickets = tickets + $3, done_at = $4 WHERE id = $1
        """,
        id_,
        after,
        tickets,
        done_at,
    )
