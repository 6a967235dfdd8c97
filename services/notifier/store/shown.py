"""What operators see of deliveries."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.notifier.deliveries import Content, Delivery, DeliveryState, Ticket
from services.notifier.register.listing import Filter, Place, ending_of, ticket_id
from services.notifier.store.deliveries import delivery_of
from services.notifier.store.tickets import read_tickets
from shared.database import Connection

LOOK_THROUGH = 20_000
"""Deliveries that one page looks through; the next page looks on from there."""
COUNT_TO = 5_000
"""Deliveries of a state that are looked through to be counted."""


@dataclass(frozen=True, slots=True)
class Found:
    """A page of the list."""

    deliveries: list[Delivery]
    next: Place | None
    """Where it goes on; the page may be short all the same, see `LOOK_THROUGH`."""


@dataclass(frozen=True, slots=True)
class Count:
    """How many there are."""

    number: int
    at_least: bool
    """There are more than were looked through."""


@dataclass(frozen=True, slots=True)
class Try:
    """What a try came to."""

    attempt: int
    began_at: datetime
    ended_at: datetime | None
    outcome: str
    code: int | None
    detail: str | None


async def find_tickets(connection: Connection, asked: str) -> list[UUID]:
    """The tickets with this id or number; nearly always one, and none where it is unknown."""
    if (known := ticket_id(asked)) is not None:
        return [known]
    rows = await connection.fetch(
        "SELECT ticket FROM tickets WHERE right(ticket::text, 16) = $1 LIMIT 10", ending_of(asked)
    )
    return [row["ticket"] for row in rows]


async def list_deliveries(
    connection: Connection, asked: Filter, *, before: Place | None, limit: int
) -> Found:
    """Deliveries by what caused them, the newest first, in pages."""
    tickets = None if asked.ticket is None else await find_tickets(connection, asked.ticket)
    looked = (*_looked_at(asked, tickets), before and before.at, before and before.id)
    is_sifted = any(fitting(asked)) or len(asked.state) > 1
    rows = await connection.fetch(
        """
        SELECT * FROM (
            SELECT * FROM deliveries
            WHERE ($1::text IS NULL OR state = $1)
              AND ($2::uuid[] IS NULL OR ticket = ANY($2::uuid[]))
              AND ($3::uuid IS NULL OR digest = $3)
              AND ($4::text IS NULL OR lower(address) = lower($4))
              AND ($5::timestamptz IS NULL OR (caused_at, id) < ($5, $6::uuid))
            ORDER BY caused_at DESC, id DESC
            LIMIT $7
        ) AS looked
        WHERE ($8::text[] IS NULL OR state = ANY($8::text[]))
          AND ($9::text[] IS NULL OR kind = ANY($9::text[]))
          AND ($10::text[] IS NULL OR channel = ANY($10::text[]))
          AND ($11::text[] IS NULL OR lane = ANY($11::text[]))
          AND ($12::text[] IS NULL OR reason = ANY($12::text[]))
        ORDER BY caused_at DESC, id DESC
        LIMIT $13
        """,
        *looked,
        # The server plans for all that is looked through: no more than that is to be of use.
        LOOK_THROUGH if is_sifted else limit + 1,
        list(asked.state) or None,
        *fitting(asked),
        limit + 1,
    )
    found = [delivery_of(row) for row in rows]
    if len(found) <= limit:
        return Found(found, await _looked_to(connection, looked) if is_sifted else None)
    return Found(found[:limit], Place(found[limit - 1].caused_at, found[limit - 1].id))


async def _looked_to(connection: Connection, looked: Sequence[object]) -> Place | None:
    """The last delivery that a page has looked through, if there may be more behind it."""
    row = await connection.fetchrow(
        """
        SELECT caused_at, id FROM deliveries
        WHERE ($1::text IS NULL OR state = $1)
          AND ($2::uuid[] IS NULL OR ticket = ANY($2::uuid[]))
          AND ($3::uuid IS NULL OR digest = $3)
          AND ($4::text IS NULL OR lower(address) = lower($4))
          AND ($5::timestamptz IS NULL OR (caused_at, id) < ($5, $6::uuid))
        ORDER BY caused_at DESC, id DESC
        OFFSET $7 LIMIT 1
        """,
        *looked,
        LOOK_THROUGH - 1,
    )
    return None if row is None else Place(row["caused_at"], row["id"])


async def count_deliveries(connection: Connection, asked: Filter) -> dict[DeliveryState, Count]:
    """By state, how many there are, whatever states are asked for; of the newest in each."""
    rows = await connection.fetch(
        """
        SELECT states.state, counted.*
        FROM unnest($1::text[]) AS states (state)
        CROSS JOIN LATERAL (
            SELECT count(*) AS looked,
                count(*) FILTER (
                    WHERE ($3::text[] IS NULL OR kind = ANY($3::text[]))
                      AND ($4::text[] IS NULL OR channel = ANY($4::text[]))
                      AND ($5::text[] IS NULL OR lane = ANY($5::text[]))
                      AND ($6::text[] IS NULL OR reason = ANY($6::text[]))
                ) AS fitting
            FROM (
                SELECT kind, channel, lane, reason FROM deliveries
                WHERE deliveries.state = states.state
                ORDER BY caused_at DESC, id DESC
                LIMIT $2
            ) AS newest
        ) AS counted
        """,
        [state.value for state in DeliveryState],
        COUNT_TO + 1,
        *fitting(asked),
    )
    return {
        DeliveryState(row["state"]): Count(row["fitting"], at_least=row["looked"] > COUNT_TO)
        for row in rows
    }


async def count_few(connection: Connection, asked: Filter) -> dict[DeliveryState, Count]:
    """The same of one ticket, digest or recipient: of the newest that these have."""
    tickets = None if asked.ticket is None else await find_tickets(connection, asked.ticket)
    rows = await connection.fetch(
        """
        SELECT state, sum(count(*)) OVER ()::bigint AS looked,
            count(*) FILTER (
                WHERE ($5::text[] IS NULL OR kind = ANY($5::text[]))
                  AND ($6::text[] IS NULL OR channel = ANY($6::text[]))
                  AND ($7::text[] IS NULL OR lane = ANY($7::text[]))
                  AND ($8::text[] IS NULL OR reason = ANY($8::text[]))
            ) AS fitting
        FROM (
            SELECT state, kind, channel, lane, reason FROM deliveries
            WHERE ($1::uuid[] IS NULL OR ticket = ANY($1::uuid[]))
              AND ($2::uuid IS NULL OR digest = $2)
              AND ($3::text IS NULL OR lower(address) = lower($3))
            ORDER BY caused_at DESC, id DESC
            LIMIT $4
        ) AS newest
        GROUP BY state
        """,
        tickets,
        asked.digest,
        asked.address,
        COUNT_TO + 1,
        *fitting(asked),
    )
    at_least = any(row["looked"] > COUNT_TO for row in rows)
    counted = dict.fromkeys(DeliveryState, Count(0, at_least))
    return counted | {DeliveryState(row["state"]): Count(row["fitting"], at_least) for row in rows}


async def read_delivery(connection: Connection, delivery: UUID) -> Delivery | None:
    """A delivery as it stands."""
    row = await connection.fetchrow("SELECT * FROM deliveries WHERE id = $1", delivery)
    return None if row is None else delivery_of(row)


async def list_tries(connection: Connection, delivery: UUID, *, limit: int) -> list[Try]:
    """The last tries of a delivery, the earliest first."""
    rows = await connection.fetch(
        """
        SELECT attempt, began_at, ended_at, outcome, code, detail
        FROM tries WHERE delivery = $1
        ORDER BY attempt DESC
        LIMIT $2
        """,
        delivery,
        limit,
    )
    return [Try(**dict(row)) for row in reversed(rows)]


async def read_content(connection: Connection, delivery: UUID) -> Content | None:
    """What was handed over at the last try, if it is kept."""
    row = await connection.fetchrow(
        "SELECT body, media_type FROM contents WHERE delivery = $1", delivery
    )
    return None if row is None else Content(**dict(row))


async def read_ticket(connection: Connection, ticket: UUID) -> Ticket | None:
    """What is known of a ticket."""
    return (await read_tickets(connection, [ticket])).get(ticket)


def _looked_at(asked: Filter, tickets: Sequence[UUID] | None) -> tuple[object, ...]:
    """What an index leads to: one state, a ticket, a digest, a recipient."""
    only_state = asked.state[0].value if len(asked.state) == 1 else None
    return only_state, tickets, asked.digest, asked.address


def fitting(asked: Filter) -> tuple[list[str] | None, ...]:
    """What is looked for among these: kinds, channels, lanes, reasons."""
    named = (asked.kind, asked.channel, asked.lane, asked.reason)
    return tuple([str(value) for value in values] or None for values in named)
