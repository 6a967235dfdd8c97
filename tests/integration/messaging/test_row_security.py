"""Postgres holds everybody to what is theirs, whatever a query forgets."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from uuid import UUID, uuid5

import asyncpg
import pytest

from services.messaging.guarded import Guarded
from services.messaging.visitors import Visitor
from shared.database import Connection, Database
from shared.identity import Caller, Role
from tests.support.desk_rows import NAMES, NOW, A, B, C, fill, message_id

ROLE = "careline_customer"
SELECT, INSERT = frozenset({"SELECT"}), frozenset({"SELECT", "INSERT"})


@dataclass(frozen=True)
class Rule:
    """What customers may do with a table at all, and by what its rows are told apart."""

    verbs: frozenset[str] = frozenset()
    label: str = "NULL"
    updates: frozenset[str] = frozenset()
    """Columns."""
    public: bool = False
    """The same for everybody."""


# Every table stands here. A new one fails the first test until somebody has decided about it.
RULES = {
    "threads": Rule(
        SELECT,
        "ticket::text",
        updates=frozenset(
            {
                "asked_plan",
                "changed_at",
                "changes",
                "closed_by",
                "last_message_at",
                "last_sequence",
                "next_due_at",
                "waiting_since",
                "revision",
                "status",
                "urgency",
            }
        ),
    ),
    "messages": Rule(INSERT, "id::text"),
    "attachments": Rule(INSERT, "id::text", updates=frozenset({"state"})),
    "attachment_parts": Rule(INSERT, "attachment::text"),
    "slots": Rule(SELECT, "ticket::text"),
    "clocks": Rule(SELECT, "ticket::text"),
    "acknowledgements": Rule(SELECT, "ticket::text"),
    "account_plans": Rule(SELECT, "account"),
    "plan_requests": Rule(SELECT, "ticket::text"),
    "reads": Rule(INSERT, "reader", updates=frozenset({"sequence", "read_at"})),
    "presences": Rule(SELECT, "person"),
    "articles": Rule(SELECT, "slug", public=True),
    "article_words": Rule(SELECT, "word", public=True),
    "outbox": Rule(frozenset({"INSERT"})),
    "article_votes": Rule(),
    "erasures": Rule(),
    "erasure_reports": Rule(),
    "rebuild": Rule(),
    "rebuild_horizon": Rule(),
    "restored_outbox": Rule(),
    "stream_positions": Rule(),
    "stream_keys": Rule(),
    "stream_key_positions": Rule(),
    "canned_answers": Rule(),
    "default_views": Rule(),
    "links": Rule(),
    "people": Rule(),
    "remembered": Rule(),
    "saved_views": Rule(),
    "schema_migrations": Rule(),
    "sessions": Rule(),
    "sign_ins": Rule(),
    "waiting_mails": Rule(),
}
OWN = ("threads", "slots", "clocks", "acknowledgements", "plan_requests", "presences")
"""Tables in which a ticket has one row of its own."""


def customer(
    reader: str, account: str | None = None, requester: str | None = None, *tickets: UUID
) -> Visitor:
    """Somebody, by what is theirs."""
    caller = Caller(reader, account, None, frozenset({Role.CUSTOMER}))
    return Visitor(caller, requester=requester, tickets=frozenset(tickets))


COLLEAGUE = customer("reader-a", "acme")
REQUESTER = customer("reader-b", None, "r-b")
GUEST = Visitor(Caller("", None, None, frozenset({Role.CUSTOMER})), tickets=frozenset({C}))
STRANGER = customer("reader-x", "another", "r-another", UUID(int=0xD))
NOBODY = customer("")
ROLELESS = Visitor(Caller("reader-y", None, None, frozenset()))
AGENT = Visitor(Caller("agent", None, None, frozenset({Role.AGENT})))

VISITORS = {
    "by account": (COLLEAGUE, "a", "acme"),
    "by address": (REQUESTER, "b", "bolt"),
    "by link": (GUEST, "c", None),
    "a stranger": (STRANGER, None, None),
    "nobody": (NOBODY, None, None),
    "without a role": (ROLELESS, None, None),
}


@pytest.fixture
async def guarded(database: Database) -> Guarded:
    """A database with something in every table."""
    async with database.transaction() as connection:
        await fill(connection)
    return Guarded(database)


async def _tables(connection: Connection) -> set[str]:
    rows = await connection.fetch(
        """
        SELECT relname FROM pg_class WHERE relkind IN ('r', 'p', 'v', 'm', 'f')
            AND relnamespace = 'public'::regnamespace
        """
    )
    return {row["relname"] for row in rows}


async def test_each_table_has_been_decided_about(database: Database) -> None:
    """What a customer may do with it at all, down to the column."""
    async with database.connection() as connection:
        assert await _tables(connection) == RULES.keys()
        for table, rule in RULES.items():
            verbs = ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER")
            granted = {
                verb
                for verb in verbs
                if await connection.fetchval(
                    "SELECT has_table_privilege($1, $2::text, $3)", ROLE, table, verb
                )
            }
            assert frozenset(granted) == rule.verbs, table
            columns = await connection.fetch(
                """
                SELECT attname FROM pg_attribute WHERE attrelid = $2::regclass AND attnum > 0
                    AND NOT attisdropped AND has_column_privilege($1, attrelid, attnum, 'UPDATE')
                """,
                ROLE,
                table,
            )
            assert {row["attname"] for row in columns} == set(rule.updates), table


async def test_each_table_that_customers_reach_is_held_to_its_rows(database: Database) -> None:
    """Except for what is the same for everybody; and for the desk itself by a policy of its own."""
    async with database.connection() as connection:
        rows = await connection.fetch(
            """
            SELECT relname, relrowsecurity AS held, relforcerowsecurity AS forced FROM pg_class
            WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
            """
        )
    held = {row["relname"]: (row["held"], row["forced"]) for row in rows}
    for table, rule in RULES.items():
        reached = bool(rule.verbs) and not rule.public
        # The relay empties the outbox for everybody, as its owner.
        assert (table, held[table]) == (table, (reached, reached and table != "outbox"))


async def test_the_role_of_customers_can_do_nothing_else(database: Database) -> None:
    """It is nobody's superior, owns nothing, logs in nowhere."""
    async with database.connection() as connection:
        row = await connection.fetchrow("SELECT * FROM pg_roles WHERE rolname = $1", ROLE)
        groups = await connection.fetchval(
            "SELECT count(*) FROM pg_auth_members WHERE member = $1::regrole", ROLE
        )
        functions = await connection.fetch(
            """
            SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prosecdef
                AND has_function_privilege($1, oid, 'EXECUTE')
            """,
            ROLE,
        )
        makes = await connection.fetchval(
            "SELECT has_schema_privilege($1, 'public', 'CREATE')", ROLE
        )
    assert row is not None
    powers = ("rolsuper", "rolbypassrls", "rolcreaterole", "rolcreatedb", "rolcanlogin")
    assert not any(row[power] for power in powers)
    assert (groups, makes) == (0, False)
    assert [each["proname"] for each in functions] == ["agents_since"]


