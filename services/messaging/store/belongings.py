"""SQL of what is somebody's: under which names, how much of it there is, and taking it away."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from shared.database import Connection
from shared.sealing import person_of

_OWN = "(m.author_kind = 'customer' OR (m.author_kind = 'system' AND m.visibility = 'public'))"
THEIRS = f"""
    ({_OWN} AND m.author = ANY($1::text[]))
    OR (NOT {_OWN} AND t.requester = ANY($1::text[]))
"""
"""Of messages and their threads: what was sealed with keys of these people (`writing.whose`)."""


async def list_asked_since(
    connection: Connection, since: datetime
) -> list[tuple[frozenset[str], datetime]]:
    """Whom we were asked to forget since then, and when."""
    rows = await connection.fetch(
        "SELECT persons, asked_at FROM erasures WHERE asked_at >= $1", since
    )
    return [(frozenset(row["persons"]), row["asked_at"]) for row in rows]


async def list_names(
    connection: Connection, person: str | None, addresses: Collection[str]
) -> tuple[set[str], set[str], set[str]]:
    """Under which ids somebody is known here, which of them are colleagues', and their addresses.

    An address counts where it was proved, or where it made the very pseudonym (threads).

    Args:
        connection: The database.
        person: A pseudonym, or the subject of a sign-in.
        addresses: E-mail addresses of theirs.
    """
    rows = await connection.fetch(
        """
        WITH addresses AS (
            SELECT lower(address) AS address FROM unnest($2::text[]) AS address
            UNION SELECT lower(address) FROM threads WHERE requester = $1 AND address IS NOT NULL
            UNION SELECT lower(address) FROM people
                WHERE subject = $1 AND address_verified AND address IS NOT NULL
        )
        SELECT subject AS id, roles && ARRAY['agent', 'lead', 'admin'] AS is_staff, NULL AS address
        FROM people
        WHERE subject = $1 OR address_verified AND lower(address) IN (SELECT address FROM addresses)
        UNION
        SELECT requester, false, NULL FROM threads
        WHERE requester = $1 OR lower(address) IN (SELECT address FROM addresses)
        UNION
        SELECT $1, false, NULL WHERE EXISTS (
            SELECT FROM messages WHERE author = $1 AND author_kind = 'customer'
        ) OR EXISTS (SELECT FROM stream_keys WHERE person = $1 AND wrapped IS NOT NULL)
            OR EXISTS (SELECT FROM erasures WHERE persons @> ARRAY[$1])
        UNION
        SELECT NULL, false, address FROM addresses
        """,
        person,
        list(addresses),
    )
    ids = {row["id"] for row in rows if row["id"] is not None}
    staff = {row["id"] for row in rows if row["is_staff"]}
    return ids, staff, {row["address"] for row in rows if row["address"] is not None}


async def count_theirs(
    connection: Connection, persons: Collection[str], until: datetime
) -> dict[str, int]:
    """What there is of these people from before then; kinds of which there is nothing are left out.

    Args:
        connection: The database.
        persons: Their ids.
        until: What came later stays: they have come back.
    """
    row = await connection.fetchrow(
        f"""
        WITH opened AS (
            SELECT ticket, erased_at FROM threads
            WHERE requester = ANY($1::text[]) AND opened_at <= $2
        ), theirs AS (
            SELECT m.id FROM messages AS m JOIN threads AS t USING (ticket)
            WHERE m.ticket IN ({_TOUCHED})
                AND m.erased_at IS NULL AND m.posted_at <= $2 AND ({THEIRS})
        )
        SELECT
            (SELECT count(*) FROM opened WHERE erased_at IS NULL) AS tickets,
            (SELECT count(*) FROM theirs) AS messages,
            (SELECT count(*) FROM attachments WHERE message IN (SELECT id FROM theirs)) AS files,
            (SELECT count(*) FROM links WHERE ticket IN (SELECT ticket FROM opened)) AS links,
            (SELECT count(*) FROM people WHERE subject = ANY($1::text[])) AS accounts
        """,  # noqa: S608 - our own words
        list(persons),
        until,
    )
    return {name: count for name, count in (row or {}).items() if count}


_TOUCHED = """
    SELECT ticket FROM threads WHERE requester = ANY($1::text[])
    UNION
    SELECT ticket FROM messages
    WHERE author = ANY($1::text[]) AND author_kind <> 'agent' AND erased_at IS NULL
