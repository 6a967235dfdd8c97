"""What the auditor's role may read: a few columns, none of them about a person."""

import sys
from pathlib import Path

import asyncpg

ROLE = "careline_auditor"
SQL = Path(__file__).parent / "sql"
SERVICES = tuple(sorted(path.stem for path in SQL.glob("*.sql")))


async def apply(dsn: str, service: str) -> None:
    """Let the role read what it needs of a service's database. Repeating is harmless.

    Args:
        dsn: As the owner of the tables, or a superuser; the service has made them by now.
        service: Whose database it is.
    """
    if service not in SERVICES:
        sys.exit(f"There is nothing to grant for {service!r}: name one of {', '.join(SERVICES)}.")
    connection = await asyncpg.connect(dsn)
    try:
        async with connection.transaction():
            await connection.execute((SQL / f"{service}.sql").read_text(encoding="utf-8"))
    finally:
        await connection.close()
