"""The part of a service that brings its database up to date at start."""

from dataclasses import dataclass
from pathlib import Path

from shared.database import Database
from shared.migrate import SHARED, migrate, read_migrations


@dataclass(frozen=True, slots=True)
class Schema:
    """Applies the outbox's and the service's own migrations."""

    database: Database
    folder: Path
    name: str = "schema"

    async def start(self) -> None:
        """Apply what is missing; replicas that start together wait for each other."""
        migrations = read_migrations("shared", SHARED) + read_migrations("service", self.folder)
        async with self.database.connection() as connection:
            await migrate(connection, migrations)

    async def stop(self) -> None:
        """A schema stays."""

    def ready(self) -> str | None:
        """Ready once started."""
        return None
