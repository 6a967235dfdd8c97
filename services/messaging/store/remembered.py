"""SQL of what waits for the horizon while the database is rebuilt, and of what becomes of it."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from uuid import UUID

from services.messaging.domain import Thread
from shared import events
from shared.database import Connection
from shared.envelope import derive_id
from shared.events import Event, PlanChanged
from shared.handling import LinksRevoked
from shared.messages import MessageReceived


async def remember(connection: Connection, said: Sequence[Event]) -> None:
    """Keep events until the horizon; one that is kept already stays as it is."""
    await connection.executemany(
        """
        INSERT INTO remembered (event, ticket, mail, value) VALUES ($1, $2, $3, $4)
        ON CONFLICT (event) DO NOTHING
        """,
        [
            (
                event.id,
                UUID(event.subject),
                event.data.message if isinstance(event, MessageReceived) else None,
                events.write(event),
            )
            for event in said
        ],
    )


async def remember_waiting(connection: Connection) -> None:
    """Keep for the horizon what a backup holds of mails without a thread: it may have one since."""
    await connection.execute(
        """
        WITH waiting AS (DELETE FROM waiting_mails WHERE NOT refused RETURNING *)
        INSERT INTO remembered (event, ticket, mail, value)
        SELECT (convert_from(event, 'UTF8')::jsonb ->> 'id')::uuid, ticket, message, event
        FROM waiting ORDER BY arrival
        ON CONFLICT (event) DO NOTHING
        """
    )


async def end_sessions(connection: Connection) -> None:
    """Let everybody sign in again: who has signed out since a backup would be back otherwise."""
    await connection.execute("DELETE FROM sessions")


async def list_tickets(connection: Connection, *, most: int, most_bytes: int) -> list[UUID]:
    """Some tickets of which something is remembered beside mails; the last one may go over."""
    rows = await connection.fetch(
        """
        SELECT ticket FROM (
            SELECT ticket, sum(bytes) OVER (ORDER BY ticket) - bytes AS before FROM (
                SELECT ticket, sum(octet_length(value)) AS bytes FROM remembered
                WHERE mail IS NULL GROUP BY ticket ORDER BY ticket LIMIT $1
            ) AS first
        ) AS counted
        WHERE before < $2 ORDER BY ticket
        """,
        most,
        most_bytes,
    )
    return [row["ticket"] for row in rows]


async def take(connection: Connection, tickets: Collection[UUID]) -> Mapping[UUID, list[Event]]:
    """What is remembered of these tickets beside mails; it is remembered no longer."""
    rows = await connection.fetch(
        "DELETE FROM remembered WHERE mail IS NULL AND ticket = ANY($1::uuid[]) RETURNING value",
        list(tickets),
    )
    said: dict[UUID, list[Event]] = defaultdict(list)
    for event in (events.read(row["value"]) for row in rows):
        if event is not None:
            said[UUID(event.subject)].append(event)
    return said


async def take_mails(connection: Connection, *, most: int) -> list[MessageReceived]:
    """The mails that were heard first; they are remembered no longer."""
    rows = await connection.fetch(
        """
        WITH taken AS (
            DELETE FROM remembered WHERE event IN (
                SELECT event FROM remembered WHERE mail IS NOT NULL ORDER BY arrival LIMIT $1
            )
            RETURNING arrival, value
        )
        SELECT value FROM taken ORDER BY arrival
        """,
        most,
    )
    read = (events.read(row["value"]) for row in rows)
    return [event for event in read if isinstance(event, MessageReceived)]


async def forget_remembered(connection: Connection) -> None:
    """Forget what was kept once more after the horizon: another replica had kept it already."""
    await connection.execute("DELETE FROM remembered")


async def list_places(
    connection: Connection, tickets: Collection[UUID]
) -> Mapping[UUID, Mapping[UUID, int]]:
    """Of each of these tickets the messages that are there, and their places."""
    rows = await connection.fetch(
        "SELECT ticket, id, sequence FROM messages WHERE ticket = ANY($1::uuid[])", list(tickets)
    )
    places: dict[UUID, dict[UUID, int]] = defaultdict(dict)
    for row in rows:
        places[row["ticket"]][row["id"]] = row["sequence"]
    return places


async def list_posted(connection: Connection, messages: Collection[UUID]) -> set[UUID]:
    """Those of these messages that are in a thread."""
    rows = await connection.fetch(
        "SELECT id FROM messages WHERE id = ANY($1::uuid[])", list(messages)
    )
    return {row["id"] for row in rows}


async def restore_thread(connection: Connection, thread: Thread) -> None:
    """Keep a thread as it had been."""
    await connection.execute(
        """
        UPDATE threads
        SET status = $2, closed_by = $3, priority = $4, queue = $5, assignee = $6,
            assignee_name = $7, tags = $8, merged_into = $9, asked_plan = $10, changes = $11,
            changed_at = $12, last_sequence = $13, last_message_at = $14
        WHERE ticket = $1
        """,
        thread.ticket,
        thread.status.value,
        thread.closed_by and thread.closed_by.value,
        thread.priority.value,
        thread.queue,
        thread.assignee,
        thread.assignee_name,
        list(thread.tags),
        thread.merged_into,
        thread.asked_plan,
        thread.changes,
        thread.changed_at,
        thread.last_sequence,
        thread.last_message_at,
    )


async def revoke_links(connection: Connection, revoked: Iterable[LinksRevoked]) -> None:
    """Let no link that was revoked open its ticket again."""
    await connection.executemany(
        """
        UPDATE links SET revoked_at = $3
        WHERE ticket = $1 AND sha256 = ANY($2::text[]) AND revoked_at IS NULL
        """,
        [(UUID(event.subject), list(event.data.links), event.time) for event in revoked],
    )


async def record_all_plans(connection: Connection, changed: Iterable[PlanChanged]) -> None:
    """Keep all plans of accounts: of what was said of one the topic may keep the last record alone.

    A change has the id of the event that told of it.
    """
    await connection.executemany(
        """
        INSERT INTO account_plans (change, account, plan, since, changed_at)
        VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (change) DO NOTHING
        """,
        [
            (
                derive_id(entry.change, event.type, ""),
                event.data.account,
                entry.plan,
                entry.since,
                entry.changed,
            )
            for event in changed
            for entry in event.data.plans or ()
        ],
    )


_IS_LAST = """
    NOT EXISTS (
        SELECT FROM account_plans AS later
        WHERE later.account = p.account
            AND (later.since, later.changed_at) > (p.since, p.changed_at)
    )