"""
"""Threads that may have something of theirs: by two indexes, where a join would read everything."""


async def lock_touched(connection: Connection, persons: Collection[str]) -> None:
    """Wait for whoever writes into threads of these people now, and let nobody begin."""
    await connection.fetch(
        f"SELECT 1 FROM threads WHERE ticket IN ({_TOUCHED}) ORDER BY ticket FOR UPDATE",  # noqa: S608 - our own words
        list(persons),
    )


async def lock_theirs(
    connection: Connection, persons: Collection[str], until: datetime, *, most: int
) -> list[UUID]:
    """Threads in which something of theirs is left, locked in the order that all use."""
    rows = await connection.fetch(
        f"""
        SELECT t.ticket FROM threads AS t
        WHERE t.ticket IN ({_TOUCHED}) AND (
            (t.requester = ANY($1::text[]) AND t.opened_at <= $2 AND t.erased_at IS NULL)
            OR EXISTS (
                SELECT FROM messages AS m
                WHERE m.ticket = t.ticket AND m.erased_at IS NULL AND m.posted_at <= $2
                    AND ({THEIRS})
            )
        )
        ORDER BY t.ticket LIMIT $3 FOR UPDATE OF t
        """,  # noqa: S608 - our own words
        list(persons),
        until,
        most,
    )
    return [row["ticket"] for row in rows]


async def erase_in(
    connection: Connection,
    tickets: Sequence[UUID],
    persons: Collection[str],
    until: datetime,
    now: datetime,
) -> dict[str, int]:
    """Take away what is theirs in these threads; returns how much of what that was."""
    messages = await connection.fetch(
        f"""
        UPDATE messages AS e
        SET text = '', quoted = NULL, author_name = NULL, erased_at = $4
        FROM messages AS m JOIN threads AS t USING (ticket)
        WHERE e.id = m.id AND m.ticket = ANY($3::uuid[]) AND m.erased_at IS NULL
            AND m.posted_at <= $2 AND ({THEIRS})
        RETURNING e.id
        """,  # noqa: S608 - our own words
        list(persons),
        until,
        list(tickets),
        now,
    )
    files = await _delete_files(connection, [row["id"] for row in messages])
    opened = await connection.fetch(
        """
        UPDATE threads
        SET requester_name = NULL, subject = NULL, address = NULL, fingerprint = NULL,
            erased_at = $4
        WHERE ticket = ANY($3::uuid[]) AND requester = ANY($1::text[]) AND opened_at <= $2
            AND erased_at IS NULL
        RETURNING ticket
        """,
        list(persons),
        until,
        list(tickets),
        now,
    )
    links = await connection.fetch(
        "DELETE FROM links WHERE ticket = ANY($1::uuid[]) RETURNING 1",
        [row["ticket"] for row in opened],
    )
    return {
        "messages": len(messages),
        "files": files,
        "tickets": len(opened),
        "links": len(links),
    }


async def _delete_files(connection: Connection, messages: Sequence[UUID]) -> int:
    files = await connection.fetch(
        "DELETE FROM attachments WHERE message = ANY($1::uuid[]) RETURNING id", list(messages)
    )
    await delete_parts(connection, [row["id"] for row in files])
    return len(files)


async def delete_parts(connection: Connection, files: Sequence[UUID]) -> None:
    """Take away the content of files."""
    await connection.execute(
        "DELETE FROM attachment_parts WHERE attachment = ANY($1::uuid[])", list(files)
    )


async def delete_waiting_parts(
    connection: Connection, persons: Collection[str], until: datetime
) -> int:
    """Take away parts of files of theirs whose message was not heard; counts them."""
    rows = await connection.fetch(
        """
        DELETE FROM attachment_parts AS p WHERE person = ANY($1::text[]) AND received_at <= $2
            AND NOT EXISTS (SELECT FROM attachments WHERE id = p.attachment)
        RETURNING 1
        """,
        list(persons),
        until,
    )
    return len(rows)


async def delete_waiting_of(
    connection: Connection, persons: Collection[str], until: datetime
) -> list[bytes]:
    """Take away mails of theirs that are in no thread yet; returns them."""
    rows = await connection.fetch(
        "SELECT message, event FROM waiting_mails WHERE received_at <= $1 FOR UPDATE", until
    )
    theirs = [row for row in rows if person_of(row["event"]) in persons]
    await connection.execute(
        "DELETE FROM waiting_mails WHERE message = ANY($1::uuid[])",
        [row["message"] for row in theirs],
    )
    return [row["event"] for row in theirs]


async def delete_traces(connection: Connection, persons: Collection[str]) -> int:
    """Take away their sign-ins, where they were, what they have read and voted; counts people."""
    ids = list(persons)
    for statement in (
        "DELETE FROM presences WHERE person = ANY($1::text[])",
        "DELETE FROM reads WHERE reader = ANY($1::text[])",
        "DELETE FROM article_votes WHERE voter = ANY($1::text[])",
    ):
        await connection.execute(statement, ids)
    rows = await connection.fetch(
        "DELETE FROM people WHERE subject = ANY($1::text[]) RETURNING 1", ids
    )
    return len(rows)