async def test_the_role_of_customers_counts_nothing(database: Database) -> None:
    """How often something was written stands in sequences, which are nobody's but the desk's."""
    async with database.connection() as connection:
        rows = await connection.fetch(
            """
            SELECT relname FROM pg_class
            WHERE relkind = 'S' AND relnamespace = 'public'::regnamespace
            """
        )
        sequences = [row["relname"] for row in rows]
        reached = [
            name
            for name in sequences
            if await connection.fetchval(
                "SELECT has_sequence_privilege($1, $2::text, 'USAGE, SELECT, UPDATE')", ROLE, name
            )
        ]
    assert sequences
    assert reached == []


async def test_every_table_holds_something(guarded: Guarded) -> None:
    """Where there is nothing, nothing could be seen."""
    async with guarded.database.connection() as connection:
        empty = [
            table
            for table in RULES
            if not await connection.fetchval(f"SELECT EXISTS (SELECT FROM {table})")  # noqa: S608 - our own names
        ]
    assert empty == []


async def _seen(guarded: Guarded, visitor: Visitor) -> dict[str, set[str]]:
    async with guarded.reading(visitor) as connection:
        return {
            table: {
                NAMES.get(row["label"], row["label"])
                for row in await connection.fetch(f"SELECT {rule.label} AS label FROM {table}")  # noqa: S608 - our own
            }
            for table, rule in RULES.items()
            if "SELECT" in rule.verbs
        }


@pytest.mark.parametrize(("visitor", "letter", "account"), VISITORS.values(), ids=VISITORS)
async def test_everybody_sees_what_is_theirs_and_no_notes(
    guarded: Guarded, visitor: Visitor, letter: str | None, account: str | None
) -> None:
    """Without a word of a condition in the query."""
    seen = await _seen(guarded, visitor)
    theirs = {letter} if letter else set()
    assert {table: seen[table] for table in OWN} == dict.fromkeys(OWN, theirs)
    assert seen["messages"] == {f"{each} public" for each in theirs}
    assert seen["attachments"] == {f"{each} public" for each in theirs}
    assert seen["attachment_parts"] == {f"{each} public" for each in theirs}
    assert seen["account_plans"] == ({account} if account else set())
    readers = {visitor.caller.subject} if theirs and visitor.caller.subject else set()
    assert seen["reads"] == readers
    assert (seen["articles"], seen["article_words"]) == ({"start"}, {"start"})


