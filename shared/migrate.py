"""Numbered SQL files, applied once each and in order, by one process at a time."""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

import structlog

from shared.database import Connection

log = structlog.get_logger(__name__)

SHARED = Path(__file__).parent / "migrations"
"""Tables that every service with a database has: the outbox."""

_LOCK = 0x0CA2E114E
_NAME = re.compile(r"[0-9]{4}_\w+\.sql")


class MigrationError(Exception):
    """The files and the database tell different stories; nothing was changed."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One file: `0001_what_it_does.sql` of `shared` or of the service."""

    origin: str
    number: int
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        """Tells whether a file was edited after it had been applied."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


def read_migrations(origin: str, folder: Path) -> tuple[Migration, ...]:
    """The migrations of a folder, in order.

    Raises:
        MigrationError: when the numbers are not 1, 2, 3 and so on, or a file has none.
    """
    paths = sorted(folder.glob("*.sql"))
    if unnumbered := [path.name for path in paths if not _NAME.fullmatch(path.name)]:
        raise MigrationError(f"{folder}: must begin with four digits: {', '.join(unnumbered)}")
    found = tuple(
        Migration(origin, int(path.stem[:4]), path.stem, path.read_text(encoding="utf-8"))
        for path in paths
    )
    numbers = [migration.number for migration in found]
    if numbers != list(range(1, len(found) + 1)):
        raise MigrationError(f"{folder}: numbers must be 1 to {len(found)}, found {numbers}")
    return found


async def migrate(connection: Connection, migrations: tuple[Migration, ...]) -> int:
    """Apply what is not applied yet, all in one transaction, and return how many that were.

    Raises:
        MigrationError: when a migration was edited after it had been applied. A database that is
            ahead of the code is no error: that is how a rollback starts.
    """
    async with connection.transaction():
        # Replicas start together: the second waits here and then finds everything done.
        await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
        await connection.execute(_TABLE)
        applied = {
            (row["origin"], row["number"]): row["checksum"]
            for row in await connection.fetch("SELECT * FROM schema_migrations")
        }
        _refuse_edited(migrations, applied)
        pending = [m for m in migrations if (m.origin, m.number) not in applied]
        for migration in pending:
            await _apply(connection, migration)
    return len(pending)


_TABLE = """
CREATE TABLE IF NOT EXISTS schema_migrations (
    origin text NOT NULL,
    number integer NOT NULL,
    name text NOT NULL,
    checksum text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (origin, number)
)
"""


def _refuse_edited(migrations: tuple[Migration, ...], applied: dict[tuple[str, int], str]) -> None:
    for migration in migrations:
        checksum = applied.get((migration.origin, migration.number), migration.checksum)
        if checksum != migration.checksum:
            raise MigrationError(f"{migration.name} was edited after it had been applied")


async def _apply(connection: Connection, migration: Migration) -> None:
    await connection.execute(migration.sql)
    await connection.execute(
        "INSERT INTO schema_migrations (origin, number, name, checksum) VALUES ($1, $2, $3, $4)",
        migration.origin,
        migration.number,
        migration.name,
        migration.checksum,
    )
    log.info("migrated", origin=migration.origin, migration=migration.name)
