"""Alerts in a real database: planned, let go and sent, without the parts that run in a service."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

import asyncpg

from services.notifier import concluding, planning, store
from services.notifier.alerting import Slip
from services.notifier.concluding import Try
from services.notifier.deliveries import Accepted, Answer, Delivery
from services.notifier.planning import AlertRules
from services.notifier.storms import Limits
from shared import events
from shared.database import Connection, Database
from shared.deadlines import DeadlineBreached
from shared.envelope import derive_id
from shared.events import Event
from shared.plans import AlertStep, Catalogue
from tests.support import said
from tests.support.alert_steps import KNOWN, LEAD, naming, step

MIGRATIONS = Path(__file__).parents[2] / "services" / "notifier" / "migrations"
RULES = AlertRules(channel_of=KNOWN.get)
ONE_BY_ONE = AlertRules(channel_of=KNOWN.get, limits=Limits(burst=0))
"""Everything goes into digests."""
TO_LEAD = naming(step(LEAD))
HOLD = timedelta(minutes=1)
GIVE_UP_AFTER = timedelta(days=2)
ROOT = UUID(int=0)


def breaches(amount: int, *, at: datetime, series: str = "") -> Iterator[DeadlineBreached]:
    """As many, of a ticket each; from one model, since making each anew takes long."""
    one = said.breach(said.slot(said.ticket_created(at=at - timedelta(seconds=4))))
    for number in range(amount):
        ticket = derive_id(ROOT, series, str(number))
        whose = {"subject": str(ticket), "correlationid": derive_id(ticket, "created")}
        yield one.model_copy(update={"id": derive_id(ticket, "breach"), "time": at, **whose})


async def plan(
    connection: Connection,
    slips: Sequence[Slip],
    now: datetime,
    *steps: AlertStep,
    rules: AlertRules = RULES,
    catalogue: Catalogue | None = None,
) -> None:
    """Alerts of these; to the lead, if nobody else is named."""
    named = catalogue or (naming(*steps) if steps else TO_LEAD)
    await planning.plan_alerts(connection, slips, named, now=now, rules=rules)


async def plan_alone(
    database: Database,
    slips: Sequence[Slip],
    now: datetime,
    *steps: AlertStep,
    rules: AlertRules = RULES,
    catalogue: Catalogue | None = None,
) -> None:
    """The same in a transaction of its own."""
    async with database.transaction() as connection:
        await plan(connection, slips, now, *steps, rules=rules, catalogue=catalogue)


async def thicken(database: Database, now: datetime, *, rules: AlertRules = RULES) -> None:
    """All that the worker does at an instant."""
    more = True
    while more:
        async with database.transaction() as connection:
            more = await planning.thicken(connection, now=now, rules=rules)


async def claim(database: Database, now: datetime, limit: int = 100) -> list[Delivery]:
    """What a sender takes, from any lane."""
    free = dict.fromkeys(["email", *KNOWN], limit)
    async with database.transaction() as connection:
        return await store.claim(connection, now=now, held_until=now + HOLD, free=free)


async def conclude(
    database: Database, taken: Sequence[Delivery], now: datetime, answer: Answer | None = None
) -> None:
    """What becomes of what was taken: it arrived, if nothing else is said."""
    for delivery in taken:
        async with database.transaction() as connection:
            await concluding.conclude(
                connection,
                Try(delivery, answer or Accepted(), None),
                now=now,
                give_up_after=GIVE_UP_AFTER,
            )


async def send(database: Database, now: datetime) -> list[Delivery]:
    """What goes out at an instant, all of it accepted."""
    taken = await claim(database, now)
    await conclude(database, taken, now)
    return taken


async def rows(database: Database, kind: str = "%") -> list[asyncpg.Record]:
    """Deliveries of a kind, the earliest first."""
    async with database.connection() as connection:
        return await connection.fetch(
            "SELECT * FROM deliveries WHERE kind LIKE $1 ORDER BY caused_at, step, id", kind
        )


async def counted(database: Database) -> Counter[tuple[str, str]]:
    """How many deliveries there are of each kind and state."""
    return Counter((row["kind"], row["state"]) for row in await rows(database))


async def said_so_far(database: Database) -> list[Event]:
    """What the outbox holds."""
    async with database.connection() as connection:
        found = await connection.fetch("SELECT value FROM outbox ORDER BY id")
    return [event for row in found if (event := events.read(row["value"]))]