async def test_who_only_named_an_account_wrote_nothing_of_its_own(guarded: Guarded) -> None:
    """Anybody can name an account in an open form: its people don't see that ticket."""
    seen = await _seen(guarded, customer("reader-c", "r-c"))
    assert not any(seen[table] for table in (*OWN, "messages", "attachments"))


async def test_an_agent_sees_everything(guarded: Guarded) -> None:
    """Notes, too."""
    seen = await _seen(guarded, AGENT)
    assert seen["threads"] == {"a", "b", "c"}
    assert len(seen["messages"]) == 6
    assert seen["reads"] == {"reader-a", "reader-b", "reader-c", "agent"}


@pytest.mark.parametrize("table", [name for name, rule in RULES.items() if not rule.verbs])
@pytest.mark.parametrize(
    "statement",
    ["SELECT 1 FROM {}", "DELETE FROM {}", "INSERT INTO {} SELECT", "TRUNCATE {}", "LOCK TABLE {}"],
)
async def test_what_is_the_desks_own_can_not_be_touched(
    guarded: Guarded, table: str, statement: str
) -> None:
    """By nobody but the desk: not to look, not to write."""
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with guarded.transaction(COLLEAGUE) as connection:
            await connection.execute(statement.format(table))


@pytest.mark.parametrize("visitor", [each[0] for each in VISITORS.values()], ids=VISITORS)
async def test_nobody_deletes_anything(guarded: Guarded, visitor: Visitor) -> None:
    """Not even their own."""
    for table in RULES:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with guarded.transaction(visitor) as connection:
                await connection.execute(f"DELETE FROM {table}")  # noqa: S608 - our own names


CHANGES: Mapping[str, str] = {
    "threads": "UPDATE threads SET status = 'closed'",
    "attachments": "UPDATE attachments SET state = 'broken'",
    "reads": "UPDATE reads SET sequence = 9",
}


@pytest.mark.parametrize("table", CHANGES)
@pytest.mark.parametrize(("visitor", "letter", "account"), VISITORS.values(), ids=VISITORS)
async def test_a_change_of_all_rows_changes_ones_own(
    guarded: Guarded, visitor: Visitor, letter: str | None, account: str | None, table: str
) -> None:
    """And no file of a note, nor how far an agent has read."""
    async with guarded.transaction(visitor) as connection:
        done = await connection.execute(CHANGES[table])
    own = bool(letter) and not (table == "reads" and not visitor.caller.subject)
    assert done == f"UPDATE {int(own)}"
    assert account is None or own


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE threads SET account = 'bolt'",
        "UPDATE threads SET requester = 'r-b'",
        "UPDATE threads SET assignee = 'somebody'",
        "UPDATE threads SET priority = 'urgent'",
        "UPDATE threads SET merged_into = NULL",
        "UPDATE messages SET text = 'other words'",
        "UPDATE messages SET visibility = 'public'",
        "UPDATE clocks SET due_at = NULL",
        "UPDATE account_plans SET plan = 'centurion'",
        "UPDATE attachment_parts SET content = ''",
        "UPDATE reads SET reader = 'agent'",
        "UPDATE reads SET ticket = ticket",
    ],
)
async def test_what_is_not_a_customers_to_change_stays(guarded: Guarded, change: str) -> None:
    """Even of their own ticket."""
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with guarded.transaction(COLLEAGUE) as connection:
            await connection.execute(change)


OTHERS = UUID(int=0xFFFF)


async def _write(
    connection: Connection,
    ticket: UUID,
    *,
    kind: str = "customer",
    visibility: str = "public",
) -> None:
    await connection.execute(
        """
        INSERT INTO messages (id, ticket, sequence, author_kind, author, visibility, channel, text,
            posted_at)
        VALUES ($1, $2, 3, $3, 'reader-a', $4, 'web', 'words', $5)
        """,
        uuid5(OTHERS, str(ticket)),
        ticket,
        kind,
        visibility,
        NOW,
    )


async def test_a_customer_writes_into_their_own_thread(guarded: Guarded) -> None:
    """A message with a file, how far they have read, and what is said of it on the stream."""
    async with guarded.transaction(COLLEAGUE) as connection:
        await _write(connection, A)
        await _attach(connection, A, uuid5(OTHERS, str(A)))
        await connection.execute(
            "INSERT INTO outbox (topic, key, value) VALUES ('messages', $1, '')", str(A)
        )


