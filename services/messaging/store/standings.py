"""What sla and notifier said of a ticket, which may be heard before the ticket itself."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from services.messaging.clocks import ClockState, ClockView, clock_state, left_seconds
from shared.database import Connection
from shared.deadlines import DeadlineEvent
from shared.events import TicketSlotted
from shared.notifications import NotificationSent
from shared.plans import Clock


@dataclass(frozen=True, slots=True)
class Standing:
    """What sla and notifier said of a ticket so far."""

    plan: str | None
    service_level: str | None
    acknowledged_at: datetime | None
    clocks: tuple[ClockView, ...]


async def record_slots(connection: Connection, slotted: Sequence[TicketSlotted]) -> None:
    """Keep the slot of each ticket; a repeat changes nothing."""
    await connection.executemany(
        """
        INSERT INTO slots (ticket, plan, service_level, catalogue_version)
        VALUES ($1, $2, $3, $4)
        ON CONFLICT (ticket) DO NOTHING
        """,
        [
            (
                UUID(event.subject),
                event.data.plan,
                event.data.service_level,
                event.data.catalogue_version,
            )
            for event in slotted
        ],
    )


async def record_clocks(connection: Connection, events: Sequence[DeadlineEvent]) -> None:
    """Move each clock on; what is not newer than what is kept changes nothing."""
    await connection.executemany(
        """
        INSERT INTO clocks AS c (
            ticket, clock, cycle, revision, state, due_at, changed_at, plan, catalogue_version,
            calendar, started_at, target_seconds, left_seconds
        )
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
        ON CONFLICT (ticket, clock, cycle) DO UPDATE
        SET revision = excluded.revision, state = excluded.state, due_at = excluded.due_at,
            changed_at = excluded.changed_at, plan = excluded.plan,
            catalogue_version = excluded.catalogue_version, calendar = excluded.calendar,
            started_at = excluded.started_at, target_seconds = excluded.target_seconds,
            left_seconds = excluded.left_seconds
        WHERE c.revision < excluded.revision
        """,
        [
            (
                UUID(event.subject),
                event.data.clock.value,
                event.data.cycle,
                event.data.revision,
                clock_state(event).value,
                event.data.due,
                event.time,
                event.data.plan,
                event.data.catalogue_version,
                event.data.calendar,
                event.data.started,
                event.data.target_seconds,
                left_seconds(event),
            )
            for event in events
        ],
    )


async def record_acknowledgements(connection: Connection, sent: Sequence[NotificationSent]) -> None:
    """Keep when each ticket was acknowledged; the first time stays."""
    await connection.executemany(
        "INSERT INTO acknowledgements (ticket, sent_at) VALUES ($1, $2) ON CONFLICT DO NOTHING",
        [(UUID(event.subject), event.time) for event in sent],
    )


async def read_standing(connection: Connection, ticket: UUID) -> Standing:
    """What is known of a ticket beside its words."""
    slot = await connection.fetchrow(
        """
        SELECT s.plan, s.service_level, a.sent_at
        FROM (SELECT $1::uuid AS ticket) AS asked
        LEFT JOIN slots AS s USING (ticket)
        LEFT JOIN acknowledgements AS a USING (ticket)
        """,
        ticket,
    )
    clocks = await connection.fetch(
        """
        SELECT clock, cycle, revision, state, due_at, changed_at, plan, catalogue_version, calendar,
            started_at, target_seconds, left_seconds
        FROM clocks
        WHERE ticket = $1 ORDER BY clock, cycle
        """,
        ticket,
    )
    assert slot is not None  # noqa: S101 - one row, whatever is joined to it
    return Standing(
        slot["plan"], slot["service_level"], slot["sent_at"], tuple(map(_clock, clocks))
    )


def _clock(row: asyncpg.Record) -> ClockView:
    fields = dict(row)
    fields["clock"] = Clock(fields["clock"])
    fields["state"] = ClockState(fields["state"])
    return ClockView(**fields)
