"""`python -m shared.migrate_job`: a database is brought up to date before any replica starts."""

import os
import subprocess
import sys
from pathlib import Path

import asyncpg

from shared.migrate import SHARED
from tests.support.databases import Databases

ROOT = Path(__file__).parents[3]


def job(*words: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run it as the chart does."""
    told = {f"CARELINE_{name}": value for name, value in settings.items()}
    return subprocess.run(  # noqa: S603 - our own module
        [sys.executable, "-m", "shared.migrate_job", *words],
        cwd=ROOT,
        env={"PATH": os.defpath} | told,
        check=False,
        capture_output=True,
        text=True,
    )


async def applied(dsn: str) -> list[tuple[str, str]]:
    """The migrations that a database has."""
    connection = await asyncpg.connect(dsn)
    try:
        rows = await connection.fetch("SELECT origin, name FROM schema_migrations ORDER BY 1, 2")
        return [(row["origin"], row["name"]) for row in rows]
    finally:
        await connection.close()


def wanted(service: str) -> list[tuple[str, str]]:
    """The migrations that there are."""
    own = ROOT / "services" / service / "migrations"
    folders = {"service": own, "shared": SHARED}
    return sorted(
        (origin, path.stem) for origin, folder in folders.items() for path in folder.glob("*.sql")
    )


async def test_it_migrates_and_can_be_repeated(databases: Databases, tmp_path: Path) -> None:
    """With the address in a file, as Secrets are mounted; a second one finds all of it done."""
    async with databases.fresh() as dsn:
        secret = tmp_path / "database"
        secret.write_text(dsn, encoding="utf-8")
        for _ in range(2):
            done = job("sla", DATABASE_FILE=str(secret))
            assert done.returncode == 0, done.stdout + done.stderr
            assert await applied(dsn) == wanted("sla")


async def test_an_edited_migration_stops_it(databases: Databases) -> None:
    """A file that differs from what was applied is no passing trouble: it ends, and says which."""
    async with databases.fresh() as dsn:
        connection = await asyncpg.connect(dsn)
        try:
            await connection.execute("UPDATE schema_migrations SET checksum = 'x' WHERE number = 1")
        finally:
            await connection.close()
        done = job("sla", DATABASE=dsn)
    assert done.returncode == 1
    assert "was edited" in done.stdout


def test_what_it_can_not_do_it_says_at_once() -> None:
    """A service without a database, and a setting that is missing, are named."""
    assert "expected one of: messaging, notifier, sla" in job("intake").stderr
    done = job("sla")
    assert done.returncode == 2
    assert "CARELINE_DATABASE" in done.stderr