"""
_END_WISHES = f"""
    UPDATE threads AS t SET asked_plan = NULL
    WHERE t.ticket = ANY($1::uuid[]) AND t.asked_plan IS NOT NULL AND EXISTS (
        SELECT FROM account_plans AS p
        WHERE p.account = t.account AND (
            (p.plan = t.asked_plan AND {_IS_LAST})
            OR NOT EXISTS (
                SELECT FROM messages AS m
                WHERE m.ticket = t.ticket AND m.asks_for_plan IS NOT NULL
                    AND m.posted_at > p.changed_at
            )
        )
    )
"""  # noqa: S608 - texts of ours
_END_REQUESTS = f"""
    DELETE FROM plan_requests AS r
    WHERE r.ticket = ANY($1::uuid[]) AND EXISTS (
        SELECT FROM account_plans AS p
        WHERE p.account = r.account AND (
            r.requested_at <= p.changed_at
            OR (r.declined IS NULL AND p.plan = r.plan AND {_IS_LAST})
        )
    )
"""  # noqa: S608 - the same


async def settle_plans(connection: Connection, tickets: Collection[UUID]) -> None:
    """Be done with plans that were asked for in these tickets, and that changes have answered.

    See `handling.record_plans`. In which order a change and what asked for it were heard is known
    no longer: the plan that is in force is nobody's wish.
    """
    await connection.execute(_END_WISHES, list(tickets))
    await connection.execute(_END_REQUESTS, list(tickets))
