"""What is due when, as sla says it: so much that people of ours are told what comes next."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from services.notifier.deliveries import NextDue
from shared.database import Connection
from shared.deadlines import DeadlineEvent, DeadlineState
from shared.plans import Clock


async def record_clocks(connection: Connection, said: Sequence[DeadlineEvent]) -> None:
    """Keep by when promises are due; the latest said counts, in whatever order it is heard."""
    await connection.execute(
        """
        INSERT INTO clocks AS c (ticket, clock, cycle, revision, plan, due_at)
        SELECT DISTINCT ON (ticket, clock, cycle) *
        FROM unnest(
            $1::uuid[], $2::text[], $3::integer[], $4::integer[], $5::text[], $6::timestamptz[]
        ) AS new (ticket, clock, cycle, revision, plan, due_at)
        ORDER BY ticket, clock, cycle, revision DESC
        ON CONFLICT (ticket, clock, cycle) DO UPDATE
        SET revision = excluded.revision, plan = excluded.plan, due_at = excluded.due_at
        WHERE c.revision < excluded.revision
        """,
        [UUID(event.subject) for event in said],
        [event.data.clock.value for event in said],
        [event.data.cycle for event in said],
        [event.data.revision for event in said],
        [event.data.plan for event in said],
        [_due(event) for event in said],
    )


def _due(event: DeadlineEvent) -> object:
    return event.data.due if event.data.state is DeadlineState.RUNNING else None


async def read_next_dues(connection: Connection, tickets: Sequence[UUID]) -> Mapping[UUID, NextDue]:
    """What is due next of tickets of which anything is."""
    rows = await connection.fetch(
        """
        SELECT DISTINCT ON (ticket) ticket, clock, plan, due_at FROM clocks
        WHERE ticket = ANY($1::uuid[]) AND due_at IS NOT NULL
        ORDER BY ticket, due_at, clock
        """,
        tickets,
    )
    return {row["ticket"]: NextDue(Clock(row["clock"]), row["plan"], row["due_at"]) for row in rows}
