"""What a new database learns again from the stream, until it is settled."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.sla.accounts import PlanChange
from services.sla.clocks import Opening
from services.sla.deadlines import Deadline
from services.sla.domain import NO_PLAN, Ticket
from services.sla.store.deadlines import save_deadlines_as_said
from shared.adopted import CatalogueAdopted
from shared.database import Connection
from shared.events import write
from shared.handling import PlanChangeRequested
from shared.plans import Priority


@dataclass(frozen=True, slots=True)
class Progress:
    """How far what was learnt again is settled."""

    after: UUID
    is_settled: bool


@dataclass(frozen=True, slots=True)
class UnknownCause:
    """Something was said of a ticket that followed from what is no fact of it: a plan change?"""

    ticket: UUID
    account: str
    cause: UUID


async def learn_tickets(connection: Connection, tickets: Sequence[Ticket]) -> None:
    """Keep how tickets began, but for the plan and the catalogue: those were said of them."""
    await connection.execute(
        """
        INSERT INTO relearnt_tickets (
            ticket, partition, opened_by_event, opened_at, opened_by_agent, account, priority,
            traceparent
        )
        SELECT DISTINCT ON (ticket) *
        FROM unnest(
            $1::uuid[], $2::int[], $3::uuid[], $4::timestamptz[], $5::bool[], $6::text[],
            $7::text[], $8::text[]
        ) AS new (
            ticket, partition, opened_by_event, opened_at, opened_by_agent, account, priority,
            traceparent
        )
        ORDER BY ticket
        ON CONFLICT (ticket) DO NOTHING
        """,
        [t.ticket for t in tickets],
        [t.partition for t in tickets],
        [t.opening.id for t in tickets],
        [t.opening.at for t in tickets],
        [t.opening.by_agent for t in tickets],
        [t.account for t in tickets],
        [t.opening.priority.value for t in tickets],
        [t.traceparent for t in tickets],
    )


async def learn_slots(connection: Connection, tickets: Collection[UUID]) -> None:
    """Note which tickets were slotted by what is learnt again, and not known before."""
    await connection.execute(
        """
        INSERT INTO relearnt_slots SELECT * FROM unnest($1::uuid[]) AS ticket ORDER BY ticket
        ON CONFLICT DO NOTHING
        """,
        list(tickets),
    )


async def learn_deadlines(
    connection: Connection,
    deadlines: Iterable[Deadline],
    causes: Collection[tuple[UUID, UUID]],
) -> None:
    """Keep deadlines as they were said, and which events had led to that, by ticket."""
    await save_deadlines_as_said(connection, list(deadlines))
    await connection.execute(
        """
        INSERT INTO relearnt_causes (ticket, cause)
        SELECT DISTINCT * FROM unnest($1::uuid[], $2::uuid[]) AS new (ticket, cause)
        ORDER BY 1, 2
        ON CONFLICT DO NOTHING
        """,
        [ticket for ticket, _ in causes],
        [cause for _, cause in causes],
    )


async def learn_requests(connection: Connection, requests: Sequence[PlanChangeRequested]) -> None:
    """Keep what agents asked for, in the order of the stream."""
    await connection.executemany(
        """
        INSERT INTO relearnt_requests (request, ticket, value) VALUES ($1, $2, $3)
        ON CONFLICT DO NOTHING
        """,
        [(event.id, UUID(event.subject), write(event)) for event in requests],
    )


async def learn_answers(connection: Connection, answered: Collection[tuple[UUID, UUID]]) -> None:
    """Note which requests were answered, each with its ticket."""
    await connection.executemany(
        "INSERT INTO plan_requests (request, ticket) VALUES ($1, $2) ON CONFLICT DO NOTHING",
        sorted(answered),
    )


async def learn_answered(connection: Connection, answered: Collection[tuple[UUID, str]]) -> None:
    """Note which requests were for what their account was on already."""
    await connection.executemany(
        """
        INSERT INTO plan_requests (request, account) VALUES ($1, $2)
        ON CONFLICT (request) DO NOTHING
        """,
        answered,
    )


async def learn_catalogues(connection: Connection, adopted: Sequence[CatalogueAdopted]) -> None:
    """Keep catalogues as they were said: promises were made by that, whatever a file says now."""
    await connection.executemany(
        """
        INSERT INTO catalogues (version, text, adopted_at, said) VALUES ($1, $2, $3, true)
        ON CONFLICT (version) DO UPDATE
        SET text = excluded.text, adopted_at = excluded.adopted_at, said = true
        """,
        [(e.data.catalogue_version, e.data.catalogue, e.time) for e in adopted],
    )


async def learn_plan_recounts(
    connection: Connection, changes: Sequence[PlanChange], *, now: datetime
) -> None:
    """Let open tickets follow changes that are yet to come; of the others they know already."""
    await connection.execute(
        """
        INSERT INTO recounts (id, account, due_at, asked_by, asked_at, done_at)
        SELECT DISTINCT ON (id) *, CASE WHEN due_at <= $6 THEN due_at END
        FROM unnest(
            $1::uuid[], $2::text[], $3::timestamptz[], $4::text[], $5::timestamptz[]
        ) AS new (id, account, due_at, asked_by, asked_at)
        ORDER BY id
        ON CONFLICT (id) DO NOTHING
        """,
        [change.id for change in changes],
        [change.account for change in changes],
        [change.takes_effect_at for change in changes],
        [change.changed_by for change in changes],
        [change.changed_at for change in changes],
        now,
    )


async def read_progress(connection: Connection) -> Progress:
    """How far what was learnt again is settled."""
    row = await connection.fetchrow("SELECT after, is_settled FROM relearning")
    assert row is not None  # noqa: S101 - a migration puts it there
    return Progress(*row)


async def keep_progress(connection: Connection, after: UUID, *, is_settled: bool) -> None:
    """Keep how far it is settled."""
    await connection.execute("UPDATE relearning SET after = $1, is_settled = $2", after, is_settled)


async def list_learnt_tickets(connection: Connection, *, after: UUID, limit: int) -> list[UUID]:
    """The next tickets of which anything was learnt, by id."""
    rows = await connection.fetch(
        """
        SELECT ticket FROM (
            (SELECT ticket FROM tickets WHERE ticket > $1 ORDER BY ticket LIMIT $2)
            UNION
            (SELECT ticket FROM relearnt_tickets WHERE ticket > $1 ORDER BY ticket LIMIT $2)
        ) AS learnt
        ORDER BY ticket LIMIT $2
        """,
        after,
        limit,
    )
    return [row["ticket"] for row in rows]


async def read_unslotted(connection: Connection, tickets: Collection[UUID]) -> list[Ticket]:
    """Those of the tickets that were never slotted; they have no plan yet."""
    rows = await connection.fetch(
        """
        SELECT learnt.* FROM relearnt_tickets AS learnt LEFT JOIN tickets AS t USING (ticket)
        WHERE learnt.ticket = ANY($1::uuid[]) AND t.opened_at IS NULL
        ORDER BY learnt.ticket
        """,
        list(tickets),
    )
    return [
        Ticket(
            ticket=row["ticket"],
            partition=row["partition"],
            account=row["account"],
            opening=Opening(
                id=row["opened_by_event"],
                at=row["opened_at"],
                priority=Priority(row["priority"]),
                plan=NO_PLAN,
                catalogue_version=NO_PLAN,
                by_agent=row["opened_by_agent"],
            ),
            traceparent=row["traceparent"],
        )
        for row in rows
    ]


async def follow_moves(connection: Connection, tickets: Collection[UUID]) -> None:
    """Each ticket counts by the catalogue that it was moved to last."""
    await connection.execute(
        """
        UPDATE tickets AS t SET moved_to = (
            SELECT value FROM facts AS f WHERE f.ticket = t.ticket AND f.kind = 'catalogue'
            ORDER BY at DESC, id DESC LIMIT 1
        )
        WHERE t.ticket = ANY($1::uuid[])
        """,
        list(tickets),
    )


async def list_beheaded(connection: Connection, tickets: Collection[UUID]) -> set[UUID]:
    """Those of the tickets that were slotted, but whose beginning is not on the stream any more."""
    rows = await connection.fetch(
        """
        SELECT ticket FROM relearnt_slots AS s
        WHERE ticket = ANY($1::uuid[])
            AND NOT EXISTS (SELECT FROM relearnt_tickets AS l WHERE l.ticket = s.ticket)
        """,
        list(tickets),
    )
    return {row["ticket"] for row in rows}


async def list_unknown_causes(
    connection: Connection, tickets: Collection[UUID]
) -> list[UnknownCause]:
    """What led to something that was said of these tickets, but is no fact of theirs."""
    rows = await connection.fetch(
        """
        SELECT t.ticket, t.account, c.cause
        FROM relearnt_causes AS c JOIN tickets AS t USING (ticket)
        WHERE c.ticket = ANY($1::uuid[]) AND t.opened_at IS NOT NULL
            AND c.cause <> t.opened_by_event
            AND NOT EXISTS (
                SELECT FROM facts AS f WHERE f.ticket = c.ticket AND f.id = c.cause
            )
        """,
        list(tickets),
    )
    return [UnknownCause(**row) for row in rows]


async def let_stand_as_said(connection: Connection, tickets: Collection[UUID]) -> None:
    """Nothing of these tickets is counted again."""
    await connection.execute(
        "UPDATE tickets SET stands_as_said = true WHERE ticket = ANY($1::uuid[])", list(tickets)
    )


async def read_requests(connection: Connection) -> list[bytes]:
    """What agents asked for and nobody answered by name, in the order of the stream."""
    rows = await connection.fetch(
        """
        SELECT value FROM relearnt_requests AS r
        WHERE NOT EXISTS (SELECT FROM plan_requests AS p WHERE p.request = r.request)
            AND NOT EXISTS (SELECT FROM plan_changes AS c WHERE c.led_by = r.request)
        ORDER BY position
        """
    )
    return [row["value"] for row in rows]


async def note_requests(connection: Connection) -> None:
    """Whatever agents asked for is answered by now: heard once more, it does nothing."""
    await connection.execute(
        """
        INSERT INTO plan_requests (request, ticket)
        SELECT request, ticket FROM relearnt_requests ORDER BY position
        ON CONFLICT (request) DO UPDATE SET ticket = excluded.ticket
        """
    )


async def forget_what_was_learnt(connection: Connection) -> None:
    """What is settled needs it no longer."""
    for table in _LEARNT:
        await connection.execute(f"DELETE FROM {table}")  # noqa: S608 - names of ours


_LEARNT = ("relearnt_tickets", "relearnt_slots", "relearnt_causes", "relearnt_requests")


async def restart_progress(connection: Connection) -> None:
    """Settle all tickets once more: what a backup holds of them is no longer all there is."""
    await keep_progress(connection, UUID(int=0), is_settled=False)
