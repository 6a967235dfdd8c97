"""One row and more of every table of messaging, for tickets of three strangers."""

from datetime import UTC, datetime
from uuid import UUID

from shared.database import Connection

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
A, B, C = (UUID(int=number) for number in (0xA, 0xB, 0xC))
"""Tickets: of the account acme, of the account bolt, and of somebody without an account."""
TICKETS = {"a": A, "b": B, "c": C}
ACCOUNTS = {"a": "acme", "b": "bolt", "c": "r-c"}


def message_id(letter: str, visibility: str) -> UUID:
    """Of a ticket's public message, or of its note."""
    return UUID(int=TICKETS[letter].int * 16 + (1 if visibility == "public" else 2))


NAMES = {str(ticket): letter for letter, ticket in TICKETS.items()} | {
    str(message_id(letter, visibility)): f"{letter} {visibility}"
    for letter in TICKETS
    for visibility in ("public", "note")
}
"""What rows are called here, by their ids."""


async def fill(connection: Connection) -> None:
    """Write all of it."""
    for letter, ticket in TICKETS.items():
        await _thread(connection, letter, ticket)
        for visibility in ("public", "note"):
            await _message(connection, letter, ticket, visibility)
        await _facts(connection, letter, ticket)
    await connection.execute(_DESK)


async def _thread(connection: Connection, letter: str, ticket: UUID) -> None:
    await connection.execute(
        """
        INSERT INTO threads (ticket, account, requester, channel, queue, automatic, priority,
            opened_at, correlation, last_sequence, account_verified, address)
        VALUES ($1, $2, $3, 'web', 'support', false, 'normal', $4, $1, 2, $5, $6)
        """,
        ticket,
        ACCOUNTS[letter],
        f"r-{letter}",
        NOW,
        letter != "c",
        f"{letter}@customer.example",
    )


async def _message(connection: Connection, letter: str, ticket: UUID, visibility: str) -> None:
    id_ = message_id(letter, visibility)
    kind = "customer" if visibility == "public" else "agent"
    await connection.execute(
        """
        INSERT INTO messages (id, ticket, sequence, author_kind, author, visibility, channel, text,
            posted_at)
        VALUES ($1, $2, $3, $4, 'somebody', $5, 'web', 'words', $6)
        """,
        id_,
        ticket,
        1 if visibility == "public" else 2,
        kind,
        visibility,
        NOW,
    )
    await connection.execute(
        """
        INSERT INTO attachments (id, message, ticket, place, name, content_type, size_bytes,
            sha256, state)
        VALUES ($1, $1, $2, 1, $3, 'text/plain', 5, 'x', 'complete')
        """,
        id_,
        ticket,
        f"{letter} {visibility}",
    )
    await connection.execute(
        "INSERT INTO attachment_parts VALUES ($1, 1, 1, 'words', $2)", id_, NOW
    )


async def _facts(connection: Connection, letter: str, ticket: UUID) -> None:
    account = ACCOUNTS[letter]
    await connection.execute("INSERT INTO slots VALUES ($1, 'basic', 'silver', '1')", ticket)
    await connection.execute(
        """
        INSERT INTO clocks (ticket, clock, cycle, revision, state, changed_at, plan,
            catalogue_version, calendar, started_at, target_seconds)
        VALUES ($1, 'first_response', 1, 1, 'running', $2, 'basic', '1', 'always', $2, 60)
        """,
        ticket,
        NOW,
    )
    await connection.execute("INSERT INTO acknowledgements VALUES ($1, $2)", ticket, NOW)
    await connection.execute(
        "INSERT INTO account_plans VALUES ($1, $2, 'basic', $3, $3)", ticket, account, NOW
    )
    await connection.execute(
        """
        INSERT INTO plan_requests (request, ticket, account, plan, requested_by, requested_at)
        VALUES ($1, $1, $2, 'advanced', 'agent', $3)
        """,
        ticket,
        account,
        NOW,
    )
    for reader in (f"reader-{letter}", "agent"):
        await connection.execute("INSERT INTO reads VALUES ($1, $2, 1, $3)", ticket, reader, NOW)
    await connection.execute(
        "INSERT INTO presences VALUES ($1, $1, $2, NULL, 'customer', $3)", ticket, letter, NOW
    )
    await connection.execute(
        "INSERT INTO links VALUES ($1, $2, 'mail', $3, $3)", letter, ticket, NOW
    )
    await connection.execute(
        "INSERT INTO waiting_mails (message, ticket, received_at, event) VALUES ($1, $1, $2, '')",
        ticket,
        NOW,
    )


_DESK = """
INSERT INTO erasures (id, persons, asked_by, asked_at)
VALUES ('00000000-0000-0000-0000-00000000000e', '{r-a}', 'an-admin', now());
INSERT INTO erasure_reports (erasure, service, removed, done_at)
VALUES ('00000000-0000-0000-0000-00000000000e', 'notifier', '{}', now());
INSERT INTO stream_keys (id, person, wrapped, made_at)
VALUES ('00000000-0000-0000-0000-00000000000f', 'r-a', 'x', now());
INSERT INTO stream_key_positions (partition, next_offset) VALUES (0, 1);
INSERT INTO rebuild (begun_at, finished_at) VALUES (now(), now());
INSERT INTO rebuild_horizon (topic, partition, until_offset) VALUES ('tickets', 0, 1);
INSERT INTO stream_positions (topic, partition, next_offset) VALUES ('tickets', 0, 1);
INSERT INTO restored_outbox (event, waits) VALUES ('00000000-0000-0000-0000-00000000000f', 1);
INSERT INTO people VALUES ('agent', 'Agent', 'agent@careline.example', true, NULL, '{agent}',
    now());
INSERT INTO sessions VALUES ('x', 'agent', now(), now(), now() + interval '1 day', NULL);
INSERT INTO sign_ins VALUES ('x', 'nonce', 'verifier', '/', now());
INSERT INTO canned_answers VALUES ('00000000-0000-0000-0000-000000000001', 'Thanks', 'Thank you.',
    'agent', now());
INSERT INTO articles (slug, section, title, summary, source, plain, position, sha256, changed_at,
    words)
    VALUES ('start', 'Guide', 'Start', 'How', '# Start', 'Start', 1, 'x', now(), '');
INSERT INTO article_words VALUES ('start', 1);
INSERT INTO article_votes VALUES ('start', 'somebody', true, now());
INSERT INTO saved_views VALUES ('00000000-0000-0000-0000-000000000001', 'agent', true, 'Mine', '',
    now());
INSERT INTO default_views VALUES ('agent', '00000000-0000-0000-0000-000000000001');
INSERT INTO outbox (topic, key, value) VALUES ('tickets', 'x', 'x');
INSERT INTO remembered (event, ticket, value)
    VALUES ('00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-000000000001', 'x');
"""