async def _attach(connection: Connection, ticket: UUID, message: UUID) -> None:
    await connection.execute(
        """
        INSERT INTO attachments (id, message, ticket, place, name, content_type, size_bytes, sha256)
        VALUES ($1, $2, $3, 2, 'new', 'text/plain', 1, 'x')
        """,
        uuid5(OTHERS, "file"),
        message,
        ticket,
    )
    await connection.execute(
        "INSERT INTO attachment_parts VALUES ($1, 1, 1, 'x', $2)", uuid5(OTHERS, "file"), NOW
    )


@pytest.mark.parametrize(
    ("ticket", "kind", "visibility"),
    [
        (B, "customer", "public"),
        (A, "agent", "public"),
        (A, "system", "public"),
        (A, "customer", "note"),
    ],
    ids=["in another's thread", "as an agent", "as the desk", "a note"],
)
async def test_a_customer_writes_nothing_else(
    guarded: Guarded, ticket: UUID, kind: str, visibility: str
) -> None:
    """Neither elsewhere nor in another's name."""
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
        async with guarded.transaction(COLLEAGUE) as connection:
            await _write(connection, ticket, kind=kind, visibility=visibility)


@pytest.mark.parametrize(
    ("ticket", "message"),
    [(B, message_id("b", "public")), (A, message_id("a", "note")), (B, message_id("a", "public"))],
    ids=["another's message", "a note", "a message that is in another thread"],
)
async def test_a_customer_attaches_nothing_elsewhere(
    guarded: Guarded, ticket: UUID, message: UUID
) -> None:
    """A file belongs to a message that they see, in its thread."""
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
        async with guarded.transaction(COLLEAGUE) as connection:
            await _attach(connection, ticket, message)


@pytest.mark.parametrize(
    ("topic", "key"),
    [("messages", str(B)), ("sla", str(A)), ("accounts", "acme"), ("notifications", str(A))],
)
async def test_nothing_is_said_on_the_stream_of_another_ticket(
    guarded: Guarded, topic: str, key: str
) -> None:
    """Nor of anything that is not messaging's to say for a customer."""
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
        async with guarded.transaction(COLLEAGUE) as connection:
            await connection.execute(
                "INSERT INTO outbox (topic, key, value) VALUES ($1, $2, '')", topic, key
            )


@pytest.mark.parametrize(("ticket", "reader"), [(A, "agent"), (B, "reader-a")])
async def test_how_far_others_have_read_is_not_theirs_to_say(
    guarded: Guarded, ticket: UUID, reader: str
) -> None:
    """Nor of threads that they do not see."""
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
        async with guarded.transaction(COLLEAGUE) as connection:
            await connection.execute(
                "INSERT INTO reads VALUES ($1, $2, 9, $3) ON CONFLICT (ticket, reader) "
                "DO UPDATE SET sequence = excluded.sequence",
                ticket,
                reader,
                NOW,
            )


async def test_a_plan_is_not_told_to_whoever_names_its_account(guarded: Guarded) -> None:
    """Anybody can write one into a request; until it is proved, its plan is nobody's to see."""
    async with guarded.database.transaction() as connection:
        await connection.execute("UPDATE threads SET account = 'acme' WHERE ticket = $1", C)
    assert (await _seen(guarded, GUEST))["account_plans"] == set()


@pytest.fixture
async def lone(dsn: str) -> AsyncIterator[Database]:
    """A pool of one connection, so that the next one to use it is known."""
    database = Database(dsn, service="test", size=1)
    await database.start()
    yield database
    await database.stop()


async def test_nothing_of_a_visitor_stays_on_the_connection(lone: Database) -> None:
    """Whether it ended well, broke, or was given up in the middle."""
    guarded = Guarded(lone)
    async with lone.connection() as connection:
        before = await _standing(connection)
    async with guarded.transaction(COLLEAGUE) as connection:
        assert (await _standing(connection))["current_user"] == ROLE
    await _expect(lone, before)
    with pytest.raises(asyncpg.DivisionByZeroError):
        async with guarded.transaction(REQUESTER) as connection:
            await connection.execute("SELECT 1 / 0")
    await _expect(lone, before)
    async with guarded.reading(GUEST):
        pass
    await _expect(lone, before)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2), guarded.transaction(COLLEAGUE) as connection:
            await connection.execute("SELECT pg_sleep(30)")
    await _expect(lone, before)


async def _standing(connection: Connection) -> dict[str, str]:
    row = await connection.fetchrow(
        """
        SELECT current_user::text,
            coalesce(current_setting('careline.account', true), '') AS account,
            coalesce(current_setting('careline.requester', true), '') AS requester,
            coalesce(current_setting('careline.tickets', true), '') AS tickets,
            coalesce(current_setting('careline.reader', true), '') AS reader
        """
    )
    assert row is not None
    return dict(row)


async def _expect(database: Database, before: dict[str, str]) -> None:
    async with database.connection() as connection:
        assert await _standing(connection) == before
