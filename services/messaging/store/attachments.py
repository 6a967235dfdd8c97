"""Files and their content, part by part: no more than one part of one file is in memory at once."""

from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from services.messaging.files import File, FileState
from shared.database import Connection
from shared.messages import Attachment


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a file."""

    attachment: UUID
    part: int
    """Which one, from 1."""
    parts: int
    """How many there are."""
    content: bytes
    received_at: datetime
    person: str
    """Whose it is: before its message is heard, nothing else tells."""


async def add_attachments(
    connection: Connection, ticket: UUID, message: UUID, attachments: Iterable[Attachment]
) -> None:
    """Keep which files came with a message; one that is there already stays as it is."""
    await connection.executemany(
        """
        INSERT INTO attachments (
            id, message, ticket, place, name, content_type, size_bytes, sha256
        )
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        ON CONFLICT (id) DO NOTHING
        """,
        [
            (a.id, message, ticket, place, a.name, a.content_type, a.size_bytes, a.sha256)
            for place, a in enumerate(attachments, start=1)
        ],
    )


async def count_bytes_lately(connection: Connection, ticket: UUID, since: datetime) -> int:
    """Of all files that customers have added to a ticket since then."""
    return int(
        await connection.fetchval(
            """
            SELECT coalesce(sum(a.size_bytes), 0)
            FROM messages AS m JOIN attachments AS a ON a.message = m.id
            WHERE m.ticket = $1 AND m.author_kind = 'customer' AND m.posted_at > $2
            """,
            ticket,
            since,
        )
    )


async def add_parts(connection: Connection, parts: Sequence[Part]) -> None:
    """Keep parts of files; one that is there already stays as it is.

    Nothing is added to a file that has all its parts, nor what belongs to another number of parts:
    both are by another mail under the same Message-ID.
    """
    await connection.executemany(
        """
        INSERT INTO attachment_parts (attachment, part, parts, content, received_at, person)
        SELECT $1, $2, $3, $4, $5, $6
        WHERE NOT EXISTS (SELECT FROM attachments WHERE id = $1 AND state <> 'incoming')
            AND NOT EXISTS (SELECT FROM attachment_parts WHERE attachment = $1 AND parts <> $3)
        ON CONFLICT (attachment, part) DO NOTHING
        """,
        [(p.attachment, p.part, p.parts, p.content, p.received_at, p.person) for p in parts],
    )


async def delete_orphans(connection: Connection, before: datetime, *, most: int) -> int:
    """Delete parts from before then whose message never named their file.

    Returns:
        How many were deleted: `most` at the most.
    """
    rows = await connection.fetch(
        """
        DELETE FROM attachment_parts WHERE (attachment, part) IN (
            SELECT attachment, part FROM attachment_parts AS p
            WHERE received_at < $1 AND NOT EXISTS (SELECT FROM attachments WHERE id = p.attachment)
            LIMIT $2
        )
        RETURNING attachment
        """,
        before,
        most,
    )
    return len(rows)


async def list_arrived(connection: Connection, ids: Collection[UUID]) -> list[File]:
    """Those of these files that are held to be incoming, while all their parts are here.

    A file of no bytes may have no part at all.
    """
    rows = await connection.fetch(
        """
        SELECT a.* FROM attachments AS a
        LEFT JOIN attachment_parts AS p ON p.attachment = a.id
        WHERE a.id = ANY($1::uuid[]) AND a.state = 'incoming'
        GROUP BY a.id
        HAVING count(p.part) >= coalesce(max(p.parts), (a.size_bytes > 0)::integer)
        """,
        ids,
    )
    return [_file(row) for row in rows]


async def set_state(connection: Connection, id_: UUID, state: FileState) -> None:
    """Keep whether a file is whole."""
    await connection.execute("UPDATE attachments SET state = $2 WHERE id = $1", id_, state.value)


async def list_attachments(
    connection: Connection, messages: Collection[UUID]
) -> dict[UUID, list[File]]:
    """The files of messages, in their order."""
    rows = await connection.fetch(
        "SELECT * FROM attachments WHERE message = ANY($1::uuid[]) ORDER BY place", messages
    )
    found: dict[UUID, list[File]] = defaultdict(list)
    for row in rows:
        found[row["message"]].append(_file(row))
    return found


async def read_attachment(
    connection: Connection, ticket: UUID, id_: UUID, *, notes: bool
) -> File | None:
    """A file of a ticket, or None; those of notes only for our own people."""
    row = await connection.fetchrow(
        """
        SELECT a.* FROM attachments AS a
        JOIN messages AS m ON m.id = a.message
        WHERE a.id = $1 AND a.ticket = $2 AND (m.visibility = 'public' OR $3)
        """,
        id_,
        ticket,
        notes,
    )
    return None if row is None else _file(row)


async def read_part(connection: Connection, attachment: UUID, *, after: int) -> Part | None:
    """The part of a file that follows another one; the first follows 0."""
    row = await connection.fetchrow(
        """
        SELECT attachment, part, parts, content, received_at, person FROM attachment_parts
        WHERE attachment = $1 AND part > $2
        ORDER BY part
        LIMIT 1
        """,
        attachment,
        after,
    )
    return None if row is None else Part(**dict(row))


async def read_parts(connection: Connection, attachment: UUID) -> AsyncIterator[bytes]:
    """The content of a file, part by part."""
    after = 0
    while part := await read_part(connection, attachment, after=after):
        yield part.content
        after = part.part


def _file(row: asyncpg.Record) -> File:
    fields = dict(row)
    fields["state"] = FileState(fields["state"])
    del fields["place"]
    return File(**fields)
