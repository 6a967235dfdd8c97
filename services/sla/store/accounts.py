"""The account directory: who is on which plan since when, and who said so."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from services.sla.accounts import InForce, PlanChange
from services.sla.plans_said import MOST_ANSWERED, MOST_PLANS, Schedule
from shared.database import Connection
from shared.handling import PlanChangeRequested


@dataclass(frozen=True, slots=True)
class Account:
    """An account of the directory and its plan in force."""

    account: str
    plan: str
    since: datetime
    changed_by: str
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class Applied:
    """How far a plan change has reached the tickets that were open when it took effect."""

    tickets: int
    done_at: datetime | None


async def plans_at(
    connection: Connection, asked: Sequence[tuple[str, datetime]]
) -> list[InForce | None]:
    """For each account and instant what had begun by then and counts, or None."""
    rows = await connection.fetch(
        """
        SELECT found.plan, found.id, found.since
        FROM unnest($1::text[], $2::timestamptz[]) WITH ORDINALITY
            AS asked (account, at, position)
        LEFT JOIN LATERAL (
            SELECT plan, id, since FROM plan_changes
            WHERE account = asked.account AND since <= asked.at
            ORDER BY since DESC, changed_at DESC, id DESC
            LIMIT 1
        ) AS found ON true
        ORDER BY asked.position
        """,
        [account for account, _ in asked],
        [at for _, at in asked],
    )
    return [None if row["id"] is None else InForce(*row) for row in rows]


async def lock_accounts(connection: Connection, accounts: Sequence[str]) -> None:
    """Keep others from changing these accounts, and from slotting by them, until the commit.

    Two changes of one account must not both see the same plan before them. Accounts share some
    thousand locks: one each would not fit into the server's lock table when many are imported.
    """
    await connection.execute(
        """
        SELECT pg_advisory_xact_lock(key) FROM (
            SELECT DISTINCT hashtextextended(account, 0) & 1023 AS key
            FROM unnest($1::text[]) AS account ORDER BY 1
        ) AS keys
        """,
        accounts,
    )


async def share_accounts(
    connection: Connection, accounts: Collection[str], *, changing: Collection[str] = ()
) -> None:
    """Let tickets be slotted by these accounts: who locks them waits until those are committed.

    Accounts that the same transaction may change are locked at once, in order with the others: two
    that share a lock, and each want it alone afterwards, would wait for one another.
    """
    await connection.execute(
        """
        SELECT CASE WHEN alone
            THEN pg_advisory_xact_lock(key)::text
            ELSE pg_advisory_xact_lock_shared(key)::text
        END
        FROM (
            SELECT hashtextextended(account, 0) & 1023 AS key, bool_or(is_changing) AS alone
            FROM (
                SELECT account, false FROM unnest($1::text[]) AS account
                UNION ALL
                SELECT account, true FROM unnest($2::text[]) AS account
            ) AS named (account, is_changing)
            GROUP BY 1 ORDER BY 1
        ) AS keys
        """,
        list(accounts),
        list(changing),
    )


async def add_plan_changes(connection: Connection, changes: Sequence[PlanChange]) -> set[UUID]:
    """Keep who put which account on which plan, since when; returns which changes were new."""
    rows = await connection.fetch(
        """
        INSERT INTO plan_changes (
            id, account, plan, previous, since, changed_by, changed_at, led_by
        )
        SELECT DISTINCT ON (id) *
        FROM unnest(
            $1::uuid[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::text[],
            $7::timestamptz[], $8::uuid[]
        ) AS new (id, account, plan, previous, since, changed_by, changed_at, led_by)
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
        [change.led_by for change in changes],
    )
    return {row["id"] for row in rows}


