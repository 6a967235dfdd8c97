"""All that the words of deliveries are made from."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from uuid import UUID

import asyncpg

from services.notifier.deliveries import About, Delivery, DeliveryKind, File, Message, Ticket
from services.notifier.store.clocks import read_next_dues
from services.notifier.store.deliveries import delivery_of
from services.notifier.store.tickets import read_tickets
from shared.database import Connection
from shared.messages import AuthorKind

MOST_SHOWN = 50
"""Alerts that a digest shows one by one."""
MOST_EARLIER = 3
"""Messages before a reply that it may quote."""


async def read_about(connection: Connection, deliveries: Sequence[Delivery]) -> dict[UUID, About]:
    """What each of these deliveries is about; an alert may be heard before its ticket."""
    tickets = await read_tickets(connection, [d.ticket for d in deliveries if d.ticket])
    replies = [d.id for d in deliveries if d.kind is DeliveryKind.REPLY]
    messages = await _read_messages(connection, replies) if replies else {}
    earlier = await _read_earlier(connection, replies) if replies else {}
    given = [d.ticket for d in deliveries if d.ticket and d.kind is DeliveryKind.ASSIGNMENT]
    next_dues = await read_next_dues(connection, given) if given else {}
    digests = [d.id for d in deliveries if d.kind is DeliveryKind.DIGEST]
    carried = await _read_carried(connection, digests) if digests else {}
    counts = await _count_carried(connection, digests) if digests else {}
    return {
        d.id: About(
            ticket=(d.ticket and tickets.get(d.ticket)) or Ticket(),
            messages=tuple(messages.get(d.id, ())),
            earlier=tuple(earlier.get(d.id, ())),
            carried=tuple(carried.get(d.id, ())),
            carried_by_kind=counts.get(d.id, {}),
            next_due=next_dues.get(d.ticket) if d.ticket else None,
        )
        for d in deliveries
    }


async def _read_messages(
    connection: Connection, replies: Sequence[UUID]
) -> Mapping[UUID, Sequence[Message]]:
    rows = await connection.fetch(
        """
        SELECT delivery, message, ticket, sequence, author_kind, author_name, text, posted_at, files
        FROM messages
        WHERE delivery = ANY($1::uuid[])
        ORDER BY sequence, message
        """,
        replies,
    )
    return _by_delivery(rows)


async def _read_earlier(
    connection: Connection, replies: Sequence[UUID]
) -> Mapping[UUID, Sequence[Message]]:
    rows = await connection.fetch(
        """
        SELECT first.delivery, m.message, m.ticket, m.sequence, m.author_kind, m.author_name,
            m.text, m.posted_at, m.files
        FROM (
            SELECT delivery, ticket, min(sequence) AS sequence
            FROM messages
            WHERE delivery = ANY($1::uuid[])
            GROUP BY delivery, ticket
        ) AS first
        CROSS JOIN LATERAL (
            SELECT * FROM messages AS before
            WHERE before.ticket = first.ticket AND before.sequence < first.sequence
              AND before.text <> ''
            ORDER BY before.sequence DESC
            LIMIT $2
        ) AS m
        ORDER BY m.sequence DESC
        """,
        replies,
        MOST_EARLIER,
    )
    return _by_delivery(rows)


async def _read_carried(
    connection: Connection, digests: Sequence[UUID]
) -> Mapping[UUID, Sequence[Delivery]]:
    rows = await connection.fetch(
        """
        SELECT shown.*
        FROM unnest($1::uuid[]) AS asked (digest)
        CROSS JOIN LATERAL (
            SELECT * FROM deliveries AS d
            WHERE d.digest = asked.digest AND d.state = 'planned' AND d.withdrawn_by IS NULL
            ORDER BY d.caused_at, d.id
            LIMIT $2
        ) AS shown
        """,
        digests,
        MOST_SHOWN,
    )
    carried: dict[UUID, list[Delivery]] = defaultdict(list)
    for row in rows:
        carried[row["digest"]].append(delivery_of(row))
    return carried


async def _count_carried(
    connection: Connection, digests: Sequence[UUID]
) -> Mapping[UUID, Mapping[DeliveryKind, int]]:
    rows = await connection.fetch(
        """
        SELECT digest, kind, count(*) AS amount
        FROM deliveries
        WHERE digest = ANY($1::uuid[]) AND state = 'planned' AND withdrawn_by IS NULL
        GROUP BY digest, kind
        ORDER BY kind
        """,
        digests,
    )
    counts: dict[UUID, dict[DeliveryKind, int]] = defaultdict(dict)
    for row in rows:
        counts[row["digest"]][DeliveryKind(row["kind"])] = row["amount"]
    return counts


def _by_delivery(rows: Sequence[asyncpg.Record]) -> Mapping[UUID, Sequence[Message]]:
    messages: dict[UUID, list[Message]] = defaultdict(list)
    for row in rows:
        messages[row["delivery"]].append(
            Message(
                id=row["message"],
                ticket=row["ticket"],
                sequence=row["sequence"],
                author_kind=AuthorKind(row["author_kind"]),
                author_name=row["author_name"],
                text=row["text"],
                posted_at=row["posted_at"],
                files=tuple(File(*each) for each in json.loads(row["files"])),
            )
        )
    return messages
