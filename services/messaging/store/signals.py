"""How urgent threads are, and telling whoever follows them that there is something new."""

from collections.abc import Collection
from uuid import UUID

from services.messaging import signals
from services.messaging.signals import Signal, Writing
from shared.database import Connection

# A breach stays on record, and sla says nothing more of that clock: whether what it promised is
# owed still, we see by what was written since. A breached resolution or update stands still where
# its clock would. What was answered just now is not urgent either, before sla has said so.
# A customer waits from the first message on that stands behind our last answer; while their ticket
# is on hold, from the first one that came after anything about it was set.
_REFRESH = """
UPDATE threads AS t
SET revision = t.revision + 1,
    (urgency, next_due_at) = (
        SELECT
            coalesce(
                min(CASE c.state WHEN 'breached' THEN 0 WHEN 'at_risk' THEN 1 ELSE 2 END), 3
            ),
            min(c.due_at)
        FROM clocks AS c
        CROSS JOIN (
            SELECT max(m.posted_at) AS answered_at
            FROM messages AS m
            WHERE m.ticket = t.ticket AND m.author_kind = 'agent' AND m.visibility = 'public'
        ) AS last
        WHERE c.ticket = t.ticket
            AND c.state IN ('running', 'at_risk', 'breached')
            AND t.status NOT IN ('resolved', 'closed')
            AND t.merged_into IS NULL
            AND CASE c.clock
                WHEN 'first_response' THEN last.answered_at IS NULL
                WHEN 'resolution' THEN c.state <> 'breached' OR t.status = 'open'
                ELSE (last.answered_at IS NULL OR last.answered_at <= c.started_at)
                    AND NOT (c.clock = 'update' AND t.status = 'pending')
            END
    ),
    waiting_since = (
        SELECT m.posted_at FROM messages AS m
        WHERE m.ticket = t.ticket AND m.author_kind = 'customer' AND m.visibility = 'public'
            AND t.merged_into IS NULL
            AND (t.status = 'open' OR (t.status = 'on_hold' AND m.posted_at > t.changed_at))
            AND m.sequence > coalesce(
                (
                    SELECT a.sequence FROM messages AS a
                    WHERE a.ticket = t.ticket
                        AND a.author_kind = 'agent' AND a.visibility = 'public'
                    ORDER BY a.posted_at DESC LIMIT 1
                ),
                0
            )
        ORDER BY m.sequence LIMIT 1
    )
WHERE t.ticket = ANY($1::uuid[])
"""


async def refresh(connection: Connection, tickets: Collection[UUID]) -> None:
    """Count threads as changed, see how urgent they are now, and tell who follows them.

    It belongs into the transaction of the change itself; others hear of it once that commits.
    """
    found = await _lock(connection, tickets)
    if not found:
        return
    await connection.execute(_REFRESH, found)
    await _notify(connection, Signal.CHANGED, signals.pack(found))


async def refresh_accounts(connection: Connection, accounts: Collection[str]) -> None:
    """The same for all threads of these accounts that are not over."""
    rows = await connection.fetch(
        """
        SELECT ticket FROM threads
        WHERE account = ANY($1::text[]) AND status NOT IN ('resolved', 'closed')
        """,
        sorted(set(accounts)),
    )
    await refresh(connection, [row["ticket"] for row in rows])


async def tell_present(connection: Connection, tickets: Collection[UUID]) -> None:
    """Tell who follows these tickets that somebody came or went."""
    await _notify(connection, Signal.PRESENT, signals.pack(tickets))


async def tell_inboxes(connection: Connection) -> None:
    """Tell who follows all tickets that an agent opened one, or left it."""
    await _notify(connection, Signal.PRESENT, [signals.INBOXES])


async def tell_everybody(connection: Connection) -> None:
    """Tell whoever follows anything that agents came, or that none is here any more."""
    await _notify(connection, Signal.PRESENT, [signals.EVERYBODY])


async def tell_writing(connection: Connection, writing: Writing) -> None:
    """Tell who follows a ticket that somebody types; nothing is kept."""
    await _notify(connection, Signal.WRITING, [signals.pack_writing(writing)])


async def ask_for_an_answer(connection: Connection, *, within: float) -> None:
    """See that the server is there: a connection that only listens would never notice.

    Raises:
        TimeoutError, OSError, asyncpg.PostgresError: when it doesn't answer within these seconds.
    """
    await connection.execute("SELECT 1", timeout=within)


async def _lock(connection: Connection, tickets: Collection[UUID]) -> list[UUID]:
    # In one order, so that nobody waits in a circle; and in a statement of its own, so that the
    # next one sees what was committed while this one waited.
    rows = await connection.fetch(
        """
        SELECT ticket FROM threads WHERE ticket = ANY($1::uuid[]) ORDER BY ticket FOR NO KEY UPDATE
        """,
        list(tickets),
    )
    return [row["ticket"] for row in rows]


async def _notify(connection: Connection, signal: Signal, texts: Collection[str]) -> None:
    if texts:
        await connection.execute(
            "SELECT pg_notify($1, text) FROM unnest($2::text[]) AS text", signal.value, texts
        )