async def add_plan_requests(
    connection: Connection, requests: Sequence[PlanChangeRequested]
) -> set[UUID]:
    """Note that these requests are answered; returns those that were not before."""
    rows = await connection.fetch(
        """
        INSERT INTO plan_requests (request, ticket)
        SELECT DISTINCT ON (request) *
        FROM unnest($1::uuid[], $2::uuid[]) AS new (request, ticket)
        ORDER BY request
        ON CONFLICT (request) DO NOTHING
        RETURNING request
        """,
        [event.id for event in requests],
        [UUID(event.subject) for event in requests],
    )
    return {row["request"] for row in rows}


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
            ORDER BY account, since DESC, changed_at DESC, id DESC
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


async def read_account(connection: Connection, account: str) -> list[tuple[PlanChange, Applied]]:
    """All plan changes of an account, the latest first, and how far the open tickets follow."""
    rows = await connection.fetch(
        """
        SELECT c.*, r.tickets, r.done_at
        FROM plan_changes AS c LEFT JOIN recounts AS r USING (id)
        WHERE c.account = $1 ORDER BY c.since DESC, c.changed_at DESC, c.id DESC LIMIT 1000
        """,
        account,
    )
    return [(_change(row), Applied(row["tickets"] or 0, row["done_at"])) for row in rows]


async def read_plan_changes(
    connection: Connection, accounts: Collection[str], *, now: datetime
) -> dict[str, list[PlanChange]]:
    """The plan changes of these accounts that have taken effect.

    By `now`, or by another replica's clock, which has begun to let open tickets follow them: what
    it did must not be undone.
    """
    rows = await connection.fetch(
        """
        SELECT c.* FROM plan_changes AS c LEFT JOIN recounts AS r USING (id)
        WHERE c.account = ANY($1::text[])
            AND (greatest(c.since, c.changed_at) <= $2 OR r.tickets > 0 OR r.done_at IS NOT NULL)
        """,
        list(accounts),
        now,
    )
    changes: dict[str, list[PlanChange]] = {}
    for row in rows:
        changes.setdefault(row["account"], []).append(_change(row))
    return changes


async def read_schedules(connection: Connection, accounts: Collection[str]) -> dict[str, Schedule]:
    """All plan changes of each of these accounts: at most 100, those that begin last."""
    rows = await connection.fetch(
        """
        SELECT * FROM (
            SELECT *, count(*) OVER (PARTITION BY account) AS of_them, row_number() OVER (
                PARTITION BY account ORDER BY since DESC, changed_at DESC, id DESC
            ) AS place
            FROM plan_changes WHERE account = ANY($1::text[])
        ) AS placed
        WHERE place <= $2
        ORDER BY account, place DESC
        """,
        list(accounts),
        MOST_PLANS,
    )
    found: dict[str, list[asyncpg.Record]] = {}
    for row in rows:
        found.setdefault(row["account"], []).append(row)
    answered = await _read_answered(connection, accounts)
    return {
        account: Schedule(
            list(map(_change, theirs)),
            theirs[0]["of_them"] - len(theirs),
            answered.get(account, ()),
        )
        for account, theirs in found.items()
    }


async def _read_answered(
    connection: Connection, accounts: Collection[str]
) -> dict[str, Sequence[UUID]]:
    """Of each of these accounts the last requests for what it was on already, in order."""
    rows = await connection.fetch(
        """
        SELECT account, array_agg(request ORDER BY number) AS requests FROM (
            SELECT *, row_number() OVER (PARTITION BY account ORDER BY number DESC) AS place
            FROM plan_requests WHERE account = ANY($1::text[])
        ) AS placed
        WHERE place <= $2
        GROUP BY account
        """,
        list(accounts),
        MOST_ANSWERED,
    )
    return {row["account"]: row["requests"] for row in rows}


async def note_request_for_what_is(connection: Connection, request: UUID, account: str) -> None:
    """An answered request was for what the account was on already."""
    await connection.execute(
        "UPDATE plan_requests SET account = $2 WHERE request = $1", request, account
    )


def _change(row: asyncpg.Record) -> PlanChange:
    names = ("id", "account", "plan", "previous", "since", "changed_by", "changed_at", "led_by")
    return PlanChange(**{name: row[name] for name in names})
