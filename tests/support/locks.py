"""Whether somebody stands in line for what somebody else has locked."""

from shared.database import Database


async def somebody_waits(database: Database) -> bool:
    """Whether a transaction on this database waits for a lock."""
    async with database.connection() as connection:
        return bool(
            await connection.fetchval(
                """
                SELECT count(*) FROM pg_stat_activity
                WHERE datname = current_database() AND wait_event_type = 'Lock'
                """
            )
        )
