"""`python -m deploy.auditor`: holds a desk to its promises, and says where they are not kept.

`python -m deploy.auditor grant SERVICE` lets the role `careline_auditor` read what the auditor
needs of a service's database; `CARELINE_DATABASE` says which, as the service's own role.
"""

import asyncio
import os
import sys
from datetime import UTC, datetime, timedelta

from deploy.auditor import grants
from deploy.auditor.auditing import Auditing
from deploy.auditor.databases import Bounds, Databases
from deploy.auditor.reader import Reader
from deploy.auditor.settings import AuditorSettings
from deploy.auditor.telling import tell
from shared.runtime import Part, run
from shared.settings import load_settings
from shared.worker import Worker

OUTBOX_WITHIN = timedelta(seconds=60)


def clock() -> datetime:
    """The present, in UTC."""
    return datetime.now(UTC)


def main() -> None:
    """Run the auditor until it is told to end, or grant its role what it needs."""
    if sys.argv[1:2] == ["grant"]:
        asyncio.run(grants.apply(os.environ["CARELINE_DATABASE"], sys.argv[2]))
        return
    settings = load_settings(AuditorSettings)
    run("auditor", settings, _parts(settings), [])


def _parts(settings: AuditorSettings) -> list[Part]:
    reader = Reader(
        settings.kafka,
        settings.namespace,
        terms=settings.terms,
        look_back=timedelta(hours=settings.audit_look_back),
        clock=clock,
        security=settings.brokers_security(),
    )
    auditing = Auditing(reader, clock)
    parts: list[Part] = [reader, Worker("audit", auditing.step, idle=0.1)]
    if addresses := settings.databases:
        bounds = Bounds(
            window=timedelta(hours=settings.audit_database_window),
            tickets=settings.audit_database_tickets,
            outbox_within=OUTBOX_WITHIN,
        )
        databases = Databases(addresses, lambda: reader.checks, bounds, clock=clock, tell=tell)
        every = settings.audit_database_every
        parts.append(Worker("databases", databases.step, idle=every))
    return parts


if __name__ == "__main__":
    main()
