"""SQL of people, of their sessions, and of sign-ins under way."""

from dataclasses import dataclass
from datetime import datetime

import asyncpg

from shared.database import Connection


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody, as their sign-in described them last."""

    subject: str
    name: str | None
    address: str | None
    address_verified: bool
    account: str | None
    roles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SessionRow:
    """A session that holds."""

    person: Person
    used_at: datetime
    id_token: str | None


@dataclass(frozen=True, slots=True)
class SignIn:
    """A sign-in under way."""

    nonce: str
    verifier: str
    next_path: str


async def keep_person(connection: Connection, person: Person, *, now: datetime) -> None:
    """Remember somebody as they are described now."""
    await connection.execute(
        """
        INSERT INTO people (subject, name, address, address_verified, account, roles, seen_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
        ON CONFLICT (subject) DO UPDATE SET name = excluded.name, address = excluded.address,
            address_verified = excluded.address_verified, account = excluded.account,
            roles = excluded.roles, seen_at = excluded.seen_at
        """,
        person.subject,
        person.name,
        person.address,
        person.address_verified,
        person.account,
        list(person.roles),
        now,
    )


async def list_staff(connection: Connection) -> list[Person]:
    """Everybody of the desk who has ever signed in, by name."""
    rows = await connection.fetch(
        """
        SELECT subject, name, address, address_verified, account, roles FROM people
        WHERE roles && '{agent,lead,admin}' ORDER BY lower(coalesce(name, subject)), subject
        """
    )
    return [_person(row) for row in rows]


async def add_session(
    connection: Connection,
    sha256: str,
    *,
    subject: str,
    began_at: datetime,
    expires_at: datetime,
    id_token: str | None,
) -> None:
    """Begin a session."""
    await connection.execute(
        """
        INSERT INTO sessions (sha256, subject, began_at, used_at, expires_at, id_token)
        VALUES ($1, $2, $3, $3, $4, $5)
        """,
        sha256,
        subject,
        began_at,
        expires_at,
        id_token,
    )


async def read_session(
    connection: Connection, sha256: str, *, now: datetime, used_since: datetime
) -> SessionRow | None:
    """A session that has not ended and was used since then."""
    row = await connection.fetchrow(
        """
        SELECT p.subject, p.name, p.address, p.address_verified, p.account, p.roles,
            s.used_at, s.id_token
        FROM sessions AS s JOIN people AS p USING (subject)
        WHERE s.sha256 = $1 AND s.expires_at > $2 AND s.used_at > $3
        """,
        sha256,
        now,
        used_since,
    )
    if row is None:
        return None
    return SessionRow(_person(row), row["used_at"], row["id_token"])


async def use_session(connection: Connection, sha256: str, *, now: datetime) -> None:
    """Note that a session is in use."""
    await connection.execute(
        "UPDATE sessions SET used_at = $2 WHERE sha256 = $1 AND used_at < $2", sha256, now
    )


async def end_session(connection: Connection, sha256: str) -> None:
    """End a session."""
    await connection.execute("DELETE FROM sessions WHERE sha256 = $1", sha256)


async def add_sign_in(
    connection: Connection, sha256: str, sign_in: SignIn, *, now: datetime
) -> None:
    """Remember a sign-in that begins."""
    await connection.execute(
        """
        INSERT INTO sign_ins (sha256, nonce, verifier, next_path, began_at)
        VALUES ($1, $2, $3, $4, $5)
        """,
        sha256,
        sign_in.nonce,
        sign_in.verifier,
        sign_in.next_path,
        now,
    )


async def take_sign_in(connection: Connection, sha256: str, *, since: datetime) -> SignIn | None:
    """A sign-in that began after then, once: nobody can take it again."""
    row = await connection.fetchrow(
        """
        DELETE FROM sign_ins WHERE sha256 = $1
        RETURNING nonce, verifier, next_path, began_at > $2 AS fresh
        """,
        sha256,
        since,
    )
    if row is None or not row["fresh"]:
        return None
    return SignIn(row["nonce"], row["verifier"], row["next_path"])


async def make_room_for_sign_ins(connection: Connection, most: int) -> None:
    """Where so many sign-ins are under way, give up a tenth of them: those that began first."""
    if await connection.fetchval("SELECT count(*) FROM sign_ins") >= most:
        await connection.execute(
            """
            DELETE FROM sign_ins WHERE sha256 IN (
                SELECT sha256 FROM sign_ins ORDER BY began_at LIMIT $1 FOR UPDATE SKIP LOCKED
            )
            """,
            max(1, most // 10),
        )


async def delete_ended(
    connection: Connection, *, now: datetime, used_before: datetime, began_before: datetime
) -> int:
    """Delete sessions and sign-ins that hold no more; how many there were."""
    return int(
        await connection.fetchval(
            """
            WITH ended AS (
                DELETE FROM sessions WHERE expires_at <= $1 OR used_at <= $2 RETURNING 1
            ), left_alone AS (
                DELETE FROM sign_ins WHERE began_at <= $3 RETURNING 1
            )
            SELECT (SELECT count(*) FROM ended) + (SELECT count(*) FROM left_alone)
            """,
            now,
            used_before,
            began_before,
        )
    )


async def read_plan(connection: Connection, account: str, *, now: datetime) -> str | None:
    """Id of the plan that is in force for an account, or None where none was ever said."""
    found: str | None = await connection.fetchval(
        """
        SELECT plan FROM account_plans WHERE account = $1 AND since <= $2
        ORDER BY since DESC, changed_at DESC, change LIMIT 1
        """,
        account,
        now,
    )
    return found


def _person(row: asyncpg.Record) -> Person:
    return Person(
        subject=row["subject"],
        name=row["name"],
        address=row["address"],
        address_verified=row["address_verified"],
        account=row["account"],
        roles=tuple(row["roles"]),
    )
