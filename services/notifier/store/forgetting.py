"""What is kept no longer than it is of use."""

from datetime import datetime

from shared.database import Connection


async def forget(connection: Connection, before: datetime, *, limit: int = 500) -> bool:
    """Take out of old rows what is personal; the rows stay, so that nothing old is sent anew.

    Each call takes at most `limit` of each kind.

    Returns:
        Whether there may be more.
    """
    done = [
        await _forget_contents(connection, before, limit),
        await _forget_words(connection, before, limit),
        await _forget_requesters(connection, before, limit),
        await _forget_recipients(connection, before, limit),
        await _forget_bounces(connection, before, limit),
    ]
    return limit in done


async def _forget_contents(connection: Connection, before: datetime, limit: int) -> int:
    """What was handed over, of deliveries that have ended since."""
    return _amount(
        await connection.execute(
            """
            DELETE FROM contents WHERE delivery IN (
                SELECT c.delivery FROM contents AS c JOIN deliveries AS d ON d.id = c.delivery
                WHERE c.kept_at < $1 AND d.ended_at < $1
                LIMIT $2
            )
            """,
            before,
            limit,
        )
    )


async def _forget_words(connection: Connection, before: datetime, limit: int) -> int:
    """What was written, unless a mail is still to bring it."""
    return _amount(
        await connection.execute(
            """
            UPDATE messages SET text = '', files = '[]', author_name = NULL WHERE message IN (
                SELECT m.message FROM messages AS m LEFT JOIN deliveries AS d ON d.id = m.delivery
                WHERE (m.text <> '' OR m.files <> '[]') AND m.posted_at < $1
                  AND (d.id IS NULL OR d.ended_at < $1)
                LIMIT $2
                FOR UPDATE OF m SKIP LOCKED
            )
            """,
            before,
            limit,
        )
    )


async def _forget_requesters(connection: Connection, before: datetime, limit: int) -> int:
    """Who asked, of tickets that are over since then; not while something is to be sent."""
    rows = await connection.fetch(
        """
        UPDATE tickets SET address = NULL, name = NULL, message_id = NULL WHERE ticket IN (
            SELECT t.ticket FROM tickets AS t
            WHERE t.over_since < $1 AND t.address IS NOT NULL AND NOT EXISTS (
                SELECT FROM deliveries AS d
                WHERE d.ticket = t.ticket AND d.state IN ('planned', 'sending')
            )
            LIMIT $2
            FOR UPDATE SKIP LOCKED
        )
        RETURNING ticket
        """,
        before,
        limit,
    )
    tickets = [row["ticket"] for row in rows]
    await connection.execute(
        "UPDATE received SET message_id = NULL WHERE ticket = ANY($1::uuid[])", tickets
    )
    return len(tickets)


async def _forget_recipients(connection: Connection, before: datetime, limit: int) -> int:
    """Where customers' mails went, and what mail servers said of it: they repeat the address."""
    rows = await connection.fetch(
        """
        UPDATE deliveries SET address = '', detail = NULL WHERE id IN (
            SELECT id FROM deliveries
            WHERE kind IN ('acknowledgement', 'reply') AND address <> '' AND ended_at < $1
            LIMIT $2
            FOR UPDATE SKIP LOCKED
        )
        RETURNING id
        """,
        before,
        limit,
    )
    ended = [row["id"] for row in rows]
    await connection.execute(
        "UPDATE tries SET detail = NULL WHERE delivery = ANY($1::uuid[])", ended
    )
    return len(ended)


async def _forget_bounces(connection: Connection, before: datetime, limit: int) -> int:
    """Which addresses are no good: they are tried again after as long a time."""
    return _amount(
        await connection.execute(
            """
            DELETE FROM bounces WHERE address IN (
                SELECT address FROM bounces WHERE greatest(bounced_at, alive_at) < $1
                LIMIT $2
                FOR UPDATE SKIP LOCKED
            )
            """,
            before,
            limit,
        )
    )


def _amount(status: str) -> int:
    """How many rows a statement changed, by what the server answered: `DELETE 5`."""
    return int(status.rpartition(" ")[2])
