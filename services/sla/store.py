"""All the SQL of sla. Every function runs in its caller's transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from services.sla.accounts import PlanChange
from services.sla.domain import Deadline, DeadlineState
from shared.database import Connection
from shared.events import TicketCreated
from shared.plans import Clock


@dataclass(frozen=True, slots=True)
class Account:
    """An account of the directory and its plan in force."""

    account: str
    plan: str
    since: datetime
    changed_by: str
    changed_at: datetime


async def add_tickets(
    connection: Connection, created: Sequence[tuple[TicketCreated, int]]
) -> dict[UUID, datetime | None]:
    """Keep new tickets, each with its partition.

    Returns:
        Those that were new, with the time of an answer that was heard before the ticket itself.
    """
    rows = await connection.fetch(
        """
        INSERT INTO tickets AS t (ticket, partition, created_at, account, priority)
        SELECT DISTINCT ON (ticket) ticket, partition, created_at, account, priority
        FROM unnest($1::uuid[], $2::int[], $3::timestamptz[], $4::text[], $5::text[])
            AS new (ticket, partition, created_at, account, priority)
        ORDER BY ticket
        ON CONFLICT (ticket) DO UPDATE
        SET created_at = excluded.created_at,
            account = excluded.account,
            priority = excluded.priority
        WHERE t.created_at IS NULL
        RETURNING ticket, answered_at
        """,
        [UUID(event.subject) for event, _ in created],
        [partition for _, partition in created],
        [event.time for event, _ in created],
        [event.data.account for event, _ in created],
        [event.data.priority.value for event, _ in created],
    )
    return {row["ticket"]: row["answered_at"] for row in rows}


async def plans_at(
    connection: Connection, asked: Sequence[tuple[str, datetime]]
) -> list[str | None]:
    """For each account and instant the plan that had begun by then, or None."""
    rows = await connection.fetch(
        """
        SELECT found.plan
        FROM unnest($1::text[], $2::timestamptz[]) WITH ORDINALITY
            AS asked (account, at, position)
        LEFT JOIN LATERAL (
            SELECT plan FROM plan_changes
            WHERE account = asked.account AND since <= asked.at
            ORDER BY since DESC, changed_at DESC
            LIMIT 1
        ) AS found ON true
        ORDER BY asked.position
        """,
        [account for account, _ in asked],
        [at for _, at in asked],
    )
    return [row["plan"] for row in rows]


async def record_slots(
    connection: Connection, slots: Mapping[UUID, str], *, catalogue_version: str
) -> None:
    """Keep which plan each ticket was slotted by."""
    await connection.execute(
        """
        UPDATE tickets SET plan = slot.plan, catalogue_version = $3
        FROM unnest($1::uuid[], $2::text[]) AS slot (ticket, plan)
        WHERE tickets.ticket = slot.ticket
        """,
        list(slots.keys()),
        list(slots.values()),
        catalogue_version,
    )


async def add_deadlines(connection: Connection, deadlines: Sequence[Deadline]) -> None:
    """Keep new deadlines."""
    await connection.executemany(
        """
        INSERT INTO deadlines (
            ticket, clock, cycle, partition, state, plan, catalogue_version, started_at,
            target_seconds, due_at, warn_at, fires_at, ended_at, scheduled_by, correlation,
            traceparent
        )
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
        """,
        [
            (
                d.ticket,
                d.clock.value,
                d.cycle,
                d.partition,
                d.state.value,
                d.plan,
                d.catalogue_version,
                d.started_at,
                d.target_seconds,
                d.due_at,
                d.warn_at,
                d.fires_at,
                d.ended_at,
                d.scheduled_by,
                d.correlation,
                d.traceparent,
            )
            for d in deadlines
        ],
    )


async def mark_answered(
    connection: Connection, answers: Mapping[UUID, tuple[int, datetime]]
) -> None:
    """Keep when each ticket (with its partition) was first answered; an earlier answer stays."""
    await connection.execute(
        """
        INSERT INTO tickets AS t (ticket, partition, answered_at)
        SELECT * FROM unnest($1::uuid[], $2::int[], $3::timestamptz[])
        ON CONFLICT (ticket) DO UPDATE
        SET answered_at = least(t.answered_at, excluded.answered_at)
        """,
        list(answers.keys()),
        [partition for partition, _ in answers.values()],
        [answered_at for _, answered_at in answers.values()],
    )


async def lock_running(
    connection: Connection, tickets: Sequence[UUID], clock: Clock
) -> list[Deadline]:
    """The running deadlines of one clock of these tickets, locked."""
    rows = await connection.fetch(
        """
        SELECT * FROM deadlines
        WHERE ticket = ANY($1::uuid[]) AND clock = $2 AND state = 'running'
        ORDER BY ticket, cycle
        FOR UPDATE
        """,
        tickets,
        clock.value,
    )
    return [_deadline(row) for row in rows]


async def lock_due(
    connection: Connection, heard_until: Mapping[int, datetime], *, limit: int
) -> list[Deadline]:
    """Running deadlines that fire by the instant up to which their partition was heard, locked.

    At most `limit` per partition, the earliest first; what another transaction holds is left to it.
    """
    rows = await connection.fetch(
        """
        SELECT due.*
        FROM unnest($1::int[], $2::timestamptz[]) AS heard (partition, until)
        CROSS JOIN LATERAL (
            SELECT * FROM deadlines
            WHERE partition = heard.partition AND state = 'running' AND fires_at <= heard.until
            ORDER BY fires_at
            LIMIT $3
            FOR UPDATE SKIP LOCKED
        ) AS due
        """,
        list(heard_until.keys()),
        list(heard_until.values()),
        limit,
    )
    return [_deadline(row) for row in rows]


async def save_deadlines(connection: Connection, deadlines: Sequence[Deadline]) -> None:
    """Write what became of deadlines that this transaction has locked."""
    await connection.execute(
        """
        UPDATE deadlines AS d
        SET state = new.state, fires_at = new.fires_at, ended_at = new.ended_at
        FROM unnest(
            $1::uuid[], $2::text[], $3::int[], $4::text[], $5::timestamptz[], $6::timestamptz[]
        ) AS new (ticket, clock, cycle, state, fires_at, ended_at)
        WHERE d.ticket = new.ticket AND d.clock = new.clock AND d.cycle = new.cycle
        """,
        [d.ticket for d in deadlines],
        [d.clock.value for d in deadlines],
        [d.cycle for d in deadlines],
        [d.state.value for d in deadlines],
        [d.fires_at for d in deadlines],
        [d.ended_at for d in deadlines],
    )


async def lock_accounts(connection: Connection, accounts: Sequence[str]) -> None:
    """Keep others from changing these accounts until the commit.

    Two changes of one account must not both see the same plan before them.
    """
    await connection.execute(
        """
        SELECT pg_advisory_xact_lock(hashtextextended(account, 0))
        FROM (SELECT unnest($1::text[]) AS account ORDER BY 1) AS sorted
        """,
        accounts,
    )


async def add_plan_changes(connection: Connection, changes: Sequence[PlanChange]) -> set[UUID]:
    """Keep who put which account on which plan, since when; returns which changes were new."""
    rows = await connection.fetch(
        """
        INSERT INTO plan_changes (id, account, plan, previous, since, changed_by, changed_at)
        SELECT DISTINCT ON (id) *
        FROM unnest(
            $1::uuid[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::text[],
            $7::timestamptz[]
        ) AS new (id, account, plan, previous, since, changed_by, changed_at)
        ORDER BY id
        ON CONFLICT (id) DO NOTHING
        RETURNING id
        """,
        [change.id for change in changes],
        [change.account for change in changes],
        [change.plan for change in changes],
        [change.previous for change in changes],
        [change.since for change in changes],
        [change.changed_by for change in changes],
        [change.changed_at for change in changes],
    )
    return {row["id"] for row in rows}


async def list_accounts(
    connection: Connection, *, now: datetime, after: str, limit: int, plan: str | None
) -> list[Account]:
    """Accounts with the plan that is in force now, in order of their id, behind `after`."""
    rows = await connection.fetch(
        """
        SELECT * FROM (
            SELECT DISTINCT ON (account) account, plan, since, changed_by, changed_at
            FROM plan_changes
            WHERE account > $1 AND since <= $4
            ORDER BY account, since DESC, changed_at DESC
        ) AS in_force
        WHERE $3::text IS NULL OR plan = $3
        ORDER BY account
        LIMIT $2
        """,
        after,
        limit,
        plan,
        now,
    )
    return [Account(**row) for row in rows]


async def read_account(connection: Connection, account: str) -> list[PlanChange]:
    """All plan changes of an account, the latest first."""
    rows = await connection.fetch(
        """
        SELECT id, account, plan, previous, since, changed_by, changed_at FROM plan_changes
        WHERE account = $1 ORDER BY since DESC, changed_at DESC LIMIT 1000
        """,
        account,
    )
    return [PlanChange(**row) for row in rows]


def _deadline(row: asyncpg.Record) -> Deadline:
    fields = dict(row)
    fields["clock"] = Clock(fields["clock"])
    fields["state"] = DeadlineState(fields["state"])
    return Deadline(**fields)
