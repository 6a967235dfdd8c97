"""What is kept of people who asked to be forgotten, as it is taken away."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.notifier.deliveries import Delivery
from services.notifier.store.deliveries import delivery_of
from shared import events
from shared.database import Connection
from shared.events import Event
from shared.privacy import ErasureRequested


@dataclass(frozen=True, slots=True)
class Erasure:
    """What is known of a request."""

    heard: ErasureRequested | None
    """None if only our answer was heard so far, in a rebuild."""
    answered: bool


async def read_erasures(connection: Connection, since: datetime) -> list[ErasureRequested]:
    """What was asked since then."""
    rows = await connection.fetch("SELECT heard FROM erasures WHERE asked_at >= $1", since)
    return [event for row in rows if (event := _event(row["heard"])) is not None]


async def read_erasure(connection: Connection, request: UUID) -> Erasure | None:
    """What is known of a request, if anything is."""
    row = await connection.fetchrow(
        "SELECT heard, answered FROM erasures WHERE request = $1", request
    )
    return None if row is None else Erasure(_event(row["heard"]), row["answered"])


async def read_unanswered(connection: Connection, *, limit: int) -> list[ErasureRequested]:
    """Requests that were heard, and not answered so far."""
    rows = await connection.fetch(
        "SELECT heard FROM erasures WHERE NOT answered AND heard IS NOT NULL"
        " ORDER BY asked_at, request LIMIT $1",
        limit,
    )
    return [event for row in rows if (event := _event(row["heard"])) is not None]


async def keep_erasure(connection: Connection, request: ErasureRequested) -> None:
    """Keep that somebody asked to be forgotten; a repeat changes nothing."""
    await connection.execute(
        """
        INSERT INTO erasures (request, asked_at, heard, answered) VALUES ($1, $2, $3, false)
        ON CONFLICT (request) DO UPDATE SET asked_at = excluded.asked_at, heard = excluded.heard
        """,
        request.id,
        request.time,
        request.model_dump_json(),
    )


async def mark_answered(connection: Connection, request: UUID, at: datetime) -> None:
    """Keep that all was done, and said."""
    await connection.execute(
        """
        INSERT INTO erasures (request, asked_at, answered) VALUES ($1, $2, true)
        ON CONFLICT (request) DO UPDATE SET answered = true
        """,
        request,
        at,
    )


async def find_tickets_of(connection: Connection, people: Collection[str]) -> set[UUID]:
    """Tickets that these people asked, or wrote into."""
    rows = await connection.fetch(
        """
        SELECT ticket FROM tickets WHERE requester = ANY($1::text[])
        UNION SELECT ticket FROM messages WHERE person = ANY($1::text[])
        UNION SELECT ticket FROM received WHERE requester = ANY($1::text[])
        UNION SELECT ticket FROM deliveries WHERE person = ANY($1::text[]) AND person <> 'staff'
        """,
        list(people),
    )
    return {row["ticket"] for row in rows if row["ticket"] is not None}


async def lock_deliveries_to(
    connection: Connection, people: Collection[str], until: datetime
) -> list[Delivery]:
    """Mails to these people, locked: caused by then, or about what they asked by then."""
    rows = await connection.fetch(
        """
        SELECT d.* FROM deliveries AS d LEFT JOIN tickets AS t USING (ticket)
        WHERE d.person = ANY($1::text[]) AND d.kind IN ('acknowledgement', 'reply')
          AND d.address <> ''
          AND (d.caused_at <= $2 OR t.known_at <= $2)
        ORDER BY d.id
        FOR UPDATE OF d
        """,
        list(people),
        until,
    )
    return [delivery_of(row) for row in rows]


async def empty_deliveries(connection: Connection, deliveries: Sequence[UUID]) -> None:
    """Take from these where they went, and what was answered; not that they were."""
    await connection.execute(
        """
        UPDATE deliveries SET address = '', detail = NULL, facts = '{}' WHERE id = ANY($1::uuid[])
        """,
        deliveries,
    )
    await connection.execute(
        "UPDATE tries SET detail = NULL WHERE delivery = ANY($1::uuid[])", deliveries
    )


async def erase_contents(connection: Connection, tickets: Collection[UUID], until: datetime) -> int:
    """Mails about these tickets as they went out by then: they may quote whoever wrote there."""
    return _amount(
        await connection.execute(
            """
            DELETE FROM contents AS c USING deliveries AS d
            WHERE d.id = c.delivery AND d.ticket = ANY($1::uuid[]) AND d.caused_at <= $2
            """,
            list(tickets),
            until,
        )
    )


async def erase_messages(connection: Connection, people: Collection[str], until: datetime) -> int:
    """What these people wrote by then, and what was written to them."""
    return _amount(
        await connection.execute(
            """
            UPDATE messages SET text = '', files = '[]', author_name = NULL
            WHERE person = ANY($1::text[]) AND posted_at <= $2
              AND (text <> '' OR files <> '[]' OR author_name IS NOT NULL)
            """,
            list(people),
            until,
        )
    )


async def erase_requesters(connection: Connection, people: Collection[str], until: datetime) -> int:
    """Who asked, of what was asked by then; also which mails of theirs came in."""
    await connection.execute(
        "DELETE FROM received WHERE requester = ANY($1::text[]) AND received_at <= $2",
        list(people),
        until,
    )
    return _amount(
        await connection.execute(
            """
            UPDATE tickets
            SET address = NULL, name = NULL, message_id = NULL, locale = NULL, time_zone = NULL
            WHERE requester = ANY($1::text[]) AND (known_at IS NULL OR known_at <= $2)
              AND num_nonnulls(address, name, message_id, locale, time_zone) > 0
            """,
            list(people),
            until,
        )
    )


async def find_addresses(
    connection: Connection, people: Collection[str], until: datetime
) -> set[str]:
    """Where these people were written to, in lower case."""
    rows = await connection.fetch(
        """
        SELECT lower(address) AS address FROM tickets
        WHERE requester = ANY($1::text[]) AND (known_at IS NULL OR known_at <= $2)
        UNION
        SELECT lower(address) FROM deliveries
        WHERE person = ANY($1::text[]) AND kind IN ('acknowledgement', 'reply')
        """,
        list(people),
        until,
    )
    return {row["address"] for row in rows if row["address"]}


async def erase_bounces(
    connection: Connection, people: Collection[str], addresses: Collection[str], until: datetime
) -> int:
    """What is known of their addresses, of which nothing was heard since."""
    await connection.execute(
        "DELETE FROM waiting_bounces WHERE person = ANY($1::text[]) AND bounced_at <= $2",
        list(people),
        until,
    )
    return _amount(
        await connection.execute(
            """
            DELETE FROM bounces
            WHERE (person = ANY($1::text[]) OR address = ANY($2::text[]))
              AND greatest(bounced_at, alive_at) <= $3
            """,
            list(people),
            list(addresses),
            until,
        )
    )


async def is_forgotten(connection: Connection, delivery: UUID) -> bool:
    """Whether it is known no longer where a delivery went."""
    address = await connection.fetchval("SELECT address FROM deliveries WHERE id = $1", delivery)
    return not address


def _event(heard: str | None) -> ErasureRequested | None:
    event: Event | None = None if heard is None else events.read(heard.encode())
    return event if isinstance(event, ErasureRequested) else None


def _amount(status: str) -> int:
    """How many rows a statement changed, by what the server answered: `DELETE 5`."""
    return int(status.rpartition(" ")[2])
