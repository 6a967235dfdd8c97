"""Copies of a service's tables, taken and put back as a backup of its database would be."""

from collections.abc import Sequence
from dataclasses import dataclass

from shared.database import Connection

_GENERATED = "OVERRIDING SYSTEM VALUE"
_TABLES = """
    SELECT format('%I', relname) AS name FROM pg_class
    WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
        AND relname <> 'schema_migrations'
    ORDER BY relname
"""


@dataclass(frozen=True, slots=True)
class Backup:
    """What all tables held at one moment, kept in the database itself, out of the way."""

    tables: Sequence[str]

    async def put_back(self, connection: Connection) -> None:
        """Let the tables hold that again, whoever is at work."""
        async with connection.transaction():
            await connection.execute(f"TRUNCATE {', '.join(self.tables)} CASCADE")
            for table in self.tables:
                await connection.execute(
                    f"INSERT INTO {table} {_GENERATED} SELECT * FROM backup.{table}"  # noqa: S608 - names of ours
                )


async def take_backup(connection: Connection) -> Backup:
    """Copy all tables as they are."""
    async with connection.transaction():
        tables = [row["name"] for row in await connection.fetch(_TABLES)]
        await connection.execute("CREATE SCHEMA backup")
        for table in tables:
            await connection.execute(f"CREATE TABLE backup.{table} AS TABLE {table}")
    return Backup(tables)
