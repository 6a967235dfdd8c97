"""`python -m shared.migrate_job SERVICE` brings a service's database up to date, and ends.

A service does so itself when it starts. A deployment that wants it done before the first new
replica starts runs this with the service's own settings, of which it needs the database's alone.
Exit status 0 when the schema is as this version wants it, 1 when it could not be made so, 2 when a
setting is wrong.
"""

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import structlog

from shared import telemetry
from shared.database import Database
from shared.faults import is_passing
from shared.migrate import MigrationError
from shared.schema import Schema
from shared.settings import load_settings
from shared.wiring import ConsumerSettings

log = structlog.get_logger(__name__)

SERVICES = Path(__file__).parents[1] / "services"
WAITS = 120.0
"""Seconds for which a server that isn't there yet is waited for."""
PAUSE = 2.0


def main() -> int:
    """Read the arguments and migrate."""
    known = sorted(path.parent.name for path in SERVICES.glob("*/migrations"))
    if len(sys.argv) != 2 or sys.argv[1] not in known:  # noqa: PLR2004 - a name, and nothing else
        print(f"expected one of: {', '.join(known)}", file=sys.stderr)  # noqa: T201 - before logging
        return 2
    service = sys.argv[1]
    settings = load_settings(ConsumerSettings)
    telemetry.configure_logging(service=service, level=settings.log_level)
    database = Database(settings.database.get_secret_value(), service=service, size=1)
    folder = SERVICES / service / "migrations"
    return asyncio.run(_migrate(database, Schema(database, folder)))


async def _migrate(database: Database, schema: Schema) -> int:
    until = time.monotonic() + WAITS
    try:
        await _with_patience(database.start, until)
        await _with_patience(schema.start, until)
    except MigrationError as error:
        log.error("migration_refused", why=str(error))  # noqa: TRY400 - it says all there is
        return 1
    except Exception:
        log.exception("migration_failed")
        return 1
    finally:
        await database.stop()
    log.info("schema_is_current")
    return 0


async def _with_patience(start: Callable[[], Awaitable[None]], until: float) -> None:
    """Try again what failed for a passing reason, as services do, but not for ever."""
    while True:
        try:
            return await start()
        except Exception as error:
            if not is_passing(error) or time.monotonic() > until:
                raise
            log.warning("waiting_for_postgres", error=type(error).__name__)
            await asyncio.sleep(PAUSE)


if __name__ == "__main__":
    sys.exit(main())
